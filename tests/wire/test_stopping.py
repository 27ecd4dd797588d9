"""A process that is told to stop finishes the calls under way, and takes no others."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client

from litellm_steward.work import STOPPING
from tests.stage import text_of
from tests.wire.harness import Era, Served, pipe, serve
from tests.wire.test_stdio import INITIALIZE, ask, receive, send

pytestmark = pytest.mark.asyncio

Over = Literal["streamable-http", "sse"]
HTTP: list[tuple[Over, Era]] = [("streamable-http", "auto"), ("streamable-http", "legacy"), ("sse", "legacy")]
FINISHED = "It says finished."


async def _begun(served: Served, client: Client, file: Path) -> asyncio.Task[Any]:
    await client.list_tools()  # else the client asks for it when the answer is there, to check it
    call = asyncio.create_task(client.call_tool("finish", {"file": str(file)}))
    await served.hear("BEGUN")
    return call


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("transport", "era"), HTTP)
async def test_a_call_under_way_is_answered(transport: Over, era: Era, number: signal.Signals, tmp_path: Path) -> None:
    """The other client's call is refused as one that did nothing, and the process ends after the answer."""
    file = tmp_path / "now"
    async with serve(transport) as served:
        async with served.client(era) as one, served.client(era) as other:
            call = await _begun(served, one, file)
            served.process.send_signal(number)
            await _until_refused(other)
            assert served.process.returncode is None
            assert not call.done()
            file.touch()
            assert text_of(await call) == FINISHED
        assert await served.process.wait() == 0


async def _until_refused(client: Client) -> None:
    """The signal takes a moment to arrive; calls before it are answered as usual."""
    while True:
        said = await client.call_tool("need", {"key": "x"})
        if said.is_error:
            assert text_of(said) == STOPPING
            return


@pytest.mark.parametrize(("transport", "era"), HTTP)
async def test_after_the_grace_a_call_is_broken_off(transport: Over, era: Era, tmp_path: Path) -> None:
    async with serve(transport, STEWARD_GRACE="0.1") as served, served.client(era) as client:
        call = await _begun(served, client, tmp_path / "never")
        assert await served.stop() == 0
        await asyncio.wait([call])
        assert call.exception() is not None
    assert any("Stopped although 1 call had no answer" in line for line in served.said)


async def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    async with serve("streamable-http") as served, served.client("auto") as client:
        call = await _begun(served, client, tmp_path / "never")
        served.process.send_signal(signal.SIGINT)
        await _until_refused(client)
        assert await served.stop(signal.SIGINT) == 0
        await asyncio.gather(call, return_exceptions=True)


@pytest.mark.parametrize("told", ["SIGTERM", "SIGINT", "stdin ends"])
async def test_stdio_answers_what_is_under_way(told: str, tmp_path: Path) -> None:
    file = tmp_path / "now"
    async with pipe() as server:
        await ask(server, "initialize", INITIALIZE, 1)
        send(server, "tools/call", {"name": "finish", "arguments": {"file": str(file)}}, 2)
        assert server.stderr is not None
        assert await server.stderr.readline() == b"BEGUN\n"
        if told == "stdin ends":
            assert server.stdin is not None
            server.stdin.close()
        else:
            server.send_signal(signal.Signals[told])
            number = 3
            while "isError" not in str(said := await ask(server, "tools/call", {"name": "extra"}, number)) or (
                not said["result"]["isError"]
            ):
                number += 1
            assert said["result"]["content"][0]["text"] == STOPPING
        file.touch()
        answer = await receive(server)
        assert answer["id"] == 2
        assert answer["result"]["content"][0]["text"] == FINISHED
        assert await server.wait() == 0


async def test_stdio_ends_at_once_when_told_twice(tmp_path: Path) -> None:
    async with pipe() as server:
        await ask(server, "initialize", INITIALIZE, 1)
        send(server, "tools/call", {"name": "finish", "arguments": {"file": str(tmp_path / "never")}}, 2)
        assert server.stderr is not None
        assert await server.stderr.readline() == b"BEGUN\n"
        server.send_signal(signal.SIGTERM)
        while server.returncode is None:
            server.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.05)
        assert server.returncode == 0
