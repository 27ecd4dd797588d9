"""Single requests of the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from litellm_steward.api import customers, models
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.request_log import RequestRow
from litellm_steward.errors import InvalidArgument, ProxyError
from litellm_steward.periods import Period, resolve_period, utc_now
from litellm_steward.provider_errors import may_quote
from litellm_steward.references.keys import resolve_key
from litellm_steward.references.matching import if_given
from litellm_steward.references.model_names import missing_models
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import no_such_customer, resolve_user
from litellm_steward.request_search import Criteria, Found, Order, Search, log_lacks
from litellm_steward.together import together
from litellm_steward.tools.parameters import NAME, TOKEN, EndDate, KeyRef, PeriodParam, StartDate, TeamRef, UserRef
from litellm_steward.tools.request_views import Requests, request_view
from litellm_steward.tools.view import StewardContext, steward_of

ROWS: Final = 10
_CURSOR: Final = re.compile(r"(\d{1,6})-(\d{1,2})-(\d{9,11})")


async def find_requests(
    ctx: StewardContext,
    user: UserRef | None = None,
    team: TeamRef | None = None,
    key: KeyRef | None = None,
    model: Annotated[str | None, Field(min_length=1, max_length=NAME, description="Public model name")] = None,
    customer: Annotated[str | None, Field(min_length=1, max_length=NAME, description="Customer id")] = None,
    status: Annotated[Literal["success", "failure"] | None, Field(description="Leave out for both")] = None,
    period: PeriodParam = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    min_spend: Annotated[float | None, Field(ge=0, description="USD a request")] = None,
    order: Annotated[Order, Field(description="First the latest, or those that cost most")] = "newest",
    limit: Annotated[int, Field(ge=1, le=50, description="Rows")] = ROWS,
    cursor: Annotated[
        str | None, Field(max_length=TOKEN, description="next_cursor of the answer before; same arguments")
    ] = None,
) -> Requests:
    """Single requests in the log, newest or dearest first: when, which model, whose, tokens, cost, how long, and why
    it failed. No prompts, no answers.
    """
    proxy = steward_of(ctx).proxy
    days = resolve_period(period, start_date, end_date)
    number, until = _position(cursor, limit, days)
    users, teams, keys = await together(
        if_given(resolve_user, proxy, user), if_given(resolve_team, proxy, team), if_given(resolve_key, proxy, key)
    )
    criteria = Criteria(
        since=datetime.combine(days.start, time(), UTC),
        until=until,
        user_id=users.item.user_id if users else None,
        team_id=teams.item.team_id if teams else None,
        key_hash=keys.item.token if keys else None,
        model=model,
        customer=customer,
        status=status,
        min_spend=min_spend,
    )
    found = await Search(proxy, criteria, order, limit, number).run()
    notes = [*(users.notes if users else ()), *(teams.notes if teams else ()), *(keys.notes if keys else ())]
    notes += found.notes
    if not found.rows and number == 1:
        lacking = await log_lacks(proxy, criteria, days)
        notes += [lacking] if lacking else await _unknown_names(proxy, model, customer)
    known = {teams.item.team_id: teams.item.team_alias or ""} if teams else {}
    quotable = await _quotable(proxy, found.rows)
    return Requests(
        start_date=days.start_date,
        end_date=days.end_date,
        order=order,
        total=found.total,
        total_is_capped=found.capped or None,
        requests=[request_view(row, known, quotable) for row in found.rows],
        next_cursor=f"{number + 1}-{limit}-{int(until.timestamp())}" if found.more and found.pageable else None,
        notes=[*notes, *_notes(found, days)],
    )


async def _quotable(proxy: Proxy, rows: Sequence[RequestRow]) -> frozenset[str]:
    """The deployments among those that failed whose providers' words may be shown; only asked where one failed.

    Nothing is shown of a deployment that is gone, or while the proxy does not tell which there are.
    """
    failed = {row.model_id for row in rows if row.failed and row.model_id}
    if not failed:
        return frozenset()
    try:
        deployed = await models.deployments(proxy)
    except ProxyError:
        return frozenset()
    return frozenset(d.id for d in deployed if d.id in failed and may_quote(d, deployed))


async def _unknown_names(proxy: Proxy, model: str | None, customer: str | None) -> list[str]:
    """A sentence on a model or customer the proxy does not know; only asked when nothing was found."""
    try:
        models, known = await together(
            missing_models(proxy, [model] if model else []), customers.info(proxy, customer or "")
        )
    except ProxyError:
        return []  # a hint must not cost the answer
    return [*models, str(no_such_customer(customer))] if customer and known is None else models


def _position(cursor: str | None, limit: int, days: Period) -> tuple[int, datetime]:
    """The page, and the moment up to which rows count: fixed by the first answer, so that pages do not shift."""
    midnight = datetime.combine(days.end + timedelta(days=1), time(), UTC)
    if cursor is None:
        return 1, min(midnight, utc_now().replace(microsecond=0) + timedelta(seconds=1))
    match = _CURSOR.fullmatch(cursor)
    if match is None or int(match[2]) != limit or int(match[1]) < 1:
        raise InvalidArgument("cursor is the next_cursor of an earlier answer, used with the same limit")
    return int(match[1]), min(midnight, datetime.fromtimestamp(int(match[3]), UTC))


def _notes(found: Found, days: Period) -> list[str]:
    notes = []
    if found.capped:
        notes.append("The proxy counts no further than total: there are more.")
    if found.more and not found.pageable:
        notes.append("More match than are shown: raise limit, or ask for a shorter period.")
    if days.end >= utc_now().date():
        notes.append("Requests of the last seconds may not be logged yet.")
    return notes
