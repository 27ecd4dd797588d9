"""One load run from its start to its findings."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Final

from benchmarks.loading.processes import TOKEN, StandIn, Steward, stand_in, steward
from benchmarks.loading.questions import Json
from benchmarks.loading.record import audit_faults
from benchmarks.loading.talking import Talker, Tally

WARM_UP: Final = 10
"""One of so many calls is made before descriptors are counted."""

MOST_GROWTH: Final = 1.10
LEEWAY: Final = 2
"""Descriptors more than after the warm-up, connections to the proxy left out: those have a limit of their own."""

SOCKETS: Final = 3
"""Without clients: the one that listens, and the event loop's own two."""

SETTLES_IN: Final = 10.0
KEPT_FOR: Final = 5.5
"""Seconds after which a connection that nobody uses is closed."""

IN_ONE_CALL: Final = 5
"""Connections to the proxy that one call may use."""


@dataclass
class Findings:
    """What a run showed."""

    tally: Tally
    seconds: float = 0.0
    resident: list[int] = field(default_factory=list)
    warm: Counter[str] = field(default_factory=Counter)
    """Descriptors by sort, after the warm-up and in the end."""
    last: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    audit: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    code: int = 0
    proxy: Json = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.tally.calls / self.seconds

    @property
    def quarters(self) -> list[float]:
        """Mean resident bytes of each quarter of the run."""
        size = len(self.resident) // 4
        return [mean(self.resident[part * size : (part + 1) * size]) for part in range(4)] if size else []

    def failures(self) -> list[str]:
        """Everything that must not be, memory left out: a short run says nothing of that."""
        held = sum(number for (kind, sort), number in self.tally.kinds.items() if kind == "make" and sort == "hung up")
        found = [*self.tally.problems, *self.audit, *(f"stderr: {line.strip()}" for line in self.stderr[:20])]
        if _beside_proxy(self.last) > _beside_proxy(self.warm) + LEEWAY or self.last["proxy"] > IN_ONE_CALL:
            found.append(f"descriptors: {dict(self.last)} after {dict(self.warm)}")
        if self.code:
            found.append(f"the steward ended with {self.code}")
        if self.proxy["connections"] > self.proxy["asked"] / 2:
            found.append(f"connections to the proxy are not kept: {self.proxy['connections']}")
        if sum(self.proxy["let_go"].values()) != held:
            found.append(f"{held - sum(self.proxy['let_go'].values())} changes went on although nobody waited for them")
        return found

    def growth(self) -> float:
        """Of memory, from the second quarter to the last."""
        return self.quarters[3] / self.quarters[1] if self.quarters else 1.0


def _beside_proxy(found: Counter[str]) -> int:
    return found.total() - found["proxy"]


async def run(
    calls: int, folder: Path, *, clients: int = 32, faults: float = 0.02, tell: Callable[[str], None] = lambda _: None
) -> Findings:
    """A steward of its own in ``folder``, ``clients`` at the same time, a share of the proxy's answers spoilt."""
    tally = Tally()
    async with stand_in(faults) as proxy, steward(proxy.url, folder) as served:
        talkers = [Talker(number, proxy.url, tally) for number in range(clients)]
        watching = asyncio.create_task(served.watch(1.0))
        telling = asyncio.create_task(_report(tally, served, tell))
        seconds = await _talk(talkers, served, tally, calls // WARM_UP)
        warm = await _settled(served)
        seconds += await _talk(talkers, served, tally, calls - tally.calls)
        last = await _idle(talkers[0], served)
        for task in (watching, telling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return await _ended(Findings(tally, seconds, served.resident, warm, last), served, proxy)


async def _ended(findings: Findings, served: Steward, proxy: StandIn) -> Findings:
    findings.code = await served.stop()
    findings.proxy = await proxy.seen()
    findings.lines, findings.audit = audit_faults(served.audit_log, findings.tally.outcomes, findings.proxy["writes"])
    findings.stderr = [line for line in served.said if "serving on " not in line] + proxy.said
    return findings


async def _talk(talkers: list[Talker], served: Steward, tally: Tally, calls: int) -> float:
    """Seconds that it took."""
    tally.left = calls
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for talker in talkers:
            tasks.create_task(talker.talk(served.url, TOKEN))
    return time.monotonic() - began


async def _settled(served: Steward) -> Counter[str]:
    """Descriptors by sort once all clients are gone: connections end a moment after those who held them."""
    deadline = time.monotonic() + SETTLES_IN
    while True:
        found = served.descriptors()
        if found["socket"] <= SOCKETS or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.2)


async def _idle(talker: Talker, served: Steward) -> Counter[str]:
    """Descriptors when connections to the proxy that nobody uses are closed: the next request does that."""
    await asyncio.sleep(KEPT_FOR)
    await talker.ask_once(served.url, TOKEN)
    return await _settled(served)


async def _report(tally: Tally, served: Steward, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(20)
        resident = served.resident[-1] / 1e6 if served.resident else 0
        passed = time.monotonic() - began
        tell(f"{passed:6.0f} s {tally.calls:>7,} calls {resident:6.1f} MB, {tally.wrong} wrong")
