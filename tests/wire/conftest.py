from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from mcp import Client

from tests.wire.harness import Era, Served, serve, stdio_client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sse() -> AsyncIterator[Served]:
    async with serve("sse") as served:
        yield served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[Served]:
    async with serve("streamable-http") as served:
        yield served


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Era:
    return "legacy" if request.param == "legacy" else "auto"


class Connection:
    """How a test gets its client; entered in the test itself, because task groups may not span fixtures."""

    def __init__(self, name: str, era: Era, sse: Served, http: Served) -> None:
        self._name, self._era, self._sse, self._http = name, era, sse, http
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Client:
        if self._name == "stdio":
            client = stdio_client(self._era)
        else:
            client = (self._sse if self._name == "sse" else self._http).client(self._era)
        return await self._stack.enter_async_context(client)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


@pytest.fixture(params=["stdio", "sse", "streamable-http"])
def connection(request: pytest.FixtureRequest, era: Era, sse: Served, http: Served) -> Connection:
    return Connection(request.param, era, sse, http)
