"""The same weather for a process as a desktop host starts it: what it says on stderr, and what memory it takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from tests.faults.catalog import FAULTS, READ_IN_VAIN, REFUSED_AT_ONCE
from tests.faults.lanes import READS, Lane
from tests.faults.relay import everywhere, relaying
from tests.faults.writes import WRITES
from tests.live.harness import Evidence, Seeded, over_stdio

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

MOST_MEMORY: Final = 550
"""MB. The program alone takes about 110; an answer is held twice while it is read, and a little more."""

PROC: Final = Path("/proc")

SOME: Final = ("429 for a minute", "500 in a repr", "a lost database", "HTML", "broken JSON", "401")
SLOW: Final = ("reset", "502 in HTML")
"""Tried again before they are told."""

CALLS: Final = {**READS, **{write.tool: write.arguments("never-made") for write in WRITES.values()}}


async def test_one_process_in_bad_weather(gateway: Seeded, tmp_path: Path) -> None:
    if gateway.is_oldest:
        pytest.skip("a process is the same for all releases")
    evidence, before = Evidence(tmp_path), _stewards()
    some = [*(fault for fault in FAULTS if fault.name in SOME), *REFUSED_AT_ONCE]
    slow = [*(fault for fault in FAULTS if fault.name in SLOW), READ_IN_VAIN[0]]
    async with (
        relaying(gateway.running.base_url) as relay,
        over_stdio(
            gateway.running,
            evidence,
            LITELLM_BASE_URL=relay.url,
            STEWARD_TOOLSETS="default,spend",
            STEWARD_APPROVAL="off",
            STEWARD_TIMEOUT="20",
        ) as steward,
    ):
        here = Lane(steward.client, relay, (gateway.running.master_key,))
        for number, (tool, arguments) in enumerate(CALLS.items()):
            for fault in (*some, *(slow if number % 7 == 0 else ())):
                here.expect(await here.cell(tool, arguments, fault, everywhere), fault)
            assert (await steward("find_requests", limit=1)).ok()
        taken = [_peak(pid) for pid in _stewards() - before]
    assert here.faulty == []
    assert len({tool for tool, _ in here.cells}) == 14
    assert bool(taken) is PROC.is_dir(), "of the process that was started"
    assert max(taken, default=0) < MOST_MEMORY
    log = evidence.everything()
    assert "GET /spend/logs" in log, "it is really there"
    assert "Traceback" not in log
    assert "Incident" not in log
    assert evidence.leaks() == []


def _stewards() -> set[int]:
    """Our children that serve stdio, where the system shows processes as files."""
    found = set()
    for folder in PROC.glob("[0-9]*") if PROC.is_dir() else ():
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
        if parent == os.getpid() and b"litellm_steward" in command:
            found.add(int(folder.name))
    return found


def _peak(pid: int) -> int:
    """The most memory that a process ever took, in MB."""
    lines = (PROC / str(pid) / "status").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")), 0)
