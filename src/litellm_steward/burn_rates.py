"""How fast budgets burn: spend a day over the last week, and when that uses them up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from litellm_steward.api.proxy import Proxy
from litellm_steward.budget_scan import Holder
from litellm_steward.errors import ProxyError, Unsupported
from litellm_steward.periods import Period, utc_now
from litellm_steward.together import each
from litellm_steward.usage.figures import figures_of, total
from litellm_steward.usage.readings import Reading, read_aggregated, read_whole

DAYS: Final = 7
AT_ONCE: Final = 4
OVER: Final = "over budget"
NOT_BEFORE_RESET: Final = "not before the reset"
IDLE: Final = "not at this rate"
FAR: Final = timedelta(days=3_650)


@dataclass(frozen=True)
class Burn:
    """USD a day, and the UTC day on which it uses the budget up, or why there is none."""

    holder: Holder
    per_day: float | None
    runs_out: str | None
    failed: bool = False
    """There is no rate because the figures could not be read now; else because this release does not tell them."""


async def burns(proxy: Proxy, holders: list[Holder]) -> list[Burn]:
    """One reading each, a few at a time; without one where the release cannot tell."""
    now = utc_now()
    return await each([_burn(proxy, holder, now) for holder in holders], at_once=AT_ONCE)


async def _burn(proxy: Proxy, holder: Holder, now: datetime) -> Burn:
    today = now.date()
    week = Period(today - timedelta(days=DAYS - 1), today)
    try:
        reading = await _reading(proxy, holder, week)
    except (Unsupported, ProxyError) as error:
        failed = not isinstance(error, Unsupported)
        return Burn(holder, None, OVER if holder.used >= 1 else None, failed)
    spent = float(total(figures_of(day.metrics) for day in reading.days).spend)
    per_day = spent / _elapsed(holder, week, now)
    return Burn(holder, per_day, runs_out(holder, per_day, now))


async def _reading(proxy: Proxy, holder: Holder, week: Period) -> Reading:
    if holder.scope == "keys":
        return await read_whole(proxy, "user", week, api_key=holder.row_id)
    if holder.scope == "teams":
        return await read_whole(proxy, "team", week, entity=holder.row_id)
    return await read_aggregated(proxy, "user", week, entity=holder.row_id)


def _elapsed(holder: Holder, week: Period, now: datetime) -> float:
    """Days in which it could spend: up to this moment, from its creation on, and at least one."""
    start = datetime(week.start.year, week.start.month, week.start.day, tzinfo=now.tzinfo)
    if holder.created_at is not None and holder.created_at > start:
        start = holder.created_at
    return max((now - start) / timedelta(days=1), 1.0)


def runs_out(holder: Holder, per_day: float, now: datetime) -> str:
    """``2026-11-25``, or in words why no day can be named."""
    left = holder.max_budget - holder.spend
    if left <= 0:
        return OVER
    if per_day <= 0 or left / per_day > FAR.days:
        return NOT_BEFORE_RESET if holder.reset_at is not None else IDLE
    day = now + timedelta(days=left / per_day)
    if holder.reset_at is not None and day >= holder.reset_at:
        return NOT_BEFORE_RESET
    return day.date().isoformat()


def urgency(burn: Burn) -> tuple[bool, int, str, float, str]:
    """What works comes before what is stopped; over budget, then by the day, then by the share used."""
    named = burn.runs_out is not None and burn.runs_out[:1].isdigit()
    rank = 0 if burn.runs_out == OVER else 1 if named else 2
    day = burn.runs_out or "" if named else ""
    return (burn.holder.stopped is not None, rank, day, -burn.holder.used, burn.holder.name)
