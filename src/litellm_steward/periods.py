"""Periods: which UTC days a figure covers. LiteLLM's rollups are kept by UTC day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from litellm_steward.errors import InvalidArgument

PeriodName = Literal["today", "yesterday", "last_7_days", "last_30_days", "this_month", "last_month"]
MAX_DAYS = 400
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Period:
    """An inclusive range of UTC days."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise InvalidArgument(f"start_date {self.start} is after end_date {self.end}")
        if self.days > MAX_DAYS:
            raise InvalidArgument(f"A period may cover at most {MAX_DAYS} days; this one covers {self.days}")

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def start_date(self) -> str:
        return self.start.isoformat()

    @property
    def end_date(self) -> str:
        return self.end.isoformat()

    def __str__(self) -> str:
        span = self.start_date if self.start == self.end else f"{self.start_date} to {self.end_date}"
        return f"{span} (UTC)"

    def windows(self, days: int) -> list[Period]:
        """Consecutive parts of at most ``days`` days."""
        starts = range(0, self.days, days)
        return [
            Period(self.start + timedelta(days=n), min(self.start + timedelta(days=n + days - 1), self.end))
            for n in starts
        ]

    def previous(self) -> Period:
        """The days just before, equally many."""
        return Period(self.start - timedelta(days=self.days), self.start - timedelta(days=1))


def utc_now() -> datetime:
    return datetime.now(UTC)


def resolve_period(
    period: PeriodName | None, start_date: str | None, end_date: str | None, *, today: date | None = None
) -> Period:
    """The days asked for: a named period, or both dates; without either, the last 30 days."""
    today = today or utc_now().date()
    if start_date is None and end_date is None:
        return _named(period or "last_30_days", today)
    if period is not None:
        raise InvalidArgument("Give either period or start_date and end_date, not both")
    if start_date is None or end_date is None:
        raise InvalidArgument("start_date and end_date go together (inclusive, YYYY-MM-DD, UTC days)")
    return Period(_day("start_date", start_date), _day("end_date", end_date))


def _named(name: PeriodName, today: date) -> Period:
    first = today.replace(day=1)
    match name:
        case "today":
            return Period(today, today)
        case "yesterday":
            return Period(today - timedelta(days=1), today - timedelta(days=1))
        case "last_7_days":
            return Period(today - timedelta(days=6), today)
        case "last_30_days":
            return Period(today - timedelta(days=29), today)
        case "this_month":
            return Period(first, today)
        case "last_month":
            last = first - timedelta(days=1)
            return Period(last.replace(day=1), last)


def _day(argument: str, value: str) -> date:
    try:
        if not _DATE.fullmatch(value):
            raise ValueError  # noqa: TRY301 - one sentence for both ways of being wrong
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidArgument(f"{argument} must be a date as YYYY-MM-DD (a UTC day)") from None
