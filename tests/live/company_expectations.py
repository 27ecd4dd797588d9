"""What a question's answer has to say, by SQL: rows under the names that an answer may give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from examples.gateway.company_size import truth
from examples.gateway.company_size.truth import FIGURES, Group, Row, Scope
from litellm_steward.text import MAX_ID, clean
from tests.live.company_directory import Filled

Json = dict[str, Any]
MICRO: Final = Decimal("0.000002")
"""Rows are rounded to micro-dollars so that they add up, which may move one by a micro-dollar."""


@dataclass(frozen=True)
class Sums:
    """Figures, added up without rounding."""

    spend: Decimal
    counts: tuple[int, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Sums:
        rows = list(rows)
        return cls(
            sum((Decimal(repr(row.spend)) for row in rows), Decimal(0)),
            tuple(sum(getattr(row, name) for row in rows) for name in FIGURES[1:]),
        )

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.spend + other.spend, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def is_nothing(self) -> bool:
        return not self.spend and not any(self.counts)

    def count(self, name: str) -> int:
        return self.counts[FIGURES.index(name) - 1]

    def differs(self, shown: Json) -> list[str]:
        """What of an answer, or of a row of it, is not this."""
        wrong = [] if abs(Decimal(str(shown["spend"])) - self.spend) <= MICRO else ["spend"]
        wrong += [name for name in FIGURES[1:] if name in shown and shown[name] != self.count(name)]
        return [f"{name} is {shown[name]}, not {self.value(name)}" for name in wrong]

    def covers(self, shown: Json) -> bool:
        """Whether nothing in a row is more than this."""
        return Decimal(str(shown["spend"])) <= self.spend + MICRO and all(
            shown[name] <= self.count(name) for name in ("total_tokens", "api_requests") if name in shown
        )

    def value(self, name: str) -> Decimal | int:
        return self.spend if name == "spend" else self.count(name)


@dataclass(frozen=True)
class Expected:
    """One group of the truth; ``names`` are those a row about it may have, ``ids`` what its id may be."""

    names: frozenset[str]
    ids: frozenset[str]
    sums: Sums


def expected_total(filled: Filled, scope: Scope, by: Sequence[Group], start: str, end: str) -> Sums:
    """The total of a table: of tags and customers it is theirs, not the company's."""
    return Sums.of(truth.breakdown(filled.running, start, end, by, scope))


def expected_rows(
    filled: Filled, scope: Scope, by: Sequence[Group], start: str, end: str, *, last_owners: bool = False
) -> list[Expected]:
    """The groups that have any figures.

    A team's users are the owners of its keys, and a deleted key has none: it stands in a row of its own,
    unless the proxy itself has added them up by their last owner.
    """
    by_owner = "user" in by and "team" in {scope.kind, *by} and not last_owners
    asked: list[Group] = ["key" if name == "user" and by_owner else name for name in by]
    found: dict[tuple[str, ...], Expected] = {}
    for row in truth.breakdown(filled.running, start, end, asked, scope):
        sums = Sums.of([row])
        if sums.is_nothing:
            continue
        parts = [
            filled.owner_names(ref) if name == "user" and by_owner else filled.names(name, ref)
            for name, ref in zip(by, row.groups, strict=True)
        ]
        refs = tuple(
            filled.owner(ref) if name == "user" and by_owner else ref for name, ref in zip(by, row.groups, strict=True)
        )
        names = parts[0] if len(parts) == 1 else frozenset(clean(f"{a} / {b}") for a in parts[0] for b in parts[1])
        known = found.get(refs)
        ids = frozenset(clean(ref, MAX_ID) for ref in refs)
        found[refs] = Expected(names, ids, known.sums + sums if known else sums)
    return sorted(found.values(), key=lambda group: -group.sums.spend)


def standing(filled: Filled, scope: Scope) -> Json:
    """What does not depend on a period: budget, spend in its window, numbers of keys and members."""
    if scope.kind == "customer":
        rows = filled.sql(
            'select c.spend, b.max_budget from "LiteLLM_EndUserTable" as c '
            'left join "LiteLLM_BudgetTable" as b using (budget_id) where c.user_id = %s',
            scope.id,
        )
        return _budget(rows)
    if scope.kind == "key":
        return _budget(
            filled.sql('select spend, max_budget from "LiteLLM_VerificationToken" where token = %s', scope.id)
        )
    table, column = {"user": ("LiteLLM_UserTable", "user_id"), "team": ("LiteLLM_TeamTable", "team_id")}[scope.kind]
    found = _budget(filled.sql(f'select spend, max_budget from "{table}" where {column} = %s', scope.id))  # noqa: S608
    ((keys, without_budget),) = filled.sql(
        f"select count(*), count(*) filter (where max_budget is null) "  # noqa: S608 - names of ours
        f'from "LiteLLM_VerificationToken" where {column} = %s',
        scope.id,
    )
    found["keys"] = {"total": keys, "without_budget": without_budget}
    if scope.kind == "team":
        ((members,),) = filled.sql(
            'select jsonb_array_length(members_with_roles) from "LiteLLM_TeamTable" where team_id = %s', scope.id
        )
        found["members_total"] = members
    return found


def _budget(rows: list[tuple[Any, ...]]) -> Json:
    return {"spend": rows[0][0], "max_budget": rows[0][1]} if rows else {}
