"""Users: internal users, who own keys, and customers (end users), who are named in calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from mcp.types import InputRequiredResult
from pydantic import Field

from litellm_steward import audit, errors, key_changes, user_changes
from litellm_steward.api import customers
from litellm_steward.api.budget import BudgetTable
from litellm_steward.api.customers import Customer
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.api.users import SYSTEM_USER, User, UserInfo
from litellm_steward.budgets import check_budget, normalise_duration
from litellm_steward.delivery import Delivered, prepare_delivery
from litellm_steward.limits_notes import stopping, user_without_budget
from litellm_steward.names import check_name, chosen_alias
from litellm_steward.periods import Period, resolve_period, utc_now
from litellm_steward.references.matching import Match
from litellm_steward.references.model_names import unknown_models
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import find_user, given, no_such_user, resolve_customer, resolve_user
from litellm_steward.steward import Steward
from litellm_steward.text import clean, is_masked_key, quote
from litellm_steward.together import each, together
from litellm_steward.tools.blocks import (
    TEAM_KEYS_UNBOUND,
    TOP,
    budget_block,
    limits_block,
    rounded,
    usage_block,
    window_note,
)
from litellm_steward.tools.parameters import (
    NAME,
    TEAMS,
    Approval,
    BudgetDuration,
    EndDate,
    Kind,
    MaxBudget,
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
from litellm_steward.tools.user_plans import limited_customer_plan, powerful_user_plan
from litellm_steward.tools.user_views import MostUsedModel, NewUser, UserDetails, UserKeys
from litellm_steward.tools.view import StewardContext, steward_of
from litellm_steward.usage.report import Usage
from litellm_steward.usage.scopes import usage_of_customer, user_with_usage

Role = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]


async def create_user(
    ctx: StewardContext,
    user_id: Annotated[str | None, Field(max_length=NAME, description="Chosen for you if left out")] = None,
    user_email: Annotated[str | None, Field(max_length=NAME, description="Must be unique")] = None,
    user_alias: Annotated[str | None, Field(max_length=NAME, description="Display name")] = None,
    user_role: Annotated[Role | None, Field(description="Default internal_user")] = None,
    teams: Annotated[list[TeamRef] | None, Field(max_length=TEAMS, description="Existing teams to join")] = None,
    max_budget: MaxBudget = None,
    budget_duration: BudgetDuration = None,
    tpm_limit: Tpm = None,
    rpm_limit: Rpm = None,
    models: Models = None,
    kind: Annotated[Kind, Field(description="customer: an end user named in calls, without keys")] = "internal",
    create_key: Annotated[bool, Field(description="Also make a key without a team")] = False,
    approval: Approval = None,
) -> NewUser | InputRequiredResult:
    """Register an internal user (a person who owns keys) or a customer (an end user named in calls).

    Makes no key unless asked; generate_key makes keys with their own budget. A user's budget does
    not bind keys that belong to a team. A proxy_admin or proxy_admin_viewer needs agreement first,
    and so do a customer's limits.
    """
    steward = steward_of(ctx)
    proxy = steward.proxy
    notes = check_budget(max_budget, budget_duration)
    _check_names(user_id, user_email, user_alias)
    limits: dict[str, object] = {
        "max_budget": max_budget,
        "budget_duration": normalise_duration("budget_duration", budget_duration),
        "tpm_limit": tpm_limit,
        "rpm_limit": rpm_limit,
        "models": models,
    }
    if kind == "customer":
        internal_only = {"user_email": user_email, "user_role": user_role, "teams": teams, "models": models}
        refused = [name for name, value in internal_only.items() if value] + (["create_key"] if create_key else [])
        if refused:
            raise errors.InvalidArgument(f"A customer has no {', '.join(refused)}; nothing was created")
        return await when_agreed(ctx, approval, lambda: _customer_to_be(proxy, user_id, user_alias, limits, notes))
    notes += stopping("user", limits)
    if create_key:
        prepare_delivery(steward.settings)

    async def prepare() -> Ready[NewUser]:
        teams_found, unknown = await together(
            each([resolve_team(proxy, reference) for reference in teams or []]), unknown_models(proxy, models or [])
        )
        chosen_id = await user_changes.free_user_id(proxy, user_id, user_email)
        audit.about(user=chosen_id, email=user_email)
        body: dict[str, object] = {
            "user_id": chosen_id,
            "user_email": user_email,
            "user_alias": user_alias,
            "user_role": user_role or "internal_user",
            "teams": [match.item.team_id for match in teams_found] or None,
            **limits,
        }
        said = [*notes, *(note for match in teams_found for note in match.notes), *unknown]
        joining = [match.item for match in teams_found]
        plan = (
            powerful_user_plan(user_role, user_id, user_email, joining, with_key=create_key)
            if user_role and key_changes.is_powerful(user_role)
            else None
        )
        planned = NewUser(
            status="approval_required", user_id=user_id, user_email=user_email, kind="internal", user_role=user_role
        )
        return Ready(plan, planned, lambda: _create_internal(steward, body, teams_found, said, create_key=create_key))

    return await when_agreed(ctx, approval, prepare)


async def _create_internal(
    steward: Steward,
    body: Mapping[str, object],
    teams_found: Sequence[Match[Team]],
    notes: list[str],
    *,
    create_key: bool,
) -> NewUser:
    proxy = steward.proxy
    made = await user_changes.create(proxy, {name: value for name, value in body.items() if value is not None})
    joined = [match.item for match in teams_found if match.item.team_id in made.user.teams]
    notes += made.notes + _not_joined(teams_found, made.user) + user_changes.differences(body, made.user)
    alias = chosen_alias(made.user.user_id) if create_key else None
    delivered = await _key_for(steward, made.user, alias) if alias else None
    return NewUser(
        user_id=made.user.user_id,
        user_email=made.user.user_email,
        user_alias=made.user.user_alias,
        kind="internal",
        user_role=made.user.user_role,
        teams=[team.name for team in joined],
        budget=budget_block(made.user, applies_to=TEAM_KEYS_UNBOUND) if made.user.max_budget is not None else None,
        limits=limits_block(made.user),
        models=made.user.models or None,
        key_alias=alias,
        key=delivered.key if delivered else None,
        key_file=delivered.key_file if delivered else None,
        notes=[*notes, *(user_without_budget(made.user) if made.read_back else [])],
    )


async def get_user_info(
    ctx: StewardContext,
    user: UserRef,
    kind: Annotated[Kind | None, Field(description="If one id is both; default internal")] = None,
    period: PeriodParam = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    top: Top = TOP,
) -> UserDetails:
    """One user or customer: what they spent (USD, tokens, requests) in the period, by model, key and day; their
    budget and what is left of it, teams and keys.

    Counts what was booked under the person, whichever key made the call.
    """
    proxy = steward_of(ctx).proxy
    days = resolve_period(period, start_date, end_date)
    user = given(user)
    if kind == "customer":
        return await _customer_details(proxy, await resolve_customer(proxy, user), days, top)
    if kind == "internal":
        match = await resolve_user(proxy, user)
        return _user_details(match, *await user_with_usage(proxy, match.item.user_id, days), top, [])
    if "@" in user:  # an e-mail address is rarely a customer's id: look only if nobody has it
        found, near, searchable = await find_user(proxy, user)
        customer = None if found else await customers.info(proxy, user)
    else:
        (found, near, searchable), customer = await together(find_user(proxy, user), customers.info(proxy, user))
    if found is not None:
        both = customer is not None and customer.user_id == found.item.user_id
        twin = ["A customer has the same id: pass kind=customer for it."] if both else []
        return _user_details(found, *await user_with_usage(proxy, found.item.user_id, days), top, twin)
    if customer is not None:
        return await _customer_details(proxy, Match(customer), days, top)
    raise await no_such_user(proxy, user, near, searchable=searchable)


def _check_names(user_id: str | None, user_email: str | None, user_alias: str | None) -> None:
    for argument, value in {"user_id": user_id, "user_email": user_email, "user_alias": user_alias}.items():
        check_name(argument, value)
    if user_id is not None and "," in user_id:
        raise errors.InvalidArgument("user_id must not contain a comma: the proxy could not look it up")
    if user_id == SYSTEM_USER:
        raise errors.InvalidArgument(f"user_id must not be {SYSTEM_USER}: it is the user of the master key")
    if user_email is not None and ("@" not in user_email or " " in user_email):
        raise errors.InvalidArgument("user_email must be an e-mail address")


async def _key_for(steward: Steward, user: User, alias: str) -> Delivered:
    """A first key of a new user's, who exists whatever becomes of it."""
    body = {"key_alias": alias, "user_id": user.user_id}
    try:
        new = await key_changes.generate(steward.proxy, body, alias, user, await steward.version())
        return await key_changes.hand_over(steward.proxy, steward.settings, new.key, alias)
    except errors.StewardError as error:
        raise user_changes.UserWithoutKey(user.user_id, error) from error


