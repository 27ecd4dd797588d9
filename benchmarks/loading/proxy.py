"""The stand-in LiteLLM of the load run as a process: it answers fast, and injects faults.

``python -m benchmarks.loading.proxy SHARE`` prints its address; ``SHARE`` of its answers are spoilt.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from contextlib import suppress
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from benchmarks.loading.answers import HELD, Gateway, Json

Fault = Literal["limited", "failed", "reset", "slow", "html", "truncated"]

SLOW: Final = 0.5
HELD_FOR: Final = 60.0
"""Seconds that a held request waits for the other side to hang up; to be answered at all is a failure."""

HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
WRITES: Final = frozenset({"/key/generate", "/key/delete"})


class Server:
    """One connection at a time is a client's; a request in it is answered, spoilt or held."""

    def __init__(self, gateway: Gateway, share: float) -> None:
        self._gateway, self._share = gateway, share
        self._chance = random.Random(1)  # noqa: S311 - so that runs are alike

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._gateway.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                _, _, length = head.partition("content-length:")
                body = await reader.readexactly(int(length.split("\r\n", 1)[0])) if length else b""
                method, target, _ = head.split(" ", 2)
                await self._treat(method.upper(), target, json.loads(body) if body else {}, reader, writer)
        writer.close()

    async def _treat(
        self, method: str, target: str, body: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/seen":
            await _answer(writer, *self._gateway.answer(method, parts.path, query, body))
            return
        self._gateway.asked += 1
        subject = self._note(parts.path, query, body)
        if subject.startswith(HELD):
            await self._hold(f"{parts.path} {subject}", reader)
            writer.close()
            return
        fault = self._chance.choice(get_args(Fault)) if self._chance.random() < self._share else None
        if fault is not None:
            self._gateway.faults[fault] += 1
        # A change that is refused is not made; of the others, the answer alone is spoilt.
        refused = fault == "limited" or (fault in ("failed", "html") and self._chance.random() < 0.5)
        status, found = (0, {}) if refused else self._gateway.answer(method, parts.path, query, body)
        await _spoilt(writer, fault, subject, status, found)

    def _note(self, path: str, query: dict[str, str], body: Json) -> str:
        """What a request is about; a change is counted before anything can happen to it."""
        if path not in WRITES:
            named = (
                "key_alias",
                "key",
                "user_ids",
                "user_id",
                "end_user_id",
                "search",
                "team_id",
                "api_key",
                "team_ids",
            )
            return next((query[name] for name in named if name in query), path)
        subject = body.get("key_alias") or self._gateway.live.get(body.get("keys", [""])[0], "nobody's")
        self._gateway.writes[f"{path} {subject}"] += 1
        return str(subject)

    async def _hold(self, request: str, reader: asyncio.StreamReader) -> None:
        self._gateway.held.add(request.split(" ")[1])
        with suppress(ConnectionError):
            async with asyncio.timeout(HELD_FOR):
                await reader.read(1)
            self._gateway.let_go[request] += 1


async def _spoilt(writer: asyncio.StreamWriter, fault: Fault | None, subject: str, status: int, found: Json) -> None:
    """An answer, or what is left of it."""
    match fault:
        case "limited":
            await _answer(writer, 429, {"error": {"message": f"Too many for {subject}"}}, "Retry-After: 1\r\n")
        case "failed":
            await _answer(writer, 500, {"error": {"message": f"Failed on {subject}", "type": "internal_server_error"}})
        case "html":
            await _send(writer, 502, HTML, kind="text/html")
        case "truncated":
            await _send(writer, status, json.dumps(found).encode()[:-7])
        case "reset":
            content = json.dumps(found).encode()
            await _send(writer, status, content[: len(content) // 2], length=len(content))
            _reset(writer)
        case "slow":
            await asyncio.sleep(SLOW)
            await _answer(writer, status, found)
        case None:
            await _answer(writer, status, found)


async def _answer(writer: asyncio.StreamWriter, status: int, found: Json, more: str = "") -> None:
    await _send(writer, status, json.dumps(found).encode(), more=more)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    content: bytes,
    *,
    kind: str = "application/json",
    length: int | None = None,
    more: str = "",
) -> None:
    size = len(content) if length is None else length
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n{more}\r\n"
    writer.write(head.encode() + content)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection as a process that was killed does."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _serve(share: float) -> None:
    server = await asyncio.start_server(Server(Gateway(), share), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(float(sys.argv[1])))
