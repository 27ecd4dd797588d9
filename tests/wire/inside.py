"""HTTP servers in the test's own process, for what needs another server beside the steward, or a look inside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
import httpx2
import uvicorn
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp

from litellm_steward.server import build_server
from litellm_steward.serving.http import PATHS, HttpTransport, build_app
from litellm_steward.settings import Settings
from litellm_steward.steward import Steward, open_steward
from litellm_steward.tools.view import ToolSpec
from tests.wire.harness import CLOSED_PORT, Era

ACCEPT = {"Accept": "application/json, text/event-stream"}
NOTHING: Mapping[str, str] = {}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they are the test runner's


def free_socket() -> tuple[socket.socket, str]:
    """A bound port, and its origin: known before there is anything to serve."""
    bound = socket.create_server(("127.0.0.1", 0))
    return bound, f"http://127.0.0.1:{bound.getsockname()[1]}"


@asynccontextmanager
async def listening(app: ASGIApp, bound: socket.socket) -> AsyncIterator[uvicorn.Server]:
    config = uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await task
        for left in asyncio.all_tasks():  # sse-starlette's would look for a server for as long as the loop lives
            if getattr(left.get_coro(), "__name__", "") == "_shutdown_watcher":
                left.cancel()


@dataclass
class Inside:
    """A steward that is served here."""

    steward: Steward
    transport: HttpTransport
    origin: str

    @property
    def url(self) -> str:
        return self.origin + PATHS[self.transport]

    def browser(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.origin, headers={**ACCEPT, **headers}, trust_env=False)

    @asynccontextmanager
    async def client(
        self, era: Era = "auto", *, auth: httpx2.Auth | None = None, headers: Mapping[str, str] = NOTHING
    ) -> AsyncIterator[Client]:
        """An MCP client that sends these headers with everything."""
        if self.transport == "sse":
            async with Client(sse_client(self.url, headers=dict(headers), auth=auth), mode=era, cache=None) as client:
                yield client
        else:
            async with (
                httpx2.AsyncClient(headers=headers, auth=auth, trust_env=False, timeout=30) as http,
                Client(streamable_http_client(self.url, http_client=http), mode=era, cache=None) as client,
            ):
                yield client


@asynccontextmanager
async def steward_inside(
    catalog: Sequence[ToolSpec], transport: HttpTransport = "streamable-http", **settings: object
) -> AsyncIterator[Inside]:
    """Serve these tools. ``{origin}`` in a setting stands for where."""
    bound, origin = free_socket()
    filled = {
        name: value.format(origin=origin) if isinstance(value, str) else value for name, value in settings.items()
    }
    chosen = Settings(_env_file=None, **{"litellm_base_url": CLOSED_PORT, **filled})  # type: ignore[arg-type]
    async with open_steward(chosen) as steward:
        app = build_app(build_server(steward, catalog), transport)
        async with listening(app, bound):
            yield Inside(steward, transport, origin)