async def _customer_to_be(
    proxy: Proxy, user_id: str | None, alias: str | None, limits: dict[str, object], notes: list[str]
) -> Ready[NewUser]:
    """Limits need agreement where calls may name the customer already: with an id that is chosen here, none can."""
    chosen_id = user_id or str(uuid.uuid4())
    audit.about(customer=chosen_id)
    if user_id is not None:
        await user_changes.refuse_existing_customer(proxy, user_id)
    given = {name: value for name, value in limits.items() if value is not None}
    bound = {name: value for name, value in given.items() if name != "budget_duration"}
    plan = limited_customer_plan(chosen_id, given) if bound and user_id is not None else None
    planned = NewUser(status="approval_required", user_id=user_id, user_alias=alias, kind="customer")
    return Ready(plan, planned, lambda: _create_customer(proxy, chosen_id, alias, given, notes))


async def _create_customer(
    proxy: Proxy, customer_id: str, alias: str | None, limits: dict[str, object], notes: list[str]
) -> NewUser:
    body = {"user_id": customer_id, **({"alias": alias} if alias is not None else {}), **limits}
    stored, more = await user_changes.create_customer(proxy, body)
    notes = [*notes, *stopping("customer", limits)]
    notes += more
    budget = stored.litellm_budget_table
    if "max_budget" in limits and (budget is None or budget.max_budget != limits["max_budget"]):
        notes.append("The proxy did not store the budget as asked.")
    return NewUser(
        user_id=stored.user_id,
        user_alias=stored.alias,
        kind="customer",
        budget=budget_block(budget, spend=stored.spend) if budget and budget.max_budget is not None else None,
        limits=limits_block(budget) if budget else None,
        notes=[*notes, "A customer's budget binds calls that name it as `user`, whichever key makes them."],
    )


