"""Which UTC days a figure covers."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from litellm_steward.errors import InvalidArgument
from litellm_steward.periods import MAX_DAYS, Period, PeriodName, resolve_period

TODAY = date(2026, 3, 2)

NAMED = {
    "today": ("2026-03-02", "2026-03-02"),
    "yesterday": ("2026-03-01", "2026-03-01"),
    "last_7_days": ("2026-02-24", "2026-03-02"),
    "last_30_days": ("2026-02-01", "2026-03-02"),
    "this_month": ("2026-03-01", "2026-03-02"),
    "last_month": ("2026-02-01", "2026-02-28"),
}


@pytest.mark.parametrize("name", get_args(PeriodName))
def test_named_periods(name: PeriodName) -> None:
    period = resolve_period(name, None, None, today=TODAY)
    assert (period.start_date, period.end_date) == NAMED[name]


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 1, 31), "2025-12-01", "2025-12-31"),
        (date(2024, 3, 31), "2024-02-01", "2024-02-29"),
        (date(2026, 3, 1), "2026-02-01", "2026-02-28"),
    ],
)
def test_last_month_knows_years_and_leap_years(today: date, first: str, last: str) -> None:
    period = resolve_period("last_month", None, None, today=today)
    assert (period.start_date, period.end_date) == (first, last)


def test_without_anything_it_is_the_last_thirty_days() -> None:
    assert resolve_period(None, None, None, today=TODAY).days == 30


def test_two_dates_are_inclusive() -> None:
    period = resolve_period(None, "2026-02-27", "2026-03-02", today=TODAY)
    assert (period.days, str(period)) == (4, "2026-02-27 to 2026-03-02 (UTC)")
    assert str(resolve_period(None, "2026-03-02", "2026-03-02")) == "2026-03-02 (UTC)"


WRONG = {
    "both ways": (("today", "2026-01-01", "2026-01-02"), "not both"),
    "a start only": ((None, "2026-01-01", None), "go together"),
    "an end only": ((None, None, "2026-01-01"), "go together"),
    "backwards": ((None, "2026-01-02", "2026-01-01"), "is after end_date"),
    "too long": ((None, "2020-01-01", "2026-01-01"), "at most 400 days"),
    "no such day": ((None, "2026-02-30", "2026-03-01"), "start_date must be a date as YYYY-MM-DD"),
    "another order": ((None, "2026-03-01", "01-03-2026"), "end_date must be a date as YYYY-MM-DD"),
    "a time": ((None, "2026-03-01T00:00:00", "2026-03-02"), "start_date must be"),
    "a compact date": ((None, "20260301", "2026-03-02"), "start_date must be"),
    "a week date": ((None, "2026-W10-1", "2026-03-02"), "start_date must be"),
    "foreign digits": ((None, "２０２６-03-01", "2026-03-02"), "start_date must be"),
    "a line break": ((None, "2026-03-01\n", "2026-03-02"), "start_date must be"),
    "nothing": ((None, "", ""), "start_date must be"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_anything_else_is_refused_in_a_sentence(
    given: tuple[PeriodName | None, str | None, str | None], said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said):
        resolve_period(*given, today=TODAY)


def test_the_longest_period() -> None:
    last = TODAY + timedelta(days=MAX_DAYS - 1)
    assert Period(TODAY, last).days == MAX_DAYS
    with pytest.raises(InvalidArgument):
        Period(TODAY, last + timedelta(days=1))


@pytest.mark.parametrize("length", [1, 2, 3, 30, 399, 400])
def test_windows_meet_without_gap_or_overlap(length: int) -> None:
    whole = Period(TODAY, TODAY + timedelta(days=length - 1))
    for most in (1, 2, 7, 31, 400):
        windows = whole.windows(most)
        assert (windows[0].start, windows[-1].end) == (whole.start, whole.end)
        assert all(window.days <= most for window in windows)
        assert all(b.start - a.end == timedelta(days=1) for a, b in pairwise(windows))


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    before = Period(date(2026, 3, 1), date(2026, 3, 3)).previous()
    assert (before.start_date, before.end_date) == ("2026-02-26", "2026-02-28")
