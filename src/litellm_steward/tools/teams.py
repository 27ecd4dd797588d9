"""Teams: make one, look at one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from mcp.types import InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field

from litellm_steward import audit, errors, team_changes
from litellm_steward.api import teams
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.api.users import SYSTEM_USER
from litellm_steward.budgets import check_budget, normalise_duration
from litellm_steward.labels import check_labels
from litellm_steward.limits_notes import stopping, team_without_budget
from litellm_steward.names import check_name
from litellm_steward.periods import resolve_period, utc_now
from litellm_steward.readback import stored_otherwise
from litellm_steward.references.model_names import unknown_models
from litellm_steward.references.teams import resolve_team, taken_by
from litellm_steward.references.users import resolve_user
from litellm_steward.text import count, money, named, quote, sentence_list
from litellm_steward.together import each, together
from litellm_steward.tools.blocks import (
    TOP,
    BudgetBlock,
    LimitsBlock,
    UsageBlock,
    UsageRow,
    budget_block,
    limits_block,
    note_lines,
    page_of,
    plan_text,
    usage_block,
    usage_table,
    window_note,
)
from litellm_steward.tools.parameters import (
    MEMBERS,
    NAME,
    Approval,
    BudgetDuration,
    EndDate,
    MaxBudget,
    Metadata,
    Models,
    PeriodParam,
    Rpm,
    StartDate,
    TeamRef,
    Top,
    Tpm,
    UserRef,
)
from litellm_steward.tools.planned import Ready, when_agreed
from litellm_steward.tools.room import ROOM, fitting, size
from litellm_steward.tools.team_plans import new_team_plan
from litellm_steward.tools.view import Answer, Id, Name, StewardContext, View, steward_of
from litellm_steward.usage.report import Usage
from litellm_steward.usage.scopes import team_with_usage

LARGE_SHARE = 25
"""Percent of a team's spend from which an unbudgeted key is named."""


class MemberParam(BaseModel):
    """A member to be."""

    model_config = ConfigDict(extra="forbid")

    user: UserRef
    role: Literal["admin", "user"] = "user"


class MemberView(View):
    user_id: Id | None = None
    user_email: Name | None = None
    role: Name


class KeyCounts(View):
    """How many keys there are, and what they lack."""

    total: int
    without_budget: int
    blocked: int | None = None
    expired: int | None = None


class NewTeam(Answer):
    """A new team, as the proxy stored it, or the plan of one that somebody has to agree to."""

    status: Literal["created", "approval_required"] = "created"
    team_alias: Name
    team_id: str | None = None
    budget: BudgetBlock | None = None
    limits: LimitsBlock | None = None
    models: list[Name] = []
    members: list[MemberView] = []
    plan: list[str] | None = None
    approval: str | None = None
    notes: list[str] = []

    def text(self) -> str:
        if self.status == "approval_required":
            return plan_text(self.plan, self.approval)
        return page_of(
            f"Team {named(self.team_alias)} created (id {self.team_id or '?'}), "
            f"{sentence_list([named(model) for model in self.models]) if self.models else 'all models'}",
            self.budget.line() if self.budget else "No budget",
            self.limits.line() if self.limits else None,
            f"Members: {sentence_list([_shown(m) for m in self.members], 10)}" if self.members else None,
            note_lines(self.notes),
        )


class TeamDetails(Answer):
    """One team: budget, ``top`` of its members, keys, and who spent what."""

    team_alias: Name | None = None
    team_id: Id
    blocked: bool
    models: list[Name]
    budget: BudgetBlock
    limits: LimitsBlock | None = None
    members: list[MemberView]
    members_total: int
    keys: KeyCounts
    usage: UsageBlock
    top_contributor: UsageRow | None = None
    notes: list[str]

    def text(self) -> str:
        usage, top = self.usage, self.top_contributor
        return page_of(
            f"{named(self.team_alias or self.team_id)}{' (blocked)' if self.blocked else ''}, "
            f"{count(self.members_total, 'member')}, {count(self.keys.total, 'key')} "
            f"({self.keys.without_budget} without a budget)",
            usage.line(),
            f"Top contributor: {named(top.name)}, {money(top.spend)}, {top.share_percent:.0f} %"
            if top and top.share_percent is not None
            else None,
            self.budget.line(),
            self.limits.line() if self.limits else None,
            usage_table("user", usage.by_user, usage.spend),
            usage_table("key", usage.by_key, usage.spend),
            usage_table("model", usage.by_model, usage.spend),
            note_lines(self.notes, usage.notes),
        )


