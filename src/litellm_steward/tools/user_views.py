"""What an agent sees of users and customers."""

from __future__ import annotations

from typing import Literal

from litellm_steward.text import count, money, named, sentence_list
from litellm_steward.tools.blocks import (
    BudgetBlock,
    LimitsBlock,
    UsageBlock,
    note_lines,
    page_of,
    plan_text,
    usage_table,
)
from litellm_steward.tools.parameters import Kind
from litellm_steward.tools.view import Answer, Id, Name, View

_KIND = {"internal": "internal user", "customer": "customer"}


class NewUser(Answer):
    """A new user or customer, as the proxy stored it, or the plan of an administrator that somebody has to agree to.

    ``key``, if one was asked for, is shown this once.
    """

    status: Literal["created", "approval_required"] = "created"
    user_id: Id | None = None
    user_email: Name | None = None
    user_alias: Name | None = None
    kind: Kind
    user_role: Name | None = None
    teams: list[Name] | None = None
    budget: BudgetBlock | None = None
    limits: LimitsBlock | None = None
    models: list[Name] | None = None
    key_alias: Name | None = None
    key: str | None = None
    key_file: str | None = None
    plan: list[str] | None = None
    approval: str | None = None
    notes: list[str] = []

    def text(self) -> str:
        if self.status == "approval_required":
            return plan_text(self.plan, self.approval)
        role = f", {named(self.user_role)}" if self.user_role else ""
        return page_of(
            f"{_who(self.user_id or '', self.user_email)} created, {_KIND[self.kind]}{role}{_in(self.teams)}",
            f"Key: {self.key} (shown once; keep it safe)" if self.key else None,
            f"Key written to {self.key_file}" if self.key_file else None,
            self.budget.line() if self.budget else "No budget",
            self.limits.line() if self.limits else None,
            note_lines(self.notes),
        )


class UserKeys(View):
    """How many keys a user has; ``names`` are the first ten."""

    total: int
    active: int
    in_teams: int
    without_budget: int
    names: list[Name]


class MostUsedModel(View):
    """The model with the most requests."""

    name: Name
    api_requests: int
    total_tokens: int
    spend: float


class UserDetails(Answer):
    """One user or customer: budget, teams, keys and usage."""

    user_id: Id
    user_email: Name | None = None
    user_alias: Name | None = None
    kind: Kind
    user_role: Name | None = None
    blocked: bool | None = None
    teams: list[Name] | None = None
    team_ids: list[Id] | None = None
    budget: BudgetBlock
    limits: LimitsBlock | None = None
    models: list[Name] | None = None
    keys: UserKeys | None = None
    usage: UsageBlock
    most_used_model: Name | None = None
    most_used: MostUsedModel | None = None
    notes: list[str]

    def text(self) -> str:
        most = self.most_used
        return page_of(
            f"{_who(self.user_id, self.user_email)}, {_KIND[self.kind]}{_in(self.teams)}"
            f"{', blocked' if self.blocked else ''}",
            self.usage.line(),
            f"Most used: {named(most.name)}, {count(most.api_requests, 'request')}, {money(most.spend)}"
            if most
            else None,
            self.budget.line(),
            self.limits.line() if self.limits else None,
            _keys(self.keys),
            usage_table("model", self.usage.by_model, self.usage.spend),
            note_lines(self.notes, self.usage.notes),
        )


def _who(user_id: str, email: str | None) -> str:
    return f"{named(user_id)} ({named(email)})" if email and email != user_id else named(user_id)


def _in(teams: list[str] | None) -> str:
    return f", team{'s' if len(teams) > 1 else ''} {sentence_list([named(team) for team in teams])}" if teams else ""


def _keys(keys: UserKeys | None) -> str | None:
    if keys is None or not keys.total:
        return None
    return f"{count(keys.total, 'key')} ({keys.active} active, {keys.without_budget} without a budget)"
