"""Connections on which nothing is asked: closed after a while, and at once where there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from litellm_steward.serving import connections
from litellm_steward.serving.connections import BoundedConnection

pytestmark = pytest.mark.asyncio
OK: ASGIApp = PlainTextResponse("OK")
HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def served(app: ASGIApp = OK) -> AsyncIterator[int]:
    config = uvicorn.Config(app, http=BoundedConnection, port=0, log_config=None, lifespan="off")
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
    monkeypatch.setattr(BoundedConnection, "most", 5)
    monkeypatch.setattr(connections, "YOUNG", 0.1)
    async with served() as port:
        idle = [await _open(port, HALF) for _ in range(5)]
        await asyncio.sleep(0.2)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(3):
                assert (await client.get("/")).text == "OK"
        assert await _ended(idle[0][0]) == b""
        idle[-1][1].write(b"\r\n")
        assert b"200 OK" in await idle[-1][0].readuntil(b"OK\r\n"), "those that came last are still waited for"
        for _, writer in idle:
            writer.close()


async def test_a_burst_closes_nobody_who_has_just_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests of connections that were accepted together may have come in and not been read yet."""
    monkeypatch.setattr(BoundedConnection, "most", 5)
    async with served() as port:
        early = [await _open(port, HALF) for _ in range(5)]
        late = await _open(port, HALF)
        assert await _ended(late[0]) == b""
        for reader, writer in early:
            writer.write(b"\r\n")
            assert b"200 OK" in await reader.readuntil(b"OK\r\n")
        for _, writer in [*early, late]:
            writer.close()


async def test_who_reads_slowly_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "QUIET", 0.1)
    whole = b"x" * 8_000_000
    async with served(PlainTextResponse(whole)) as port:
        reader, writer = await _open(port, HALF + b"\r\n")
        await asyncio.sleep(0.5)
        assert (await _ended(reader)).endswith(whole)
        writer.close()
