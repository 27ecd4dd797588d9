"""Every tool in every weather: a clear error of the right kind in time, no write twice, and the next call is fine.

The oldest release gets a few faults of each kind, the newest all of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pytest

from tests.faults.catalog import FAULTS, FEW, READ_IN_VAIN, REFUSED_AT_ONCE, SPOILT, TIMEOUT, Fault, redirecting
from tests.faults.lanes import CHEAP, READS, Lane, Said, lane
from tests.faults.relay import Exchange, Known, Where, everywhere, relaying, route, writes
from tests.faults.weather import hang, reset, says, then
from tests.faults.writes import (
    WRITES,
    Write,
    wrong_about_what_never_arrived,
    wrong_about_what_nobody_knows,
    wrong_about_what_was_done,
)
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

CHANGES: Final[Mapping[str, Mapping[str, object]]] = {
    write.tool: write.arguments("never-made") for write in WRITES.values()
}
FIGURES: Final = ("usage", "spend", "api_requests", "rows", "total", "counts", "deployments", "fallbacks", "requests")
AMPLE: Final = 20.0
"""STEWARD_TIMEOUT where nothing hangs: a machine that does much at once may take seconds for anything."""

Cells = set[tuple[str, str]]
Tell = Callable[[str, object], None]


async def test_every_tool_in_every_weather(gateway: Seeded, record_property: Tell) -> None:
    chosen, known = _chosen(gateway, FAULTS), await _good_weather(gateway)
    unspoilt = [fault for fault in chosen if not fault.passes]
    reading = [
        (lane(gateway, known, tool, steward_timeout=seconds), partial(_reads, tool=tool, faults=faults))
        for tool in READS
        for seconds, faults in _by_patience(chosen)
    ]
    changing = [
        (lane(gateway, known, tool, steward_timeout=seconds), partial(_changes, tool=tool, faults=faults))
        for tool in CHANGES
        for seconds, faults in _by_patience(unspoilt)
    ]
    cells = await _together([*reading, *changing])
    record_property("told", f"{len(cells)} cells of {len({tool for tool, _ in cells})} tools, every request spoilt")
    if not gateway.is_oldest:
        assert len(cells) >= 14 * 15
        assert min(_faults_by_tool(cells).values()) >= 40


async def _reads(here: Lane, tool: str, faults: Iterable[Fault]) -> None:
    before = await here.ask(tool, READS[tool])
    for fault in faults:
        here.expect(await here.cell(tool, READS[tool], fault, everywhere), fault)
        after = await here.ask(tool, READS[tool], f"after {fault.name}")
        here.demand(_figures(after) == _figures(before), after, "says something else than before")


async def _changes(here: Lane, tool: str, faults: Iterable[Fault]) -> None:
    """Where every request is spoilt, a change does not get as far as its write, or is uncertain of it."""
    for fault in faults:
        here.expect(await here.cell(tool, CHANGES[tool], fault, everywhere), fault)
        await _next_call(here, fault)


async def test_what_fills_memory(gateway: Seeded, record_property: Tell) -> None:
    """Three hundred megabytes, and what unpacks to them: one after the other, for they take the processor's time.

    What is refused by its head is tried with every tool, what has to be read with one tool in three.
    """
    if gateway.is_oldest:
        pytest.skip("the same code reads the answers of all releases")
    cells: Cells = set()
    async with lane(gateway, await _good_weather(gateway), steward_timeout=20) as here:
        for number, (tool, arguments) in enumerate({**READS, **CHANGES}.items()):
            for fault in (*REFUSED_AT_ONCE, READ_IN_VAIN[number % len(READ_IN_VAIN)]):
                here.expect(await here.cell(tool, arguments, fault, everywhere), fault)
        await _next_call(here, fault)
        cells |= here.cells
    record_property("told", f"{len(cells)} cells of large answers")
    assert here.faulty == []
    assert len(cells) == 14 * (len(REFUSED_AT_ONCE) + 1)


async def test_a_redirect_is_not_followed(gateway: Seeded) -> None:
    async with relaying(gateway.running.base_url) as elsewhere, lane(gateway) as here:
        fault = redirecting(elsewhere.url)
        for tool, arguments in {**READS, **CHANGES}.items():
            here.expect(await here.cell(tool, arguments, fault, everywhere), fault)
        assert elsewhere.asked == [], "the key was sent to another host"
        assert here.faulty == []
        assert len(here.cells) == 14


async def test_a_write_that_never_arrives(gateway: Seeded, record_property: Tell) -> None:
    chosen = [fault for fault in _chosen(gateway, FAULTS) if not (fault.refuses or fault.passes)]
    names = {tool: await _prepared(gateway, write) for tool, write in WRITES.items()}
    known = await _good_weather(gateway)  # with what was prepared in it
    lanes = [
        (
            lane(gateway, dict(known), write.tool, steward_timeout=seconds),
            partial(_never_arriving, gateway=gateway, write=write, name=names[tool], faults=faults),
        )
        for tool, write in WRITES.items()
        for seconds, faults in _by_patience(chosen)
    ]
    cells = await _together(lanes)
    record_property("told", f"{len(cells)} cells of writes that never arrived")


async def _never_arriving(here: Lane, gateway: Seeded, write: Write, name: str, faults: Sequence[Fault]) -> None:
    for fault in faults:
        said = await here.cell(write.tool, write.arguments(name), fault, writes)
        here.demand(len(here.relay.writes) >= 1, said, "sent nothing")
        wrong = wrong_about_what_never_arrived(said, fault)
        here.demand(wrong is None, said, wrong or "")
        await _next_call(here, fault)
    done = await asyncio.to_thread(write.is_done, gateway, name)
    here.demand(not done, Said(write.tool, "all", is_error=True, text="", data={}), "did it all the same")
    here.relay.turn(None)
    await _next_call(here, faults[-1])


LOST: Final = ("silence", "reset", "cut short", "500 as a detail", "502 in HTML", "504 empty", "HTML", "nothing")


async def test_a_write_whose_answer_is_lost(gateway: Seeded, record_property: Tell) -> None:
    lost = [replace(fault, act=then(fault.act)) for fault in FAULTS if fault.name in LOST]
    garbled = [fault for fault in SPOILT if fault.name in ("other types", "nulls", "hostile text")]
    faults = _chosen(gateway, [*lost, *garbled])
    cells = await _together(
        [
            (
                lane(gateway, tool=write.tool, steward_timeout=6),
                partial(_losing, gateway=gateway, write=write, faults=faults),
            )
            for write in WRITES.values()
        ]
    )
    record_property("told", f"{len(cells)} cells of writes that were done and not answered")


async def _losing(here: Lane, gateway: Seeded, write: Write, faults: Iterable[Fault]) -> None:
    for fault in faults:
        name = await _prepared(gateway, write)
        said = await here.cell(write.tool, write.arguments(name), fault, writes)
        done = await asyncio.to_thread(write.is_done, gateway, name)
        here.demand(done, said, "did not do it")
        wrong = wrong_about_what_was_done(said, fault)
        here.demand(wrong is None or fault.name == "hostile text", said, wrong or "")
        await _next_call(here, fault)


async def test_a_proxy_that_dies_after_a_write(gateway: Seeded) -> None:
    """Killed once it has done it: nobody can look, and nobody may claim to know."""
    await _together(
        [
            (lane(gateway, tool=write.tool, steward_timeout=6), partial(_dying, gateway=gateway, write=write))
            for write in WRITES.values()
        ]
    )


async def _dying(here: Lane, gateway: Seeded, write: Write) -> None:
    async def die(exchange: Exchange) -> None:
        await (then(reset) if len(exchange.relay.writes) == 1 and exchange.is_write else reset)(exchange)

    def from_the_write_on(exchange: Exchange) -> bool:
        return exchange.is_write or any(earlier.is_write for earlier in exchange.relay.asked)

    name = await _prepared(gateway, write)
    fault = Fault("death", die, "", lost=True)
    said = await here.cell(write.tool, write.arguments(name), fault, from_the_write_on)
    wrong = wrong_about_what_nobody_knows(said)
    here.demand(wrong is None, said, wrong or "")
    here.demand(await asyncio.to_thread(write.is_done, gateway, name), said, "did not do it")
    await _next_call(here, fault)


HALF: Final = (
    Fault("500 of one route", says(500, {"detail": "It broke"}), "", lost=True),
    Fault("nothing of one route", says(200, {}), "", lost=True),
    Fault("a reset of one route", reset, "", lost=True),
    next(fault for fault in SPOILT if fault.name == "missing parts"),
    Fault("silence of one route", hang, "", lost=True),
)
"""The last takes its time, and the oldest release is spared it."""


async def test_half_an_answer_is_no_wrong_figure(gateway: Seeded, record_property: Tell) -> None:
    """One route of several fails: the figures are the same, or left out, or the whole answer is refused."""
    known = await _good_weather(gateway)
    faults = HALF[:-1] if gateway.is_oldest else HALF
    cells = await _together(
        [
            (lane(gateway, known, tool), partial(_halved, tool=tool, faults=faults))
            for tool in READS  # what is known is answered at once
        ]
    )
    record_property("told", f"{len(cells)} cells of one spoilt route")


async def _halved(here: Lane, tool: str, faults: Iterable[Fault]) -> None:
    here.relay.turn(None)
    whole = await here.ask(tool, READS[tool])
    assert not whole.is_error, whole
    paths = sorted({exchange.path for exchange in here.relay.asked})
    for path in paths:
        for fault in faults:
            where: Where = route(path)
            said = await here.cell(tool, READS[tool], replace(fault, name=f"{fault.name}: {path}"), where)
            if not said.is_error:
                here.demand(_agree(_figures(said), _figures(whole)), said, "tells other figures")


# ---- what the tests share ----------------------------------------------------------------------------


def _chosen(gateway: Seeded, faults: Iterable[Fault]) -> Sequence[Fault]:
    return [fault for fault in faults if not gateway.is_oldest or fault.name in FEW]


async def _good_weather(gateway: Seeded) -> Known:
    """What the proxy answers to every reading tool, so that a storm of tests need not ask it again and again."""
    known: Known = {}
    async with lane(gateway, known, steward_timeout=60) as here:
        for tool, arguments in READS.items():
            said = await here.ask(tool, arguments)
            assert not said.is_error, said
    return known


def _by_patience(faults: Sequence[Fault]) -> list[tuple[float, Sequence[Fault]]]:
    """Two lanes side by side: one waits in vain for a short while, the other never has to wait."""
    waiting = [fault for fault in faults if fault.waits]
    others = [fault for fault in faults if not fault.waits]
    return [(seconds, some) for seconds, some in ((TIMEOUT, waiting), (AMPLE, others)) if some]


async def _prepared(gateway: Seeded, write: Write) -> str:
    name = f"weather-{uuid.uuid4().hex[:10]}"
    await asyncio.to_thread(write.prepare, gateway, name)
    return name


async def _next_call(here: Lane, fault: Fault) -> None:
    tool, arguments = (CHEAP[0], {}) if here.relay.known is not None else (CHEAP[1], {"limit": 1})
    said = await here.ask(tool, arguments, f"after {fault.name}")
    here.demand(not said.is_error, said, "the next call fails")


async def _together(
    plans: Sequence[tuple[AbstractAsyncContextManager[Lane], Callable[[Lane], Awaitable[None]]]],
) -> Cells:
    """All lanes are open before the first call: to build their servers takes seconds, and calls have deadlines."""
    async with AsyncExitStack() as stack:
        lanes = [await stack.enter_async_context(opening) for opening, _ in plans]
        await asyncio.gather(*(work(here) for here, (_, work) in zip(lanes, plans, strict=True)))
    faulty = [line for here in lanes for line in here.faulty]
    assert not faulty, "\n".join([f"{len(faulty)} cells:", *faulty])
    return set().union(*(here.cells for here in lanes))


def _figures(said: Said) -> dict[str, Any]:
    kept = {name: value for name, value in said.data.items() if name in FIGURES}
    return kept if not said.is_error else {"error": said.text}


def _agree(part: Any, whole: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether every number that a part tells is the whole's."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_agree(inner, whole.get(name)) for name, inner in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(_agree(a, b) for a, b in zip(part, whole, strict=False))
    return isinstance(part, str) or part is None or part == whole


def _faults_by_tool(cells: Cells) -> dict[str, int]:
    return {tool: sum(1 for other, _ in cells if other == tool) for tool, _ in cells}
