"""What an agent sees of virtual keys."""

from __future__ import annotations

from typing import Literal

from litellm_steward.api.keys import Status
from litellm_steward.budgets import budget_label
from litellm_steward.text import count, money, named, sentence_list
from litellm_steward.tools.blocks import (
    BudgetBlock,
    LimitsBlock,
    UsageBlock,
    note_lines,
    page_of,
    plan_text,
    spoken_time,
    usage_table,
)
from litellm_steward.tools.view import Answer, Id, Name, View


class BudgetLimit(View):
    """One of several budgets, each with a window of its own."""

    max_budget: float
    budget_duration: Name


class GeneratedKey(Answer):
    """A new key, as the proxy stored it. ``key`` is shown this once."""

    key: str | None = None
    key_file: str | None = None
    key_masked: str
    key_id: str
    key_alias: Name | None = None
    team: Name | None = None
    team_id: Id | None = None
    user: Id | None = None
    models: list[Name]
    allowed_routes: list[Name] | None = None
    budget: BudgetBlock | None = None
    budget_limits: list[BudgetLimit] | None = None
    limits: LimitsBlock | None = None
    expires_at: str | None = None
    notes: list[str]

    def text(self) -> str:
        where = f"Key: {self.key} (shown once; keep it safe)" if self.key else f"Key written to {self.key_file}"
        return page_of(
            where,
            f"{named(self.key_alias or self.key_masked)}: {_belongs(self.team, self.user)}, {_models(self.models)}",
            self.budget.line() if self.budget else None if self.budget_limits else "No budget",
            _windows(self.budget_limits),
            self.limits.line() if self.limits else None,
            f"Expires {spoken_time(self.expires_at)}" if self.expires_at else "Never expires",
            note_lines(self.notes),
        )


class CurrentMinute(View):
    """Booked in the last 60 seconds."""

    requests: int
    tokens: int


class KeyDetails(Answer):
    """One key: who it belongs to, what it may do, what it used."""

    key_id: str
    key_masked: str
    key_alias: Name | None = None
    status: Status
    user: Id | None = None
    team: Name | None = None
    team_id: Id | None = None
    models: list[Name]
    allowed_routes: list[Name] | None = None
    aliases: dict[Name, Name] | None = None
    tags: list[Name] | None = None
    budget: BudgetBlock
    budget_limits: list[BudgetLimit] | None = None
    limits: LimitsBlock | None = None
    current_minute: CurrentMinute | None = None
    usage: UsageBlock
    expires_at: str | None = None
    last_active: str | None = None
    created_at: str | None = None
    deleted_at: str | None = None
    notes: list[str]

    def text(self) -> str:
        minute = self.current_minute
        return page_of(
            f"{named(self.key_alias) if self.key_alias else 'Key without alias'} ({self.key_masked}), {self.status}, "
            f"{_belongs(self.team, self.user)}, {_models(self.models)}",
            self.usage.line(),
            self.budget.line() if self.budget.max_budget is not None or not self.budget_limits else None,
            _windows(self.budget_limits),
            self.limits.line() if self.limits else None,
            f"Last 60 s: {count(minute.requests, 'request')}, {count(minute.tokens, 'token')}" if minute else None,
            f"Expires {spoken_time(self.expires_at)}" if self.expires_at else None,
            f"Last used {spoken_time(self.last_active)}" if self.last_active else None,
            usage_table("model", self.usage.by_model, self.usage.spend),
            note_lines(self.notes, self.usage.notes),
        )


class DeletedKey(Answer):
    """The outcome of ``delete_key``, or what it is about to do."""

    status: Literal["deleted", "approval_required"]
    key_id: str
    key_masked: str
    key_alias: Name | None = None
    plan: list[str] | None = None
    approval: str | None = None
    verified: bool | None = None
    notes: list[str] | None = None

    def text(self) -> str:
        if self.status == "approval_required":
            return plan_text(self.plan, self.approval)
        done = "Deleted" if self.verified else "The proxy says it deleted"
        name = named(self.key_alias) if self.key_alias else "the key"
        return page_of(f"{done} {name} ({self.key_masked})", note_lines(self.notes or []))


def _windows(limits: list[BudgetLimit] | None) -> str | None:
    """``Daily budget $5.00; Monthly budget $50.00``."""
    if not limits:
        return None
    return "; ".join(f"{budget_label(limit.budget_duration)} {money(limit.max_budget)}" for limit in limits)


def _belongs(team: str | None, user: str | None) -> str:
    parts = [f"team {named(team)}" if team else "no team", f"owner {named(user)}" if user else "no owner"]
    return ", ".join(parts)


def _models(models: list[str]) -> str:
    return sentence_list([named(model) for model in models]) if models else "all models"
