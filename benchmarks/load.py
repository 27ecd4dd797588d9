"""Hours of mixed use in one bounded run: many clients at the same time, over streamable HTTP, with a failing proxy.

Run by hand: ``make load``, or ``uv run python -m benchmarks.load --calls 50000``. It needs Linux, for ``/proc``. A real
steward serves HTTP in front of a stand-in proxy whose answers follow from what it is asked; clients of both protocol
eras make calls of every kind, hang up, and check each answer. Whatever must not be is printed as MISSED: an answer
that is lost or somebody else's, memory that grows, a descriptor that stays, a line too many or too few in the record of
changes. ``tests/wire/test_load.py`` makes a short run of the same.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.loading.run import MOST_GROWTH, Findings, run


def main() -> int:
    asked = _parser().parse_args()
    with TemporaryDirectory() as folder:
        running = run(asked.calls, Path(folder), clients=asked.clients, faults=asked.faults, tell=_tell)
        findings = asyncio.run(running)
    print("\n".join(_report(findings)))
    missed = findings.failures()
    if findings.growth() > MOST_GROWTH:
        missed.append(f"memory grew by {findings.growth() - 1:.0%} from the second quarter to the last")
    for miss in missed:
        print(f"MISSED {miss}")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--faults", type=float, default=0.02, help="share of the proxy's answers that are spoilt")
    return parser


def _report(findings: Findings) -> list[str]:
    tally, proxy = findings.tally, findings.proxy
    asked, sorts = Counter[str](), Counter[str]()
    for (kind, sort), number in tally.kinds.items():
        asked[kind] += number
        sorts[sort] += number
    quarters = ", ".join(f"{resident / 1e6:.1f}" for resident in findings.quarters)
    return [
        f"{tally.calls:,} calls in {findings.seconds:,.0f} s, {findings.rate:.0f} a second; {tally.wrong} wrong",
        f"asked: {_listed(asked)}",
        f"became: {_listed(sorts)}",
        f"proxy: {proxy['asked']:,} requests over {proxy['connections']:,} connections",
        f"spoilt: {_listed(Counter(proxy['faults']))}",
        f"memory, MB in each quarter: {quarters} ({findings.growth() - 1:+.1%} from the second to the last)",
        f"descriptors after the warm-up: {_listed(findings.warm)}; in the end: {_listed(findings.last)}",
        f"record of changes: {findings.lines:,} lines",
    ]


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counted.most_common())


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
