"""A proxy whose database goes away: every tool says so in time, guesses nothing, and is fine when it is back.

Second to last: what the proxy would have booked in these seconds is nobody's concern any more.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import AbstractContextManager, ExitStack
from typing import Final

import pytest

from tests.faults.lanes import READS, Lane, Said, lane
from tests.faults.relay import Exchange, route
from tests.faults.writes import NOT_DONE, UNCERTAIN, WRITES, Write
from tests.live.harness import Seeded, wait_for
from tests.live.outage import frozen, gone

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

WAITED: Final = re.compile(r"did not answer|was not sent: too many others were under way")


async def test_a_database_that_stands_still(gateway: Seeded) -> None:
    """Nothing is answered: whoever says that it is "not made", or that there is none, would be wrong."""
    reads, writes, _ = await _meanwhile(gateway, frozen(gateway))
    for said in reads:
        assert WAITED.search(said.text) or not said.is_error, said
    waited = [said for said in writes if said.text.startswith("Other changes of models are under way. Nothing was")]
    assert len(waited) <= 1, "of the two that change models, the one that comes second may not have its turn"
    for said in writes:
        if said not in waited:
            assert WAITED.search(said.text), said
            assert not NOT_DONE.search(said.text), said


async def test_a_database_that_stands_still_at_a_write(gateway: Seeded) -> None:
    """What was sent is done later, when nobody waits for it any more."""
    key = WRITES["generate_key"]
    name = _prepared(gateway, key)
    with ExitStack() as outage:

        async def freeze(exchange: Exchange) -> None:
            await asyncio.to_thread(outage.enter_context, frozen(gateway))
            await exchange.pass_on()

        async with lane(gateway) as here:
            here.relay.turn(freeze, route("/key/generate"))
            said = await here.ask("generate_key", key.arguments(name))
            assert "did not answer POST /key/generate" in said.text
            assert said.text.endswith(UNCERTAIN)
            assert len(here.relay.writes) == 1
            await asyncio.to_thread(outage.close)
            wait_for(lambda: key.is_done(gateway, name), "the key that was asked for is made after all")


async def test_a_database_that_is_gone(gateway: Seeded) -> None:
    reads, writes, names = await _meanwhile(gateway, gone(gateway))
    for said in (*reads, *writes):
        assert said.is_error or said.tool == "get_model_info", said
        assert "rejected the request" not in said.text, "the arguments are not to blame"
    assert sum("no database connection" in said.text for said in reads) >= 3, "the others are told no reason"
    making = next(said for said in writes if said.tool == "generate_key")
    assert "no database connection" in making.text
    for tool, write in WRITES.items():
        assert not write.is_done(gateway, names[tool]), tool


async def _meanwhile(
    gateway: Seeded, outage: AbstractContextManager[None]
) -> tuple[list[Said], list[Said], dict[str, str]]:
    """Every tool at once during an outage, and again after it."""
    names = {tool: await asyncio.to_thread(_prepared, gateway, write) for tool, write in WRITES.items()}
    async with lane(gateway) as here:
        here.relay.turn(None)
        with outage:
            answers = await asyncio.gather(
                *(here.ask(tool, arguments) for tool, arguments in READS.items()),
                *(here.ask(write.tool, write.arguments(names[tool])) for tool, write in WRITES.items()),
            )
        sent = [exchange.path for exchange in here.relay.writes]
        assert len(sent) == len(set(sent)), "no write is sent twice"
        await _fine_again(here)
    for said in answers:
        here.check_words(said)
    assert here.faulty == []
    return answers[: len(READS)], answers[len(READS) :], names


async def _fine_again(here: Lane) -> None:
    for tool, arguments in READS.items():
        said = await here.ask(tool, arguments)
        assert not said.is_error, said


def _prepared(gateway: Seeded, write: Write) -> str:
    name = f"outage-{uuid.uuid4().hex[:10]}"
    write.prepare(gateway, name)
    return name