async def create_team(
    ctx: StewardContext,
    team_alias: Annotated[str, Field(max_length=NAME, description="The team's name")],
    max_budget: MaxBudget = None,
    budget_duration: BudgetDuration = None,
    tpm_limit: Tpm = None,
    rpm_limit: Rpm = None,
    models: Models = None,
    members: Annotated[list[MemberParam] | None, Field(max_length=MEMBERS, description="Existing users")] = None,
    metadata: Metadata = None,
    allow_duplicate: Annotated[bool, Field(description="Although the name is taken")] = False,
    approval: Approval = None,
) -> NewTeam | InputRequiredResult:
    """Create a team. Its budget, limits and models bind every key of the team together.

    Members must exist (create_user); keys for the team are made with generate_key. A member with the role admin,
    or a name that is taken, needs agreement first.
    """
    proxy = steward_of(ctx).proxy
    check_name("team_alias", team_alias)
    check_labels(metadata)
    notes = check_budget(max_budget, budget_duration)
    settings: dict[str, object] = {
        "max_budget": max_budget,
        "budget_duration": normalise_duration("budget_duration", budget_duration),
        "tpm_limit": tpm_limit,
        "rpm_limit": rpm_limit,
        "models": models,
        "metadata": metadata,
    }
    notes += stopping("team", settings)

    async def prepare() -> Ready[NewTeam]:
        (twins, imitated), users, unknown = await together(
            taken_by(proxy, team_alias),
            each([resolve_user(proxy, member.user) for member in members or []]),
            unknown_models(proxy, models or []),
        )
        if imitated is not None:
            raise errors.Conflict(
                f"{quote(team_alias)} is the id of the team {quote(imitated.name)}; nothing was created",
                hint="Choose another name.",
            )
        if twins and not allow_duplicate:
            ids = ", ".join(quote(team.team_id) for team in twins[:5])
            raise errors.Conflict(
                f"There is a team {quote(twins[0].team_alias or team_alias)} already (id {ids}); nothing was created",
                hint="Use that one, choose another name, or pass allow_duplicate=true.",
            )
        roles, repeated = _roles([(match.item.user_id, m.role) for match, m in zip(users, members or [], strict=True)])
        said = [*notes, *(note for match in users for note in match.notes), *unknown, *repeated]
        team_id = str(uuid.uuid4())
        audit.about(team=team_alias, team_id=team_id)
        body = {
            "team_id": team_id,
            "team_alias": team_alias,
            **settings,
            "members_with_roles": [{"role": role, "user_id": user_id} for user_id, role in roles.items()],
        }
        admins = [user_id for user_id, role in roles.items() if role == "admin"]
        plan = new_team_plan(team_alias, admins, [user_id for user_id in roles if user_id not in admins], twins)
        planned = NewTeam(status="approval_required", team_alias=team_alias)
        return Ready(plan, planned, lambda: _create(proxy, body, roles, said))

    return await when_agreed(ctx, approval, prepare)


async def _create(proxy: Proxy, body: Mapping[str, object], roles: Mapping[str, str], notes: list[str]) -> NewTeam:
    team_id = str(body["team_id"])
    asked = {name: value for name, value in body.items() if value is not None}
    notes = notes + await team_changes.create(proxy, team_id, asked)
    try:
        stored = await teams.by_id(proxy, team_id)
    except errors.ProxyError as error:
        error.hint = f"The team was created (id {team_id}), but could not be read back."
        raise
    if stored is None:
        raise errors.ProxyBroken(f"The proxy said that team {team_id} was created, but does not know it")
    notes += stored_otherwise(body, stored, ("max_budget", "budget_duration", "tpm_limit", "rpm_limit"))
    return NewTeam(
        team_id=stored.team_id,
        team_alias=stored.team_alias or str(body["team_alias"]),
        budget=budget_block(stored) if stored.max_budget is not None else None,
        limits=limits_block(stored),
        models=stored.models,
        members=_members(stored, asked=SYSTEM_USER in roles),
        notes=[*notes, *team_without_budget(stored)],
    )


