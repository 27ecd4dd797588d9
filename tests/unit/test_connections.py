"""How the proxy's connections are used, on real sockets: a mocked transport has none."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import pytest
from pydantic import SecretStr

from litellm_steward.api.proxy import CONNECTIONS, Proxy
from litellm_steward.api.wire import Acknowledged
from litellm_steward.secret import ConstantSecret
from litellm_steward.together import together

pytestmark = pytest.mark.asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Listener:
    """Answers everything, a moment later."""

    port: int = 0
    opened: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readline():
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(0.001)
                writer.write(ANSWER)
        self.open.discard(writer)
        writer.close()


@asynccontextmanager
async def asked() -> AsyncIterator[tuple[Proxy, Listener]]:
    listener = Listener()
    async with await asyncio.start_server(listener, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Proxy(f"http://127.0.0.1:{port}", ConstantSecret("LITELLM_MASTER_KEY", SecretStr("sk-x"))) as proxy:
            yield proxy, listener
        while listener.open:  # noqa: ASYNC110 - they end by themselves
            await asyncio.sleep(0.001)


async def _read(proxy: Proxy) -> None:
    await proxy.get("/models", Acknowledged, timeout=20)


async def test_connections_are_kept_when_many_ask_at_once() -> None:
    async with asked() as (proxy, listener):

        async def one() -> None:
            for _ in range(4):
                await _read(proxy)

        await asyncio.gather(*(one() for _ in range(3 * CONNECTIONS)))
    assert listener.opened <= CONNECTIONS


async def test_who_stops_waiting_gives_the_connection_back() -> None:
    """httpcore (issue 1093) loses a connection whose request is cancelled while it waits for one."""
    chance = random.Random(1)  # noqa: S311 - so that runs are alike

    async def impatient(proxy: Proxy) -> None:
        for _ in range(20):
            with anyio.move_on_after(chance.choice([0.001, 0.01, 0.1])):
                await together(*(_read(proxy) for _ in range(5)))

    async with asked() as (proxy, _):
        async with anyio.create_task_group() as tasks:
            for _ in range(CONNECTIONS):
                tasks.start_soon(impatient, proxy)
        await together(*(_read(proxy) for _ in range(2 * CONNECTIONS)))
