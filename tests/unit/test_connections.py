"""How the proxy's connections are used, on real sockets: a mocked transport has none."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from litellm_steward.api.proxy import CONNECTIONS, Proxy
from litellm_steward.api.wire import Acknowledged
from litellm_steward.secret import ConstantSecret

pytestmark = pytest.mark.asyncio

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


async def test_connections_are_kept_when_many_ask_at_once() -> None:
    opened = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0)
            writer.write(ANSWER)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Proxy(f"http://127.0.0.1:{port}", ConstantSecret("LITELLM_MASTER_KEY", SecretStr("sk-x"))) as proxy:

            async def one() -> None:
                for _ in range(4):
                    await proxy.get("/models", Acknowledged)

            await asyncio.gather(*(one() for _ in range(3 * CONNECTIONS)))
    assert opened <= CONNECTIONS
