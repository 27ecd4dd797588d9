"""Virtual keys: make one, look at one, delete one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field

from litellm_steward import audit, errors, key_changes
from litellm_steward.api import keys, teams
from litellm_steward.api.budget import BudgetTable
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.api.users import User
from litellm_steward.budgets import check_budget, normalise_duration
from litellm_steward.delivery import prepare_delivery
from litellm_steward.labels import check_labels
from litellm_steward.limits_notes import key_without_budget, stopping
from litellm_steward.names import check_name, chosen_alias
from litellm_steward.periods import resolve_period
from litellm_steward.references.keys import resolve_key
from litellm_steward.references.matching import if_given
from litellm_steward.references.model_names import SPECIAL, unknown_models
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import resolve_user
from litellm_steward.secret import reveal
from litellm_steward.text import hash_key, is_raw_key, mask_key, money, quote, sentence_list
from litellm_steward.together import together
from litellm_steward.tools.blocks import (
    budget_block,
    iso,
    limits_block,
    usage_block,
    window_note,
)
from litellm_steward.tools.current_minute import current_minute, logs_are_off, minute_notes
from litellm_steward.tools.key_plans import deletion_plan, masked, refuse_own_or_gone
from litellm_steward.tools.key_views import BudgetLimit, DeletedKey, GeneratedKey, KeyDetails
from litellm_steward.tools.parameters import (
    LABELS,
    NAME,
    WORD,
    Approval,
    BudgetDuration,
    EndDate,
    KeyRef,
    MaxBudget,
    Metadata,
    ModelName,
    Models,
    PeriodParam,
    Rpm,
    StartDate,
    Tag,
    TeamRef,
    Tpm,
    UserRef,
)
from litellm_steward.tools.planned import Ready, when_agreed
from litellm_steward.tools.view import StewardContext, steward_of
from litellm_steward.usage.figures import total
from litellm_steward.usage.report import Usage
from litellm_steward.usage.scopes import usage_of_key

WINDOWS = 10
"""Budgets of one key that bind at once."""


class BudgetLimitParam(BaseModel):
    """One window of several."""

    model_config = ConfigDict(extra="forbid")

    max_budget: float
    budget_duration: Annotated[str, Field(max_length=WORD)]


async def generate_key(
    ctx: StewardContext,
    key_alias: Annotated[
        str | None, Field(max_length=NAME, description="Unique name; chosen for you if left out")
    ] = None,
    team: TeamRef | None = None,
    user: UserRef | None = None,
    models: Models = None,
    max_budget: MaxBudget = None,
    budget_duration: BudgetDuration = None,
    budget_limits: Annotated[
        list[BudgetLimitParam] | None,
        Field(max_length=WINDOWS, description="Several budgets at once, each with its window"),
    ] = None,
    duration: Annotated[
        str | None, Field(max_length=WORD, description="Lifetime, e.g. 90d; leave out for no expiry")
    ] = None,
    rpm_limit: Rpm = None,
    tpm_limit: Tpm = None,
    max_parallel_requests: Annotated[int | None, Field(ge=0, description="Requests under way at once")] = None,
    aliases: Annotated[
        dict[ModelName, ModelName] | None, Field(max_length=LABELS, description="Model name in calls -> model used")
    ] = None,
    tags: Annotated[list[Tag] | None, Field(max_length=LABELS, description="For spend by tag")] = None,
    metadata: Metadata = None,
) -> GeneratedKey:
    """Create a virtual key for a team, a user, or both; it works at once and is shown only in this answer.

    It calls models (base URL ending in /v1) and lists them: it reads, changes and deletes nothing else.
    A key of a team spends from the team's budget as well; a user's budget does not bind it. Without
    max_budget the key has no limit of its own. The team and the user must exist: create_team, create_user.
    """
    steward = steward_of(ctx)
    proxy = steward.proxy
    notes = check_budget(max_budget, budget_duration)
    check_name("key_alias", key_alias)
    body: dict[str, object] = {
        "models": models,
        "max_budget": max_budget,
        "budget_duration": normalise_duration("budget_duration", budget_duration),
        "budget_limits": _budget_limits(budget_limits),
        "duration": normalise_duration("duration", duration),
        "rpm_limit": rpm_limit,
        "tpm_limit": tpm_limit,
        "max_parallel_requests": max_parallel_requests,
        "aliases": aliases,
        "metadata": _metadata(metadata, tags),
    }
    notes += stopping("key", body)
    prepare_delivery(steward.settings)
    team_match, user_match, unknown = await together(
        if_given(resolve_team, proxy, team), if_given(resolve_user, proxy, user), unknown_models(proxy, models or [])
    )
    owner = user_match.item if user_match else None
    home = team_match.item if team_match else None
    for found in (team_match, user_match):
        notes += found.notes if found else ()
    notes += unknown
    if home and owner and not _is_member(home, owner.user_id):
        notes.append(f"{quote(owner.user_id)} is not a member of {quote(home.name)}.")
    notes += _bounds_of(home, models or [], max_budget) if home else []
    alias = key_alias or chosen_alias(home.team_alias if home else None, owner.user_id if owner else None)
    body |= {
        "key_alias": alias,
        "team_id": home.team_id if home else None,
        "user_id": owner.user_id if owner else None,
    }
    body = {name: value for name, value in body.items() if value is not None}
    audit.about(
        key=alias,
        team=home.name if home else None,
        team_id=home.team_id if home else None,
        user=owner.user_id if owner else None,
    )
    if owner and key_changes.has_powers(owner):
        notes.append(
            f"Its owner is {quote(owner.user_role or owner.user_id)}: the key has none of those powers, it can call "
            "models and no more."
        )
    unbudgeted = max_budget is None and not budget_limits
    member = await _budget_in_team(proxy, home, owner) if unbudgeted and home and owner else None
    new = await key_changes.generate(proxy, body, alias, owner, await steward.version())
    key_id = hash_key(reveal(new.key))
    audit.about(key_id=key_id)
    delivered = await key_changes.hand_over(proxy, steward.settings, new.key, alias)
    stored = await _read_back(proxy, key_id)
    if stored is None:
        notes.append("The key could not be read back: its limits and its expiry are as asked for, unconfirmed.")
        stored = Key.model_validate({**body, "key_name": mask_key(reveal(new.key))})
    else:
        notes += key_changes.differences(body, stored) + key_without_budget(stored, home, owner, member)
    return GeneratedKey(
        key=delivered.key,
        key_file=delivered.key_file,
        key_masked=masked(stored),
        key_id=key_id,
        key_alias=stored.key_alias,
        team=home.name if home else None,
        team_id=stored.team_id,
        user=stored.user_id,
        models=stored.models,
        allowed_routes=stored.allowed_routes or None,
        budget=budget_block(stored) if stored.max_budget is not None else None,
        budget_limits=_limit_views(stored),
        limits=limits_block(stored),
        expires_at=iso(stored.expires),
        notes=list(dict.fromkeys(notes)),
    )


async def get_key_info(
    ctx: StewardContext,
    key: KeyRef,
    period: PeriodParam = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
) -> KeyDetails:
    """One virtual key: status, owner, team, models, budget, limits, and its spend, tokens and requests in the period.

    For all keys of a person use get_user_info, of a team get_team_info.
    """
    steward = steward_of(ctx)
    proxy = steward.proxy
    days = resolve_period(period, start_date, end_date)
    match = await resolve_key(proxy, key)
    found = match.item
    usage, minute, team = await together(
        usage_of_key(proxy, found.token, days), current_minute(proxy, found), _team_of(proxy, found)
    )
    if minute is not None and minute.requests == 0 and await logs_are_off(proxy, found, usage):
        minute = None  # a log that records nothing must not look like a quiet minute
    former = _former_owners(found, usage)
    shown = usage if former else replace(usage, by_user=None)  # it says more only of a key that changed hands
    block, budget = usage_block(shown), budget_block(found.own_budget, spend=found.spend)
    notes = [*match.notes, *_key_notes(found, team), *former, *minute_notes(found, minute)]
    return KeyDetails(
        key_id=found.token,
        key_masked=masked(found),
        key_alias=found.key_alias,
        status=found.status(),
        user=found.user_id,
        team=team.name if team else found.team_id,
        team_id=found.team_id,
        models=found.models,
        allowed_routes=found.allowed_routes[:20] or None,
        aliases=dict(list(found.aliases.items())[:20]) or None,
        tags=keys.tags_of(found.metadata)[:20] or None,
        budget=budget,
        budget_limits=_limit_views(found),
        limits=limits_block(found),
        current_minute=minute,
        usage=block,
        expires_at=iso(found.expires),
        last_active=iso(found.last_active),
        created_at=iso(found.created_at),
        deleted_at=iso(found.deleted_at),
        notes=[*notes, *window_note(budget, block)],
    )


async def delete_key(ctx: StewardContext, key: KeyRef, approval: Approval = None) -> DeletedKey | InputRequiredResult:
    """Delete a virtual key for good, for example a leaked one: every application that uses it stops working.

    The user is asked first; where this client cannot ask, the answer is approval_required with a plan
    to show them, and a token to send back as approval once they have agreed.
    """
    steward = steward_of(ctx)
    proxy = steward.proxy

    async def prepare() -> Ready[DeletedKey]:
        match = await resolve_key(proxy, key)
        found = match.item
        refuse_own_or_gone(steward, found)
        audit.about(key=found.key_alias, key_id=found.token, team_id=found.team_id, user=found.user_id)
        team = await _team_of(proxy, found)
        outcome = DeletedKey(
            status="approval_required", key_id=found.token, key_masked=masked(found), key_alias=found.key_alias
        )

        async def make() -> DeletedKey:
            done = await key_changes.delete(proxy, found)
            notes = done.notes
            if is_raw_key(key.strip()):
                notes.append(await key_changes.refusal_of(proxy, key.strip()))
            return outcome.model_copy(update={"status": "deleted", "verified": done.verified, "notes": notes})

        return Ready(deletion_plan(found, team, match.notes), outcome, make)

    return await when_agreed(ctx, approval, prepare)


# ---- what is sent ------------------------------------------------------------------------------


def _budget_limits(limits: list[BudgetLimitParam] | None) -> list[dict[str, object]] | None:
    if not limits:
        return None
    for limit in limits:
        check_budget(limit.max_budget, limit.budget_duration)
    return [
        {
            "max_budget": limit.max_budget,
            "budget_duration": normalise_duration("budget_limits.budget_duration", limit.budget_duration),
        }
        for limit in limits
    ]


def _metadata(metadata: Mapping[str, object] | None, tags: list[str] | None) -> dict[str, object] | None:
    """Tags go into the metadata: the field of their own needs an Enterprise licence."""
    check_labels(metadata)
    if metadata and tags and "tags" in metadata:
        raise errors.InvalidArgument("Give tags or metadata.tags, not both")
    merged = {**(metadata or {}), **({"tags": tags} if tags else {})}
    return merged or None


def _bounds_of(team: Team, models: list[str], max_budget: float | None) -> list[str]:
    """What a team forbids its keys, whatever they are made for."""
    notes = []
    if team.models and not any("*" in model or model in SPECIAL for model in team.models):
        outside = [model for model in models if model not in team.models and model not in SPECIAL]
        allowed = sentence_list([quote(model) for model in team.models])
        if outside:
            notes.append(
                f"{sentence_list([quote(model) for model in outside])}: not among the team's models ({allowed})."
            )
        elif not models:
            notes.append(f"The team's models bind it as well: {allowed}.")
    if team.max_budget is not None and max_budget is not None and max_budget > team.max_budget:
        notes.append(f"The team's budget of {money(team.max_budget)} is smaller, and binds it as well.")
    return notes


async def _budget_in_team(proxy: Proxy, team: Team, user: User) -> BudgetTable | None:
    """What the team gives this member to spend; nothing where it cannot be read."""
    try:
        found = await teams.info(proxy, team.team_id)
    except errors.ProxyError:
        return None
    return found.budget_of(user.user_id) if found is not None else None


async def _read_back(proxy: Proxy, key_hash: str) -> Key | None:
    """The key as stored; a failure to read it must not cost the only showing of its secret."""
    try:
        return await keys.info(proxy, key_hash)
    except errors.ProxyError:
        return None


def _is_member(team: Team, user_id: str) -> bool:
    return any(member.user_id == user_id for member in team.members_with_roles)


# ---- what is shown -----------------------------------------------------------------------------


async def _team_of(proxy: Proxy, key: Key) -> Team | None:
    return await teams.by_id(proxy, key.team_id) if key.team_id else None


def _limit_views(key: Key) -> list[BudgetLimit] | None:
    limits = [BudgetLimit(max_budget=w.max_budget, budget_duration=w.budget_duration) for w in key.budget_limits]
    return limits or None


def _key_notes(key: Key, team: Team | None) -> list[str]:
    """What the fields alone do not tell about this key's effective limits."""
    notes: list[str] = []
    if key.status() == "deleted":
        return notes
    if key.team_id and team is None:
        notes.append(f"Its team {quote(key.team_id)} does not exist: no team budget applies.")
    if team is not None and team.max_budget is not None and not key.has_budget:
        left = team.max_budget - team.spend
        notes.append(f"It has no budget of its own; the team's {money(team.max_budget)} applies ({money(left)} left).")
    if team is not None and team.blocked:
        notes.append("Its team is blocked.")
    if key.own_budget.max_budget == 0:
        notes.append("A max_budget of 0 rejects every call.")
    return notes


def _former_owners(key: Key, usage: Usage) -> list[str]:
    """What was booked under somebody else, because the key was theirs then."""
    others = [g for g in (usage.by_user.groups if usage.by_user else ()) if g.ref != (key.user_id or "")]
    if not others:
        return []
    names = ", ".join(quote(group.name) for group in others[:3])
    spent = total(group.figures for group in others)
    return [f"{money(float(spent.spend))} of this is booked under {names}: not its owner now, but at the time."]
