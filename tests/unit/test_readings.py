"""Reading rollups whole. The pages here are made up: no example gateway has rows enough to split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import httpx
import pytest
import respx

from litellm_steward.api.activity import Scope
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import InvalidArgument, Unsupported
from litellm_steward.periods import Period
from litellm_steward.usage.company import Dimension, company_by
from litellm_steward.usage.figures import figures_of, total
from litellm_steward.usage.readings import (
    FEW_ROWS,
    MOST_ROWS,
    read_aggregated,
    read_pages,
    read_whole,
    read_with_keys,
    windows,
)
from tests.stage import steward_at
from tests.tape import BASE_URL

FIRST = date(2026, 3, 1)


class Rollups:
    """A made-up proxy without aggregated routes: so many rows a day, each a request for a dollar.

    As real ones do, it puts rows on pages by date alone, and sums up only the page.
    """

    def __init__(self, rows_by_day: list[int], largest_page: int) -> None:
        self.rows = {(FIRST + timedelta(days=n)).isoformat(): rows for n, rows in enumerate(rows_by_day)}
        self.largest_page = largest_page
        self.asked: list[tuple[str, str, int]] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        if "aggregated" in request.url.path:
            return httpx.Response(404, json={"detail": "Not Found"})
        params = request.url.params
        start, end, size = params["start_date"], params["end_date"], int(params["page_size"])
        assert size <= self.largest_page, "this route refuses larger pages"
        self.asked.append((start, end, size))
        days = {day: rows for day, rows in self.rows.items() if start <= day <= end}
        pages = max(1, -(-sum(days.values()) // size))
        left, results = size, []
        for day, rows in days.items():
            shown = min(rows, left)
            left -= shown
            if shown:
                results.append({"date": day, "metrics": {"spend": shown, "api_requests": shown}})
        return httpx.Response(200, json={"results": results, "metadata": {"total_pages": pages, "has_more": pages > 1}})


@contextmanager
def _proxy(rollups: Rollups) -> Iterator[Proxy]:
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=BASE_URL).mock(side_effect=rollups)
        yield steward_at(BASE_URL).proxy


def _period(days: int) -> Period:
    return Period(FIRST, FIRST + timedelta(days=days - 1))


ROWS: dict[str, list[int]] = {
    "few": [1, 2, 3],
    "a page exactly": [400, 600],
    "two pages": [600, 600, 600],
    "one heavy day": [1, 1, 1, 1000, 1, 1],
    "heavy days at both ends": [1000, *[0] * 28, 1000],
    "every day a page": [1000] * 10,
    "nothing": [0] * 30,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
async def test_a_key_is_read_in_windows_that_each_fit_a_page(rows: list[int]) -> None:
    rollups = Rollups(rows, largest_page=1000)
    with _proxy(rollups) as proxy:
        reading = await read_pages(proxy, "user", _period(len(rows)), api_key="ab" * 32)
    assert total(figures_of(day.metrics) for day in reading.days).api_requests == sum(rows)
    dates = [day.date for day in reading.days]
    assert dates == sorted(set(dates)), "no day twice"
    assert len(rollups.asked) <= 2 * len(rows) + 1


@pytest.mark.asyncio
async def test_what_fits_one_page_takes_one_request() -> None:
    rollups = Rollups([10] * 30, largest_page=1000)
    with _proxy(rollups) as proxy:
        reading = await read_pages(proxy, "user", _period(30), api_key="ab" * 32)
    assert len(rollups.asked) == 1
    assert reading.source == "/user/daily/activity (one page)"


@pytest.mark.asyncio
async def test_a_team_takes_one_large_page_where_a_key_takes_windows() -> None:
    rollups = Rollups([300] * 30, largest_page=MOST_ROWS)
    with _proxy(rollups) as proxy:
        reading = await read_pages(proxy, "team", _period(30), entity="t1")
    assert total(figures_of(day.metrics) for day in reading.days).spend == 9000
    assert len(rollups.asked) == 1


@pytest.mark.asyncio
async def test_a_large_team_is_read_in_few_windows_of_bounded_size() -> None:
    rollups = Rollups([2000] * 30, largest_page=MOST_ROWS)
    with _proxy(rollups) as proxy:
        reading = await read_pages(proxy, "team", _period(30), entity="t1")
    assert total(figures_of(day.metrics) for day in reading.days).spend == 60_000
    assert len(rollups.asked) <= 7
    assert "windows of days" in reading.source


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("scope", "filters", "rows"),
    [("user", {"api_key": "ab" * 32}, 1001), ("team", {"entity": "t1"}, MOST_ROWS + 1)],
)
async def test_a_day_that_does_not_fit_is_refused_not_summed_up_from_pages(
    scope: Scope, filters: dict[str, str], rows: int
) -> None:
    rollups = Rollups([1, rows, 1], largest_page=MOST_ROWS)
    with _proxy(rollups) as proxy, pytest.raises(Unsupported, match="2026-03-02 has more rollup rows") as caught:
        await read_pages(proxy, scope, _period(3), **filters)
    assert "a sum of them would be wrong" in str(caught.value)


@pytest.mark.asyncio
async def test_the_whole_company_is_read_in_windows_of_few_rows() -> None:
    rollups = Rollups([2000] * 30, largest_page=MOST_ROWS)
    with _proxy(rollups) as proxy:
        answers = [answer async for answer in windows(proxy, "team", _period(30))]
    assert sum(len(answer.results) for answer in answers) == 30
    spans = [(date.fromisoformat(end) - date.fromisoformat(start)).days + 1 for start, end, _ in rollups.asked[1:]]
    assert max(spans) * 2000 <= FEW_ROWS


@pytest.mark.asyncio
@pytest.mark.parametrize("by", ["user", "key", "model", "day"])
async def test_an_older_release_is_never_asked_for_the_companys_aggregate(by: Dimension) -> None:
    """It has the route, lists every key there, and goes on working on it when nobody waits any more."""
    rollups = Rollups([1, 2, 3], largest_page=MOST_ROWS)
    with _proxy(rollups) as proxy:
        for _ in range(2):
            await company_by(proxy, by, _period(3))
    assert "/user/daily/activity/aggregated" not in rollups.paths
    assert rollups.paths.count("/user/daily/activity/aggregated/users") == 1


@pytest.mark.asyncio
async def test_a_long_reading_tells_how_far_it_is() -> None:
    told: list[tuple[float, float]] = []

    async def progress(done: float, in_all: float, message: str) -> None:
        told.append((done, in_all))

    with _proxy(Rollups([900] * 6, largest_page=1000)) as proxy:
        answers = [a async for a in windows(proxy, "user", _period(6), api_key="ab" * 32, progress=progress)]
    assert len(answers) == len(told)
    assert max(told) == (6.0, 6.0)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.asyncio
async def test_a_user_is_never_read_from_the_route_that_ignores_users() -> None:
    with _proxy(Rollups([1], largest_page=1000)) as proxy:
        reading = read_pages(proxy, "user", _period(1), entity="alex_dev")
        with pytest.raises(AssertionError):
            await reading


@pytest.mark.asyncio
async def test_an_empty_filter_would_mean_the_whole_company_and_is_refused() -> None:
    with _proxy(Rollups([1], largest_page=1000)) as proxy:
        for read in (
            read_aggregated(proxy, "user", _period(1), entity=""),
            read_aggregated(proxy, "user", _period(1), api_key=""),
            read_whole(proxy, "team", _period(1), entity=""),
            read_with_keys(proxy, "team", "", _period(1), 5),
        ):
            with pytest.raises(InvalidArgument, match="must not be empty"):
                await read