def _user_details(match: Match[User], info: UserInfo | None, usage: Usage, top: int, notes: list[str]) -> UserDetails:
    user = match.item
    owned = _newest_first(info.keys) if info is not None else None
    joined = _teams_of(user, info.teams if info is not None else [])
    unbound, unbound_note = _unbound(user, owned or [])
    if owned is None:
        notes = [*notes, "The proxy does not tell this user's keys: its route loses an id like this one."]
    most, budget = _most_used(usage), budget_block(user, applies_to=unbound)
    block = usage_block(usage, top)
    return UserDetails(
        user_id=user.user_id,
        user_email=user.user_email,
        user_alias=user.user_alias,
        kind="internal",
        user_role=user.user_role,
        teams=[team.name for team in joined][:20],
        team_ids=[team.team_id for team in joined][:20] or None,
        budget=budget,
        limits=limits_block(user),
        models=user.models or None,
        keys=_key_counts(owned) if owned is not None else None,
        usage=block,
        most_used_model=most.name if most else None,
        most_used=most,
        notes=[*match.notes, *notes, *unbound_note, *window_note(budget, block)],
    )


async def _customer_details(proxy: Proxy, match: Match[Customer], days: Period, top: int) -> UserDetails:
    customer = match.item
    usage = await usage_of_customer(proxy, customer.user_id, days)
    budget = budget_block(customer.litellm_budget_table or BudgetTable(), spend=customer.spend)
    most, block = _most_used(usage), usage_block(usage, top)
    return UserDetails(
        user_id=customer.user_id,
        user_alias=customer.alias,
        kind="customer",
        blocked=customer.blocked or None,
        budget=budget,
        limits=limits_block(customer.litellm_budget_table or BudgetTable()),
        usage=block,
        most_used_model=most.name if most else None,
        most_used=most,
        notes=[*match.notes, *window_note(budget, block)],
    )


def _newest_first(owned: list[Key]) -> list[Key]:
    return sorted(owned, key=lambda key: (str(key.created_at), key.token), reverse=True)


def _teams_of(user: User, known: list[Team]) -> list[Team]:
    """The user's teams by name; an id the proxy no longer knows stays an id."""
    found = {team.team_id: team for team in known}
    return [found.get(team_id) or Team(team_id=team_id) for team_id in user.teams]


def _not_joined(wanted: Sequence[Match[Team]], user: User) -> list[str]:
    """The proxy drops teams silently."""
    return [
        f"The proxy did not add the user to {quote(match.item.name)}."
        for match in wanted
        if match.item.team_id not in user.teams
    ]


def _unbound(user: User, owned: list[Key]) -> tuple[str | None, list[str]]:
    """What a user's budget binds: not the keys that belong to a team, though their spend counts in it."""
    if user.max_budget is None:
        return None, []
    in_team = sum(1 for key in owned if key.team_id)
    if not in_team:
        return "the user's own keys; not keys that belong to a team", []
    note = f"{TEAM_KEYS_UNBOUND[0].upper()}{TEAM_KEYS_UNBOUND[1:]}; {in_team} of {len(owned)} keys do."
    return "the user's own keys; not keys that belong to a team", [note.replace("This budget", "The user's budget")]


def _key_counts(owned: list[Key]) -> UserKeys:
    now = utc_now()
    active = [key for key in owned if key.status(now) == "active"]
    return UserKeys(
        total=len(owned),
        active=len(active),
        in_teams=sum(1 for key in owned if key.team_id),
        without_budget=sum(1 for key in owned if not key.has_budget),
        names=[_key_name(key) for key in owned[:10]],
    )


def _key_name(key: Key) -> str:
    """The alias, if it can be used as it is shown; else what the key can be found by."""
    if key.key_alias and clean(key.key_alias) == key.key_alias:
        return key.key_alias
    return key.key_name if is_masked_key(key.key_name) else key.token


def _most_used(usage: Usage) -> MostUsedModel | None:
    """By requests, as people count; spend decides between equals."""
    groups = usage.by_model.groups if usage.by_model else ()
    if not groups:
        return None
    most = max(groups, key=lambda group: (group.figures.api_requests, group.figures.spend))
    return MostUsedModel(
        name=most.name,
        api_requests=most.figures.api_requests,
        spend=rounded(most.figures.spend),
        total_tokens=most.figures.total_tokens,
    )
