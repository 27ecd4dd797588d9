"""Holds an answer to the truth: each figure, each sum, the text as it is printed, and its length."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from examples.gateway.company_size.truth import Group, Scope
from litellm_steward.text import count, money
from tests.live.company_directory import Filled
from tests.live.company_expectations import MICRO, Expected, expected_rows, expected_total, standing
from tests.live.company_questions import Question
from tests.live.harness import Answered
from tests.tokens import tokens

Json = dict[str, Any]
Problems = Iterator[str]

UNTOLD: Final[dict[Group, str]] = {
    "model": r"\(model not known\)",
    "provider": r"\(model not known\)",
}
NOT_KNOWN: Final = ("(model not known)",)
OTHER: Final = re.compile(r"other(?: \((\d+)\))?")
MOST_TOKENS: Final = 1_500
FIRST_READ: Final = re.compile(r"Pairs are of the \d+ largest by \w+; the rest is in the last row\.")
BY_LAST_OWNER: Final = "Keys deleted since are counted in by_user with their last owner."


def problems_of(filled: Filled, question: Question, answer: Answered) -> list[str]:
    """Everything that is wrong with an answer."""
    data = answer.data
    usage = data if question.by else data["usage"]
    found = list(_headline(filled, question, usage, answer.text))
    for by, title, rows in _tables(question, usage):
        found += _rows(filled, question, by, rows, usage)
        found += [f"{title}: {problem}" for problem in _adds_up(rows, usage)]
        found += [f"{title}, printed: {problem}" for problem in _printed(question, answer.text, title, rows, usage)]
    if "compared" in data:
        found += [f"compared: {problem}" for problem in _compared(filled, question, data, answer.text)]
    if not question.by:
        found += _standing(filled, question.scope, data)
        found += _picks(data, usage)
    if question.is_short:
        found += [
            f"{what} of {tokens(value)} tokens"
            for what, value in (("text", answer.text), ("data", data))
            if tokens(value) > MOST_TOKENS
        ]
    return found


def _tables(question: Question, usage: Json) -> Iterator[tuple[tuple[Group, ...], str, list[Json]]]:
    if question.by:
        yield question.by, " / ".join(question.by), usage["rows"]
        return
    groups: tuple[Group, ...] = ("user", "key", "model", "day")
    for group in groups:
        if f"by_{group}" in usage:
            yield (group,), group, usage[f"by_{group}"]


def _headline(filled: Filled, question: Question, usage: Json, text: str) -> Problems:
    if (usage["start_date"], usage["end_date"]) != (question.start, question.end):
        yield f"the days are {usage['start_date']} to {usage['end_date']}"
    total = expected_total(filled, question.scope, question.by, question.start, question.end)
    yield from (f"total: {problem}" for problem in total.differs(usage))
    wanted = {"total_tokens", "prompt_tokens", "completion_tokens", "successful_requests", "failed_requests"}
    missing = wanted - set(usage)
    if missing:
        yield f"without {', '.join(sorted(missing))}"
    span = question.start if question.start == question.end else f"{question.start} to {question.end}"
    shown = f"{span} (UTC): {money(float(usage['spend']))}"
    shown += f", {count(usage['total_tokens'], 'token')}, {count(usage['api_requests'], 'request')}"
    if shown not in text:
        yield f"the text does not say {shown!r}"


def _rows(filled: Filled, question: Question, by: tuple[Group, ...], rows: list[Json], usage: Json) -> Problems:
    """Each row is a group of the truth, and none is larger than those that are shown."""
    title = " / ".join(by)
    ask = (filled, question.scope, by, question.start, question.end)
    tables = [expected_rows(*ask, last_owners=way) for way in _ways(question.scope, by, usage["notes"])]
    named = [row for row in rows if not row.get("rest")]
    loose = _is_loose(by, usage["notes"])
    verdicts = [list(_matched(named, expected, loose=loose)) for expected in tables]
    best = min(range(len(tables)), key=lambda i: len(verdicts[i]))
    yield from (f"{title}: {problem}" for problem in verdicts[best])
    if loose or (len(by) == 2 and any(FIRST_READ.fullmatch(note) for note in usage["notes"])):
        return
    expected = tables[best]
    shown = sum((Decimal(str(row["spend"])) for row in named), Decimal(0))
    largest = sum((group.sums.spend for group in expected[: len(named)]), Decimal(0))
    if abs(shown - largest) > Decimal("0.000001") * (len(named) + 2):
        yield f"{title}: the rows shown have {shown}, the largest {largest}"
    left = [int(found[1] or 0) for row in rows if row.get("rest") and (found := OTHER.fullmatch(row["name"]))]
    groups = {len(expected), len({group.names for group in expected})}  # names that look alike may be one row
    if rows and len(named) + sum(left) not in groups:
        yield f"{title}: {groups} groups, {len(named)} shown, and 'other' says {left}"


def _is_loose(by: tuple[Group, ...], notes: list[str]) -> bool:
    """Whether an answer says that some of it belongs to a row that the release does not tell."""
    return any(re.search(UNTOLD[dimension], note) for dimension in by if dimension in UNTOLD for note in notes)


def _matched(named: list[Json], expected: list[Expected], *, loose: bool) -> Problems:
    """Every row with a name is a group of that name, or all groups of that name together.

    Where a release does not tell which of several models it was, and the answer says so, a row may have less.
    """
    left = list(expected)
    for row in named:
        if row["name"] in NOT_KNOWN:
            if not loose:
                yield f"no note on {row['name']}"
            continue
        called = [g for g in left if row["name"] in g.names and ("id" not in row or row["id"] in g.ids)]
        if not called:
            yield f"a row {row['name']!r} that is not in the books: {row}"
            continue
        same = next((group for group in called if not group.sums.differs(row)), None)
        if same is not None:
            left.remove(same)
            continue
        together = sum((group.sums for group in called[1:]), called[0].sums)
        if not together.differs(row):
            left = [group for group in left if group not in called]
        elif not (loose and together.covers(row)):
            yield f"{row['name']!r}: {', '.join(called[0].sums.differs(row))}"


def _adds_up(rows: list[Json], usage: Json) -> Problems:
    if not rows:
        if usage["spend"] or usage["api_requests"]:
            yield "no rows"
        return
    if sum(Decimal(str(row["spend"])) for row in rows) != Decimal(str(usage["spend"])):
        yield f"spend adds up to {sum(Decimal(str(row['spend'])) for row in rows)}, not {usage['spend']}"
    for name in ("total_tokens", "api_requests"):
        if name in usage and sum(row[name] for row in rows) != usage[name]:
            yield f"{name} add up to {sum(row[name] for row in rows)}, not {usage[name]}"
    shares = [Decimal(str(row["share_percent"])) for row in rows if "share_percent" in row]
    if shares and sum(shares) != 100:
        yield f"shares add up to {sum(shares)}"


def _printed(question: Question, text: str, title: str, rows: list[Json], usage: Json) -> Problems:
    """The table of the text has the same rows, and its columns add up to the printed total."""
    printed = table_of(text, title)
    if printed is None:
        if rows and question.by:  # of what is told beside other things not all is printed
            yield "no table"
        return
    if len(printed) != len(rows):
        yield f"{len(printed)} rows, not {len(rows)}"
    whole = amount(money(float(usage["spend"])))
    if sum(amount(cells[1]) for cells in printed) != whole:
        yield f"money adds up to {sum(amount(cells[1]) for cells in printed)}, not {whole}"
    for column, name in ((3, "total_tokens"), (4, "api_requests")):
        if name in usage and sum(amount(cells[column]) for cells in printed) != usage[name]:
            yield f"{name} do not add up"
    cent = Decimal(1).scaleb(whole.as_tuple().exponent)  # type: ignore[arg-type]  # never NaN
    with_rest = bool(rows) and bool(rows[-1].get("rest"))
    for number, (cells, row) in enumerate(zip(printed, rows, strict=False), 1):
        of_rounding = number == len(rows) and with_rest  # the rest takes what rounding the others left
        most = cent * (len(rows) + 2) / 2 if of_rounding else cent
        if abs(amount(cells[1]) - Decimal(str(row["spend"]))) > most:
            yield f"{cells[0]} is printed as {cells[1]}, and is {row['spend']}"


def table_of(text: str, title: str, second: str = "spend") -> list[list[str]] | None:
    """The cells of the Markdown table whose first column has this title."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if _cells(line)[:2] == [title, second]), None)
    if start is None:
        return None
    below = (_cells(line) for line in lines[start + 1 :])
    return list(takewhile(lambda cells: cells and cells[1] != "spend", below))  # the next table may follow at once


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def amount(printed: str) -> Decimal:
    return Decimal(0 if printed == "-" else re.sub("[$,+]", "", printed))


