"""Budgets and durations: only what every release reads the same way is sent."""

from __future__ import annotations

import pytest

from litellm_steward.budgets import budget_label, check_budget, normalise_duration
from litellm_steward.errors import InvalidArgument


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("hourly", "1h"),
        ("daily", "1d"),
        ("Weekly", "7d"),
        ("monthly", "1mo"),
        ("yearly", "12mo"),
        (" 30d ", "30d"),
        ("90D", "90d"),
        ("1mo", "1mo"),
        ("15m", "15m"),
        ("45s", "45s"),
        ("2w", "2w"),
        (None, None),
    ],
)
def test_words_become_spans(said: str | None, sent: str | None) -> None:
    assert normalise_duration("duration", said) == sent


@pytest.mark.parametrize(
    "said",
    [
        "",
        "30dx",
        "zz",
        "d",
        "30",
        "0d",
        "-1d",
        "1.5d",
        "1 d",
        "1y",
        "fortnightly",
        "1d 2h",
        "9999999d",
        "３d",
        "1d\n1d",
    ],
)
def test_what_the_proxy_would_misread_is_refused(said: str) -> None:
    with pytest.raises(InvalidArgument, match="budget_duration must be a number and a unit, such as 1h, 7d, 30d"):
        normalise_duration("budget_duration", said)


@pytest.mark.parametrize("amount", [-1, -0.01, float("nan"), float("inf"), float("-inf")])
def test_what_is_no_budget_is_refused(amount: float) -> None:
    with pytest.raises(InvalidArgument, match="max_budget must be 0 or more"):
        check_budget(amount, "1d")


@pytest.mark.parametrize(
    ("amount", "duration", "notes"),
    [
        (None, None, []),
        (10, "1d", []),
        (10, None, ["Without budget_duration this budget never resets: it is a lifetime limit."]),
        (0, "1d", []),
        (None, "1d", ["budget_duration without max_budget limits nothing; it only resets the spend counter."]),
    ],
)
def test_what_is_surprising_is_noted(amount: float | None, duration: str | None, notes: list[str]) -> None:
    assert check_budget(amount, duration) == notes


@pytest.mark.parametrize(
    ("duration", "label"),
    [
        (None, "Lifetime budget"),
        ("1d", "Daily budget"),
        ("24h", "Daily budget"),
        ("7d", "Weekly budget"),
        ("30d", "Monthly budget"),
        ("1mo", "Monthly budget"),
        ("12h", "Budget per 12 hours"),
        ("1m", "Budget per minute"),
        ("3mo", "Budget per 3 months"),
        ("whatever", "Budget"),
    ],
)
def test_a_budget_is_called_by_its_span(duration: str | None, label: str) -> None:
    assert budget_label(duration) == label
