"""Whether the steward's record of changes is what was really asked for and done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.loading.questions import Json

ROUTES: Final[Mapping[str, str]] = {"generate_key": "/key/generate", "delete_key": "/key/delete"}


def audit_faults(path: Path, outcomes: Counter[str], writes: Mapping[str, int]) -> tuple[int, list[str]]:
    """The number of lines, and what is wrong with them.

    ``outcomes``: how many calls of each tool must have one. ``writes``: how often the proxy was asked for a change.
    """
    texts = path.read_bytes().split(b"\n")
    faults = [] if texts.pop() == b"" else ["the last line has no end"]
    lines = list[Json]()
    for text in texts:
        try:
            lines.append(json.loads(text))
        except ValueError:
            faults.append(f"not parseable: {text[:200]!r}")
    ended = [line for line in lines if line["event"] == "outcome"]
    tried = [line for line in lines if line["event"] == "tried"]
    found = Counter(line["tool"] for line in ended)
    faults += _differences("outcomes", outcomes, found)
    faults += _differences("changes tried", writes, Counter(map(_write_of, tried)))
    faults += _differences("tries without an outcome", {}, _numbers(tried) - _numbers(ended))
    faults += _differences("outcomes twice", {}, {k: n - 1 for k, n in _numbers(ended).items() if n > 1})
    expected = outcomes.total() + sum(writes.values())
    if len(texts) != expected:
        faults.append(f"{len(texts)} lines instead of {expected}")
    return len(texts), faults


def _write_of(line: Json) -> str:
    return f"{ROUTES[line['tool']]} {line['targets'].get('key')}"


def _numbers(lines: list[Json]) -> Counter[str]:
    return Counter(line["change"] for line in lines)


def _differences(what: str, expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    names = [name for name in {*expected, *found} if expected.get(name, 0) != found.get(name, 0)]
    shown = ", ".join(f"{name} {found.get(name, 0)} for {expected.get(name, 0)}" for name in sorted(names)[:5])
    return [f"{what}: {len(names)} differ ({shown})"] if names else []
