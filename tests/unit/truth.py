"""What the example company really did, reckoned from its own list of calls: no proxy is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from examples.gateway.company import CALLS, KEYS, Calls, cost

PROMPT, ANSWER = 180, 93
"""Tokens of each of the company's calls, as its prompt and its mocked answers are long."""

FAILS = {"legacy-assistant", "gpt-imaginary"}
TEAM_OF = {key.alias: key.team for key in KEYS}
OWNER_OF = {key.alias: key.user for key in KEYS}
"""Who owned a key when it made its calls."""


def calls_of(*, user: str = "", team: str = "", key: str = "", customer: str = "", model: str = "") -> list[Calls]:
    """The batches of calls that someone made."""
    wanted: list[tuple[str, Callable[[Calls], str]]] = [
        (user, lambda c: OWNER_OF[c.key]),
        (team, lambda c: TEAM_OF[c.key]),
        (key, lambda c: c.key),
        (customer, lambda c: c.customer),
        (model, lambda c: c.model),
    ]
    return [c for c in CALLS if all(not value or of(c) == value for value, of in wanted)]


def requests(calls: list[Calls]) -> int:
    return sum(batch.count for batch in calls)


def failures(calls: list[Calls]) -> int:
    return requests([batch for batch in calls if batch.model in FAILS])


def answered(calls: list[Calls]) -> list[Calls]:
    return [batch for batch in calls if batch.model not in FAILS]


def spend(calls: list[Calls]) -> float:
    """USD, to the micro-dollar."""
    exact = sum((Decimal(str(round(cost(b.model, PROMPT, ANSWER), 9))) * b.count for b in answered(calls)), Decimal(0))
    return float(round(exact, 6))


def tokens(calls: list[Calls]) -> int:
    return requests(answered(calls)) * (PROMPT + ANSWER)


def by_model(calls: list[Calls]) -> dict[str, int]:
    """Answered requests by public model name."""
    return {
        model: requests([b for b in answered(calls) if b.model == model])
        for model in {b.model for b in answered(calls)}
    }