def _roles(asked: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Each person once, with the stronger role where one was named twice; the proxy would take the last."""
    roles: dict[str, str] = {}
    repeated: list[str] = []
    for user_id, role in asked:
        if user_id in roles:
            repeated.append(user_id)
        roles[user_id] = "admin" if "admin" in (role, roles.get(user_id)) else role
    return roles, [
        f"{quote(user_id)} was named more than once, and is a member as {roles[user_id]}."
        for user_id in dict.fromkeys(repeated)
    ]


async def get_team_info(
    ctx: StewardContext,
    team: TeamRef,
    period: PeriodParam = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    top: Top = TOP,
) -> TeamDetails:
    """One team (a department, a project): budget, members, key counts, and its spend by model, user, key and day.

    Answers who in a team spent how much, and which of its keys nothing limits. top bounds the members listed, too.
    """
    proxy = steward_of(ctx).proxy
    days = resolve_period(period, start_date, end_date)
    match = await resolve_team(proxy, team)
    info, usage = await team_with_usage(proxy, match.item.team_id, days)
    if info is None:
        raise errors.Missing(f"The team {quote(team)} was deleted just now")
    row = info.team_info
    block, budget = usage_block(usage, top), budget_block(row)
    members = _members(row)
    first = usage.by_user.groups[0] if usage.by_user and usage.by_user.groups else None
    details = TeamDetails(
        team_alias=row.team_alias,
        team_id=row.team_id,
        blocked=row.blocked,
        models=row.models[:20],
        budget=budget,
        limits=limits_block(row),
        members=[],
        members_total=len(members),
        keys=_key_counts(info.keys),
        usage=block,
        top_contributor=block.by_user[0] if first and block.by_user else None,
        notes=[
            *match.notes,
            *_team_notes(row, info.keys),
            *_unbudgeted_spenders(usage, info.keys),
            *window_note(budget, block),
        ],
    )
    listed = members[:top] if top > TOP else fitting(members[:top], ROOM - size(details))
    return details.model_copy(update={"members": listed})


def _members(team: Team, *, asked: bool = False) -> list[MemberView]:
    """Members by role; LiteLLM's own system user is left out unless it was asked for."""
    kept = [m for m in team.members_with_roles if m.user_id != SYSTEM_USER or asked]
    kept.sort(key=lambda member: (member.role != "admin", member.user_id or ""))
    return [MemberView(user_id=m.user_id, user_email=m.user_email, role=m.role) for m in kept]


def _shown(member: MemberView) -> str:
    name = named(member.user_id or member.user_email or "?")
    return f"{name} (admin)" if member.role == "admin" else name


def _key_counts(keys: list[Key]) -> KeyCounts:
    now = utc_now()
    statuses = [key.status(now) for key in keys]
    return KeyCounts(
        total=len(keys),
        without_budget=sum(1 for key in keys if not key.has_budget),
        blocked=statuses.count("blocked") or None,
        expired=statuses.count("expired") or None,
    )


def _team_notes(team: Team, keys: list[Key]) -> list[str]:
    notes = []
    if team.blocked:
        notes.append("The team is blocked: its keys are refused.")
    if team.max_budget is None and keys and not all(key.has_budget for key in keys):
        notes.append("Neither the team nor all of its keys have a budget: their spend is unlimited.")
    return notes


def _unbudgeted_spenders(usage: Usage, keys: list[Key]) -> list[str]:
    """The keys that make a large part of the spend and that nothing but the team's budget stops."""
    unbudgeted = {key.token: key for key in keys if not key.has_budget}
    notes = []
    for group in usage.by_key.groups[:3] if usage.by_key else ():
        key = unbudgeted.get(group.ref)
        share = 100 * group.figures.spend / usage.total.spend if usage.total.spend else 0
        if key is not None and share >= LARGE_SHARE:
            owner = f" of {quote(key.user_id)}" if key.user_id else ""
            notes.append(f"Key {quote(group.name)}{owner} has no budget and made {share:.0f} % of the spend.")
    return notes
