"""Reading rollups whole, by the route that this LiteLLM release answers truthfully.

===================  =============================  ==========================================
what                 newest                         older
===================  =============================  ==========================================
one user, one key    aggregated                     aggregated
one team, customer   aggregated                     one page that holds everything
===================  =============================  ==========================================

A route that is missing answers 404, and the older recipe follows; what the tested releases lack is known
beforehand (``api/releases.py``). What cannot be read whole is refused; a sum of pages never stands in for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from litellm_steward.api import activity
from litellm_steward.api.activity import USER_PAGE, Activity, Day, Scope
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import RouteMissing, Unsupported
from litellm_steward.periods import Period
from litellm_steward.progress import Progress, quiet
from litellm_steward.together import together

MOST_ROWS: Final = 15_000
"""Rollup rows in one answer (about 25 MB); more are read in windows of days, one after the other."""

FEW_ROWS: Final = 6_000
"""Rows aimed at where many windows follow each other: larger ones take as long in all, and more memory."""

FIRST_PAGE: Final = 1_000


@dataclass(frozen=True)
class Reading:
    """The days of a period, and where they come from. ``all_keys`` is set where the key breakdown is capped."""

    days: tuple[Day, ...]
    source: str
    all_keys: int | None = None


async def read_aggregated(
    proxy: Proxy, scope: Scope, period: Period, *, entity: str | None = None, api_key: str | None = None, keys: int = 1
) -> Reading:
    """The whole range in one answer; raises ``RouteMissing`` on releases without it."""
    answer = await activity.aggregated(proxy, scope, period, entity=entity, api_key=api_key, keys=keys)
    source = f"/{scope}/daily/activity/aggregated"
    return Reading(tuple(answer.results), source, answer.metadata.total_api_keys)


async def read_pages(
    proxy: Proxy, scope: Scope, period: Period, *, entity: str | None = None, api_key: str | None = None
) -> Reading:
    """The whole range from pages that each hold all of their days."""
    answers = [answer async for answer in windows(proxy, scope, period, entity=entity, api_key=api_key)]
    days = tuple(day for answer in answers for day in answer.results)
    pages = "one page" if len(answers) == 1 else f"{len(answers)} windows of days"
    return Reading(days, f"/{scope}/daily/activity ({pages})")


async def windows(
    proxy: Proxy,
    scope: Scope,
    period: Period,
    *,
    entity: str | None = None,
    api_key: str | None = None,
    progress: Progress = quiet,
) -> AsyncIterator[Activity]:
    """Answers that each hold all of their days, one at a time so that only one is in memory.

    The first page tells how many rows there are; what does not fit one answer is asked for in windows
    of days. A day that does not fit is refused.
    """
    if scope == "user" and api_key is None and entity is not None:
        raise AssertionError  # this route ignores user_id where it is needed here
    ask = partial(activity.one_page, proxy, scope, entity=entity, api_key=api_key)
    largest = USER_PAGE if scope == "user" else MOST_ROWS
    size = FIRST_PAGE if entity is None else largest  # one team mostly fits; the company never does
    first = await ask(period, size=size)
    rows = first.metadata.total_pages * size
    if first.metadata.total_pages <= 1 and not first.metadata.has_more:
        yield first
        return
    del first
    aim = int(0.8 * largest) if scope == "user" or entity is not None else FEW_ROWS
    pending = list(reversed(period.windows(max(1, period.days * aim // rows))))
    done, in_all = 0, len(pending)
    while pending:
        window = pending.pop()
        answer = await ask(window, size=largest)
        if answer.metadata.total_pages > 1 or answer.metadata.has_more:
            del answer
            if window.days == 1:
                raise _too_many(window)
            pending += reversed(window.windows(window.days // 2))
            continue
        done += window.days
        await progress(done, period.days, f"{done} of {period.days} days read in {in_all} requests or more")
        yield answer


def _too_many(day: Period) -> Unsupported:
    return Unsupported(
        f"{day.start_date} has more rollup rows than this LiteLLM version can return at once, "
        "and its pages repeat and skip rows: a sum of them would be wrong",
        hint="Upgrade the proxy for this figure, or ask for one user, team or key.",
    )


async def read_whole(
    proxy: Proxy, scope: Scope, period: Period, *, entity: str | None = None, api_key: str | None = None, keys: int = 1
) -> Reading:
    """Aggregated where there is such a route, else pages."""
    try:
        return await read_aggregated(proxy, scope, period, entity=entity, api_key=api_key, keys=keys)
    except RouteMissing:
        return await read_pages(proxy, scope, period, entity=entity, api_key=api_key)


async def top_keys(proxy: Proxy, scope: Scope, entity: str, period: Period, limit: int) -> activity.KeyRows | None:
    """The keys that spent most, where the release pages them; ``None`` where the reading lists them all."""
    try:
        return await activity.top_keys(proxy, scope, entity, period, limit)
    except RouteMissing:
        return None


async def read_with_keys(
    proxy: Proxy, scope: Scope, entity: str, period: Period, limit: int
) -> tuple[Reading, activity.KeyRows | None]:
    """A reading and its keys, at the same time."""
    reading, keys = await together(
        read_whole(proxy, scope, period, entity=entity), top_keys(proxy, scope, entity, period, limit)
    )
    if keys is not None:
        reading = replace(reading, source=f"{reading.source}, /{scope}/daily/activity/aggregated/keys")
    return reading, keys
