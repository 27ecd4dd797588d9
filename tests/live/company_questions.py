"""Random questions about who spent what: scope, period, grouping and tool, from a seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from examples.gateway.company_size.truth import Group, Kind, Scope
from tests.live.company_directory import SPECIAL, Filled

DIMENSIONS: Final[tuple[Group, ...]] = ("user", "team", "key", "model", "provider", "tag", "customer", "day")
READERS: Final[dict[Kind, str]] = {
    "user": "get_user_info",
    "team": "get_team_info",
    "key": "get_key_info",
    "customer": "get_user_info",
}
KNOWN_OF: Final[dict[Kind, tuple[Group, ...]]] = {
    "company": DIMENSIONS,
    "user": ("model", "key", "provider", "day"),
    "team": ("user", "model", "key", "provider", "day"),
    "key": ("user", "model", "provider", "day"),
    "customer": ("model", "provider", "day"),
    "tag": ("model", "provider", "day"),
}
"""By what the newest release can tell a scope's usage apart: there nothing of this may be refused."""

RELATIVE: Final = ("today", "yesterday", "last_7_days", "last_30_days", "this_month", "last_month")
DEFAULT_PERIOD: Final = "last_30_days"


@dataclass(frozen=True)
class Question:
    """One call of a tool, and what it asks in the terms of the tables."""

    tool: str
    scope: Scope
    by: tuple[Group, ...]
    start: str
    end: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_short(self) -> bool:
        """Whether it asks for as many rows as it gets by default."""
        return "top" not in self.arguments

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.tool}({given}) [{self.scope.kind} {self.scope.id[:36]!r}, {self.start} to {self.end}]"


def questions(filled: Filled, random: Random, number: int) -> Iterator[Question]:
    """The company by each dimension, then whatever comes."""
    draw = _Draw(filled, random)
    for dimension in DIMENSIONS:
        yield draw.of_the_company((dimension,))
    weights = (51, 42, 7) if filled.is_oldest else (45, 35, 20)  # a day of the company takes it seconds
    for _ in range(number - len(DIMENSIONS)):
        yield random.choices((draw.reader, draw.report, draw.of_the_company), weights)[0]()


class _Draw:
    def __init__(self, filled: Filled, random: Random) -> None:
        self.filled, self.random = filled, random

    def reader(self) -> Question:
        kind: Kind = self.random.choices(tuple(READERS), weights=(35, 30, 25, 10))[0]
        scope = self._scope(kind)
        asked = {READERS[kind].split("_")[1]: self._reference(scope)}
        if kind == "customer":
            asked["kind"] = "customer"
        elif kind == "user":
            asked["kind"] = "internal"
        return self._question(READERS[kind], scope, (), asked, self._period(60))

    def report(self) -> Question:
        """Of one scope, by what may or may not be known of it."""
        kind: Kind = self.random.choices(("user", "team", "key", "customer", "tag"), weights=(28, 28, 20, 12, 12))[0]
        scope = self._scope(kind)
        pool = KNOWN_OF[kind] if self.random.random() < 0.9 else DIMENSIONS
        by: tuple[Group, ...] = (self.random.choice([name for name in pool if name != kind]),)
        if self.random.random() < 0.12 and by != ("day",):
            by = ("day", *by) if self.random.random() < 0.5 else (*by, "day")
        period = self._period(14 if len(by) == 2 else 60)
        return self._question("spend_report", scope, by, {kind: self._reference(scope)}, period)

    def of_the_company(self, by: tuple[Group, ...] = ()) -> Question:
        if not by:
            first, second = self.random.sample(DIMENSIONS, 2)
            by = (first, second) if self.random.random() < 0.45 else (first,)
        longest = 60 if len(by) == 1 else 7
        if self.filled.is_oldest:
            longest = 3 if len(by) == 1 and self.random.random() < 0.15 else 1
        return self._question("spend_report", Scope(), by, {}, self._period(longest))

    def _question(
        self,
        tool: str,
        scope: Scope,
        by: tuple[Group, ...],
        asked: dict[str, Any],
        period: tuple[str, str, dict[str, str]],
    ) -> Question:
        start, end, named = period
        arguments = {**({"group_by": list(by)} if by else {}), **asked, **named}
        if len(by) == 1 and scope.kind != "company" and self.random.random() < 0.2:
            arguments["compare"] = "previous"
        if self.random.random() < 0.25 and tool != "get_key_info":
            arguments["top"] = self.random.choice((1, 2, 10, 50))
        return Question(tool, scope, by, start, end, arguments)

    def _scope(self, kind: Kind) -> Scope:
        if kind == "tag":
            return Scope(kind, self.random.choice(self.filled.tags))
        pools = [SPECIAL[kind](self.filled), self.filled.dearest(kind), self._everyone(kind)]
        return Scope(kind, self.random.choice(self.random.choices(pools, weights=(40, 30, 30))[0]))

    def _everyone(self, kind: Kind) -> list[str]:
        filled = self.filled
        return {
            "user": list(filled.emails),
            "team": list(filled.teams),
            "key": list(filled.keys),
            "customer": filled.customers,
        }[kind]

    def _reference(self, scope: Scope) -> str:
        """The id, or what a person would rather say where that means only one."""
        if self.random.random() < 0.6:
            return scope.id
        filled = self.filled
        if scope.kind == "user":
            return filled.emails.get(scope.id) or scope.id
        card = filled.keys.get(scope.id)
        alias = filled.teams.get(scope.id) if scope.kind == "team" else card.alias if card and card.alive else None
        if alias and not alias.startswith("sk-") and filled.aliases[alias.strip().casefold()] == 1:
            return alias
        return scope.id

    def _period(self, longest: int) -> tuple[str, str, dict[str, str]]:
        """First and last day, and the arguments that say so."""
        last = dt.date.fromisoformat(self.filled.company.last_day)
        named = self.random.random() < 0.4
        if named and dt.datetime.now(dt.UTC).date() == last:
            name = self.random.choice((*RELATIVE, ""))
            start, end = _days(name or DEFAULT_PERIOD, last)
            if (end - start).days < longest:
                return start.isoformat(), end.isoformat(), {"period": name} if name else {}
        length = min(longest, self.random.choice((1, 1, 2, 3, 7, 14, 30, 45, 60)))
        end = last - dt.timedelta(days=self.random.randrange(60 - length + 1))
        start = end - dt.timedelta(days=length - 1)
        return start.isoformat(), end.isoformat(), {"start_date": start.isoformat(), "end_date": end.isoformat()}


def _days(name: str, today: dt.date) -> tuple[dt.date, dt.date]:
    first = today.replace(day=1)
    before = first - dt.timedelta(days=1)
    return {
        "today": (today, today),
        "yesterday": (today - dt.timedelta(days=1), today - dt.timedelta(days=1)),
        "last_7_days": (today - dt.timedelta(days=6), today),
        "last_30_days": (today - dt.timedelta(days=29), today),
        "this_month": (first, today),
        "last_month": (before.replace(day=1), before),
    }[name]