def _compared(filled: Filled, question: Question, data: Json, text: str) -> Problems:
    """The period before is right, and what drove the change adds up to it."""
    then = data["compared"]
    first, last = dt.date.fromisoformat(question.start), dt.date.fromisoformat(question.end)
    days = (last - first).days + 1
    start, end = ((day - dt.timedelta(days=days)).isoformat() for day in (first, last))
    if (then["start_date"], then["end_date"]) != (start, end):
        yield f"the days are {then['start_date']} to {then['end_date']}"
    before = expected_total(filled, question.scope, question.by, start, end)
    yield from before.differs({"spend": then["spend"]})
    change = Decimal(str(then["change"]))
    if change != Decimal(str(data["spend"])) - Decimal(str(then["spend"])):
        yield f"a change of {change} from {then['spend']} to {data['spend']}"
    if then["drivers"] and sum(Decimal(str(row["change"])) for row in then["drivers"]) != change:
        yield f"drivers do not add up to {change}"
    yield from _printed_drivers(text, then)
    if _is_loose(question.by, data["notes"]):
        return
    ask = (filled, question.scope, question.by)
    verdicts = []
    for way in _ways(question.scope, question.by, data["notes"]):
        before_that = expected_rows(*ask, start, end, last_owners=way)
        since = expected_rows(*ask, question.start, question.end, last_owners=way)
        verdicts.append(list(_driven(then["drivers"], before_that, since)))
    yield from min(verdicts, key=len)


