"""What an answer takes at company size: time, proxy calls, memory and tokens, on real proxies.

Run by hand: ``uv run python -m benchmarks.company_size``, with ``--help`` for parts of it. It needs Linux, for
``/proc``. Seconds are compared with the slowest chain of proxy calls that an answer waits for, never with a
fixed number.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.figures_table import misses, table, write_readme
from benchmarks.measuring import Measured, dump, load, measure
from benchmarks.subjects import CASES, subjects_of
from examples.gateway import LTS, NEWEST, OLDEST, Gateway, Progress, Running, version_of
from examples.gateway.company_size import fill

RELEASES: Final = (NEWEST, LTS, OLDEST)


def main() -> int:
    asked = _parser().parse_args()
    found = load(asked.results) if asked.results else {}
    chosen = [case for case in CASES if not asked.only or any(word in (case.target, case.name) for word in asked.only)]
    for release in () if asked.no_run else asked.release or RELEASES:
        with _gateway(release, asked.port) as running:
            subjects = subjects_of(running, fill(running, Progress()))
            for case in chosen:
                one = asyncio.run(measure(running.base_url, case, subjects, _detail if asked.verbose else _nothing))
                found.setdefault(release, {})[case.name] = one
                print(f"{release} {case.target}, {case.name}: {_line(one)}", file=sys.stderr)
                if asked.results:
                    asked.results.write_text(dump(found), encoding="utf-8")
    print(table(found, CASES))
    missed = list(misses(found, CASES))
    for miss in missed:
        print(f"MISSED {miss}")
    if asked.readme:
        write_readme(found)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.company_size", description=__doc__)
    parser.add_argument("--release", action="append", type=version_of, help="only this release; may be repeated")
    parser.add_argument("--only", action="append", metavar="WORD", help="only this tool or case; may be repeated")
    parser.add_argument("--port", type=int, help="keep the gateways running, on this port and the three after it")
    parser.add_argument("--results", type=Path, help="read earlier results from this file, and add the new ones")
    parser.add_argument("--no-run", action="store_true", help="only show what the results file holds")
    parser.add_argument("--readme", action="store_true", help="write the README's table anew")
    parser.add_argument("--verbose", action="store_true", help="list the proxy calls; a bar marks the slowest chain")
    return parser


@contextmanager
def _gateway(release: str, port: int | None) -> Iterator[Running]:
    """A gateway that ends with this, or one that is kept running."""
    if port is not None:
        number = RELEASES.index(release) if release in RELEASES else len(RELEASES)
        yield Gateway(release, port + number).up(progress=Progress())
        return
    gateway = Gateway(release)
    try:
        yield gateway.up(owner_pid=os.getpid(), progress=Progress())
    finally:
        gateway.down()


def _line(one: Measured) -> str:
    first, usual = one.first, one.usual
    if usual.refused:
        return f"refused after {usual.wall:.2f} s and {usual.calls} calls: {usual.refused[:120]}"
    return (
        f"{usual.wall:.2f} s, {usual.ratio:.2f} of its proxy calls ({usual.calls}, {usual.in_a_row} in a row); "
        f"first {first.wall:.2f} s, {first.ratio:.2f} ({first.calls}); {usual.read / 1e6:.1f} MB read, "
        f"{one.peak / 1e6:.0f} MB of memory; {usual.data_tokens} and {usual.text_tokens} tokens"
    )


def _detail(line: str) -> None:
    print(f"    {line}", file=sys.stderr)


def _nothing(_: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
