"""The measured figures as a Markdown table, in full and short for the README."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.measuring import Measured
from benchmarks.subjects import CASES, Case
from examples.gateway import LTS, NEWEST, OLDEST

README: Final = Path(__file__).parents[1] / "README.md"
HEADING: Final = "## What an answer takes"
MOST_TOKENS: Final = 1_500
MOST_MEMORY: Final = 150_000_000
MOST_MEMORY_OF_COMPANY: Final = 100_000_000
"""Of a report about all usage by model, day or provider."""

MOST_CALLS: Final = 5
MOST_RATIO: Final = 1.3
SINGLE: Final = frozenset({"get_user_info", "get_team_info", "get_key_info"})
"""The tools whose proxy calls and whose time beside them are limited."""

COMPANY: Final = frozenset({"by model", "by provider", "by day"})
"""The cases whose time beside their one proxy call is limited: there is no cheaper exact one."""

Found = Mapping[str, Mapping[str, Measured]]


def table(found: Found, cases: Sequence[Case]) -> str:
    """Everything that was measured, a row for each case and release."""
    head = [
        *("release", "tool", "case", "calls", "in a row", "MB read", "s", "s of the proxy", "ratio"),
        *("first: calls", "first: s", "first: ratio", "MB memory", "tokens: data", "tokens: text"),
    ]
    rows = [
        _cells(release, case, measured[case.name])
        for release, measured in found.items()
        for case in cases
        if case.name in measured
    ]
    return _markdown(head, rows)


def _cells(release: str, case: Case, one: Measured) -> list[str]:
    first, usual = one.first, one.usual
    return [
        release,
        case.target,
        case.name + (" (refused)" if usual.refused else ""),
        str(usual.calls),
        str(usual.in_a_row),
        f"{usual.read / 1e6:.2f}",
        f"{usual.wall:.2f}",
        f"{usual.waiting:.2f}",
        f"{usual.ratio:.2f}",
        str(first.calls),
        f"{first.wall:.2f}",
        f"{first.ratio:.2f}",
        f"{one.peak / 1e6:.0f}",
        str(usual.data_tokens),
        str(usual.text_tokens),
    ]


def misses(found: Found, cases: Sequence[Case]) -> Iterator[str]:
    """What is beyond a limit."""
    for release, measured in found.items():
        for case in cases:
            if case.name not in measured:
                continue
            one = measured[case.name]
            for complaint in _complaints(case, one):
                yield f"{release} {case.target}, {case.name}: {complaint}"


def _complaints(case: Case, one: Measured) -> Iterator[str]:
    usual = one.usual
    if usual.tokens > MOST_TOKENS and case.kind == "tool":
        yield f"{usual.tokens} tokens"
    if one.peak > MOST_MEMORY:
        yield f"{one.peak / 1e6:.0f} MB of memory"
    if case.name in COMPANY and not usual.refused:
        if usual.ratio > MOST_RATIO:
            yield f"{usual.ratio:.2f} times its proxy calls ({usual.wall:.2f} s)"
        if one.peak > MOST_MEMORY_OF_COMPANY:
            yield f"{one.peak / 1e6:.0f} MB of memory"
    if case.target in SINGLE and not usual.refused:
        for which, asked in (("first", one.first), ("later", usual)):
            if asked.calls > MOST_CALLS:
                yield f"{asked.calls} proxy calls ({which})"
            if asked.ratio > MOST_RATIO:
                yield f"{asked.ratio:.2f} times its proxy calls ({which}, {asked.wall:.2f} s)"


def write_readme(found: Found) -> None:
    """Put the short table in the place of the README's."""
    text = README.read_text(encoding="utf-8")
    before, heading, rest = text.partition(f"{HEADING}\n")
    if not heading:
        raise LookupError(f"the README has no section {HEADING!r}")
    section, mark, after = rest.partition("\n## ")
    replaced = re.sub(r"(?m)(^\|.*\n)+", lambda _: short_table(found), section, count=1)
    README.write_text(before + heading + replaced + mark + after, encoding="utf-8")


def short_table(found: Found) -> str:
    """A row for each tool; of the older releases time and calls."""
    head = ["asked", "proxy calls", "time", "of that the proxy", "memory", "tokens", f"on {LTS}", f"on {OLDEST}"]
    newest = found.get(NEWEST, {})
    rows = [
        [case.row, *_newest(newest[case.name]), *(_older(found.get(v, {}).get(case.name)) for v in (LTS, OLDEST))]
        for case in CASES
        if case.row and case.name in newest
    ]
    return _markdown(head, rows)


def _newest(one: Measured) -> list[str]:
    usual = one.usual
    return [
        str(usual.calls),
        _seconds(usual.wall),
        f"{min(100, 100 * usual.waiting / usual.wall):.0f} %",
        f"{max(one.peak, 0) / 1e6:.0f} MB",
        f"{usual.tokens:,}",
    ]


def _older(one: Measured | None) -> str:
    if one is None:
        return "–"
    usual = one.usual
    return (
        "refused" if usual.refused else f"{_seconds(usual.wall)}, {usual.calls} calls, {max(one.peak, 0) / 1e6:.0f} MB"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds:.2f} s"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
