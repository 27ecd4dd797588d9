"""Connections on which nothing is asked: closed after a while, and at once where there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from litellm_steward.serving import connections
from litellm_steward.serving.connections import BoundedConnection

pytestmark = pytest.mark.asyncio
HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = uvicorn.Config(PlainTextResponse("OK"), http=BoundedConnection, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells no other way
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving
    assert not BoundedConnection._quiet, "none is remembered that is closed"


async def _open(port: int, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    await writer.drain()
    return reader, writer


async def _ended(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""


@pytest.mark.parametrize("said", [b"", HALF, HALF + b"\r\n" + HALF], ids=["nothing", "half", "one and a half"])
async def test_a_request_that_does_not_come_is_not_waited_for(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "QUIET", 0.2)
    async with served() as port:
        reader, writer = await _open(port, said)
        assert (await _ended(reader)).count(b"200 OK") == said.count(b"\r\n\r\n")
        writer.close()


async def test_a_body_that_nobody_asked_for_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is out, and byte after byte comes in."""
    monkeypatch.setattr(connections, "QUIET", 0.3)
    async with served() as port:
        reader, writer = await _open(port, HALF + b"Content-Length: 100000\r\n\r\n")
        ended = asyncio.create_task(_ended(reader))
        for _ in range(200):
            if ended.done():
                break
            writer.write(b"x")
            await asyncio.sleep(0.05)
        assert b"200 OK" in await ended
        writer.close()


async def test_the_oldest_makes_room_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_QUIET", 5)
    async with served() as port:
        idle = [await _open(port, HALF) for _ in range(6)]
        assert await _ended(idle[0][0]) == b""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(3):
                assert (await client.get("/")).text == "OK"
        assert not idle[-1][0].at_eof(), "those that came last are still waited for"
        idle[-1][1].write(b"\r\n")
        assert b"200 OK" in await idle[-1][0].readuntil(b"OK\r\n")
        for _, writer in idle:
            writer.close()
