"""A loopback relay in front of a real proxy that can spoil any answer, and counts what it was asked."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx

HOST: Final = "127.0.0.1"
WRITES: Final = (
    "/key/generate",
    "/key/delete",
    "/team/new",
    "/user/new",
    "/customer/new",
    "/model/new",
    "/model/delete",
    "/fallback",
    "/config/update",
)
"""Routes that change something; every other POST only asks."""

_NOW: Final = re.compile(r"(?:start|end)_date=[^&]*")
"""Moments in a question, which make it another one each time."""

_LEFT_OUT: Final = frozenset({"host", "connection", "accept-encoding", "content-length"})


@dataclass
class Answered:
    """What the real proxy said."""

    status: int
    body: bytes
    kind: str = "application/json"


@dataclass
class Exchange:
    """One request, and the means to answer it or not."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    relay: Relay
    spoilt: bool = False
    passed_on: bool = False
    taken: int = 0
    """Bytes of the answer that the other side took, as far as the system tells."""

    @property
    def is_write(self) -> bool:
        return self.method == "POST" and self.path in WRITES

    async def pass_on(self) -> Answered:
        """Ask the real proxy."""
        self.passed_on = True
        known = self.relay.known
        if known is None or self.is_write:
            return await self._ask()
        question = (self.method, self.path, _NOW.sub("", self.query), self.body.decode())
        if question not in known:
            known[question] = await self._ask()
        return known[question]

    async def _ask(self) -> Answered:
        headers = {name: value for name, value in self.headers.items() if name not in _LEFT_OUT}
        url = self.path + (f"?{self.query}" if self.query else "")
        answer = await self.relay.upstream.request(self.method, url, headers=headers, content=self.body)
        return Answered(answer.status_code, answer.content, answer.headers.get("content-type", "text/plain"))

    async def answer(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        """A whole and honest answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        length = {} if status == 204 else {"Content-Length": str(len(body))}
        await self.head(status, {"Content-Type": kind, **length, **named})
        await self.send(body)

    async def head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        await self.send("\r\n".join(lines).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.taken += len(data)

    def reset(self) -> None:
        """Break the connection as a process that was killed does."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def silence(self) -> None:
        """Say nothing until the other side gives up."""
        await self.reader.read()


Known = dict[tuple[str, str, str, str], Answered]
Act = Callable[[Exchange], Awaitable[None]]
Where = Callable[[Exchange], bool]


def everywhere(_: Exchange) -> bool:
    return True


def writes(exchange: Exchange) -> bool:
    return exchange.is_write


def route(path: str) -> Where:
    return lambda exchange: exchange.path == path


@dataclass
class Relay:
    """Passes everything on, until ``spoil`` is set."""

    upstream: httpx.AsyncClient
    port: int = 0
    spoil: Act | None = None
    where: Where = everywhere
    asked: list[Exchange] = field(default_factory=list)
    known: Known | None = None
    """Answers to give again, where a test of the steward needs no more of the proxy; none are kept without."""

    broken: list[str] = field(default_factory=list)
    """What went wrong in here; the test is to blame for it."""

    _server: asyncio.Server | None = None
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def turn(self, spoil: Act | None, where: Where = everywhere) -> None:
        """Change the weather; what was asked until now is forgotten."""
        self.spoil, self.where = spoil, where
        self.asked = []

    def sent(self, path: str) -> list[Exchange]:
        return [exchange for exchange in self.asked if exchange.path == path and exchange.method == "POST"]

    @property
    def writes(self) -> list[Exchange]:
        return [exchange for exchange in self.asked if exchange.is_write]

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and break those there are."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()

    async def close(self) -> None:
        await self.shut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.upstream.aclose()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.append(repr(error))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, httpx.TransportError):
                while not writer.is_closing():
                    exchange = await self._read(reader, writer)
                    self.asked.append(exchange)
                    await self._treat(exchange)
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _treat(self, exchange: Exchange) -> None:
        if self.spoil is not None and self.where(exchange):
            exchange.spoilt = True
            await self.spoil(exchange)
            return
        answer = await exchange.pass_on()
        await exchange.answer(answer.status, answer.body, answer.kind)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        fields = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(length)
        parts = urlsplit(target)
        assert not re.search(r"[\r\n]", target)
        return Exchange(method, parts.path, parts.query, headers, body, reader, writer, self)


@asynccontextmanager
async def relaying(target: str, known: Known | None = None) -> AsyncIterator[Relay]:
    """A relay to a proxy; or to nothing, for weather that needs none."""
    upstream = httpx.AsyncClient(base_url=target, timeout=60, trust_env=False, verify=False)  # noqa: S501 - loopback
    relay = Relay(upstream, known=known)
    await relay.open()
    try:
        yield relay
    finally:
        await relay.close()
    assert not relay.broken, relay.broken
