"""Start the toys' server the way a host would, talk to it, and stop it by its process id."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client

from tests.processes import clean_environment

ROOT: Final = Path(__file__).parents[2]
Transport = Literal["stdio", "sse", "streamable-http"]
Era = Literal["auto", "legacy"]

CLOSED_PORT: Final = "http://127.0.0.1:9"
"""A proxy that is not there: nothing here may depend on one."""


def environment(**settings: str) -> dict[str, str]:
    return clean_environment(**{"PYTHONPATH": str(ROOT), "LITELLM_BASE_URL": CLOSED_PORT, **settings})


def command(transport: Transport) -> list[str]:
    return [sys.executable, "-m", "tests.wire.toys", transport]


@dataclass
class Served:
    """A running HTTP server: where it is, and what it said on stderr."""

    process: asyncio.subprocess.Process
    transport: Transport
    url: str
    said: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def origin(self) -> str:
        return self.url.rsplit("/", 1)[0]

    def client(self, era: Era) -> Client:
        if self.transport == "sse":
            return Client(sse_client(self.url), mode=era, cache=None)
        return Client(self.url, mode=era, cache=None)

    async def hear(self, word: str) -> None:
        """Wait for a line on stderr."""
        while not any(word in line for line in self.said):
            self.heard.clear()
            await self.heard.wait()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def serve(
    transport: Literal["sse", "streamable-http"], host: str = "127.0.0.1", **settings: str
) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *command(transport),
        host,
        cwd="/",
        env=environment(**settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    first = (await process.stderr.readline()).decode()
    served = Served(process, transport, first.rsplit(" ", 1)[-1].strip())
    assert served.url.startswith(f"http://{host}:"), first
    listening = asyncio.create_task(_listen(process.stderr, served))
    try:
        yield served
    finally:
        await served.stop()
        await listening


async def _listen(stderr: asyncio.StreamReader, served: Served) -> None:
    async for line in stderr:
        served.said.append(line.decode())
        served.heard.set()


def stdio_client(era: Era, **settings: str) -> Client:
    program, *arguments = command("stdio")
    parameters = StdioServerParameters(command=program, args=arguments, env=environment(**settings), cwd="/")
    return Client(parameters, mode=era, cache=None)


@asynccontextmanager
async def pipe(**settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A stdio server without a client, for what a client would not show."""
    process = await asyncio.create_subprocess_exec(
        *command("stdio"),
        cwd="/",
        env=environment(**settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