def _ways(scope: Scope, by: tuple[Group, ...], notes: list[str]) -> list[bool]:
    """Whether deleted keys may stand under their last owner; of several teams each has its own way."""
    by_last_owner = BY_LAST_OWNER in notes and "user" in by
    if scope.kind == "team":
        return [by_last_owner]
    return [True, False] if by_last_owner else [False]


def _driven(drivers: list[Json], before: list[Expected], after: list[Expected]) -> Problems:
    """What a group changed by is what its figures did."""
    for row in drivers:
        named = [[group.sums.spend for group in table if row["name"] in group.names] for table in (before, after)]
        if row.get("rest") or any(len(groups) > 1 for groups in named):
            continue
        earlier, later = (sum(groups, Decimal(0)) for groups in named)
        if abs(Decimal(str(row["change"])) - (later - earlier)) > MICRO * 2:
            yield f"{row['name']!r} by {row['change']}, not {later - earlier}"


def _printed_drivers(text: str, then: Json) -> Problems:
    printed = table_of(text, "driven by", "change")
    if printed is not None and sum(amount(cells[1]) for cells in printed) != amount(money(then["change"])):
        yield f"the printed drivers do not add up to {money(then['change'])}"


def _standing(filled: Filled, scope: Scope, data: Json) -> Problems:
    wanted = standing(filled, scope)
    if not wanted:
        return  # a deleted key has no budget any more
    budget = data["budget"]
    if abs(budget["spend"] - wanted["spend"]) > 1e-6:
        yield f"the budget has {budget['spend']} spent, not {wanted['spend']}"
    if budget.get("max_budget") != wanted["max_budget"]:
        yield f"the budget is {budget.get('max_budget')}, not {wanted['max_budget']}"
    for name, number in wanted.get("keys", {}).items():
        if data["keys"][name] != number:
            yield f"keys: {name} is {data['keys'][name]}, not {number}"
    if "members_total" in wanted and data["members_total"] != wanted["members_total"]:
        yield f"{data['members_total']} members, not {wanted['members_total']}"


def _picks(data: Json, usage: Json) -> Problems:
    """What is named as most used or as the top contributor is the row it claims to be."""
    most = data.get("most_used")
    if most is not None:
        row = next((row for row in usage["by_model"] if row["name"] == most["name"]), None)
        if row is not None and any(row[name] != most[name] for name in ("api_requests", "total_tokens")):
            yield f"most used: {most}, but the row is {row}"
        if row is None and any(
            other["api_requests"] > most["api_requests"] for other in usage["by_model"] if not other.get("rest")
        ):
            yield f"most used: {most} is not"
    top = data.get("top_contributor")
    if top is not None and usage["by_user"][0] != top:
        yield f"top contributor: {top}, but the first row is {usage['by_user'][0]}"
