"""Garbage on the wire: whatever comes, the server neither ends, hangs nor trips, and answers the next good request."""

from __future__ import annotations

import asyncio
import json
import random
import re
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import httpx
import pytest

from tests.faults.garbage import call, damaged, odd_messages
from tests.wire.harness import Served, pipe, serve

pytestmark = pytest.mark.asyncio

Tell = Callable[[str, object], None]

SEED: Final = 20261121
LAST: Final = "the last one"
PATIENCE: Final = 60.0
"""Seconds after which a server hangs."""

INITIALIZE: Final = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
GOOD: Final = {"name": "need", "arguments": {"key": "still here"}}
ACCEPT: Final = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIMITLESS: Final = {"STEWARD_RATE_LIMIT": "1000000"}


def everything(number: int) -> list[bytes]:
    return [*odd_messages(), *damaged(random.Random(SEED), number)]  # noqa: S311 - chance, not a secret


# ---- stdin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("introduced", [True, False], ids=["after initialize", "before initialize"])
async def test_garbage_on_stdin(introduced: bool, record_property: Tell) -> None:
    lines = [line.replace(b"\n", b" ") for line in everything(2_000)]
    opening = [call(0, INITIALIZE, "initialize"), b'{"jsonrpc": "2.0", "method": "notifications/initialized"}']
    first = opening if introduced else []
    if not introduced:  # a request would decide how the conversation goes on
        lines = [line for line in lines if not _is_request(line)]
    async with pipe(STEWARD_LOG_LEVEL="INFO") as server:
        answers = asyncio.create_task(_answers(server))
        saying = asyncio.create_task(_all(server.stderr))
        await _send(server, [*first, *lines, *([] if introduced else opening), call(LAST, GOOD)])
        heard = await asyncio.wait_for(answers, PATIENCE)
        assert server.returncode is None, "it is still there"
        assert server.stdin is not None
        server.stdin.close()
        assert await asyncio.wait_for(server.wait(), PATIENCE) == 0
        said = await saying
    assert heard[-1]["result"]["structuredContent"]["says"] == "still here"
    assert b"Traceback" not in said, said[-2000:]
    record_property("told", f"{len(lines)} lines of garbage on stdin, {len(heard)} answers")


def _is_request(line: bytes) -> bool:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and "method" in message and "id" in message


async def _send(server: Process, lines: Sequence[bytes]) -> None:
    assert server.stdin is not None
    for line in lines:
        server.stdin.write(line + b"\n")
        await server.stdin.drain()


async def _answers(server: Process) -> list[dict[str, Any]]:
    """Everything on stdout until the last answer; a line that is no JSON fails here."""
    assert server.stdout is not None
    heard: list[dict[str, Any]] = []
    while not (heard and heard[-1].get("id") == LAST):
        line = await server.stdout.readline()
        assert line, "stdout ended"
        heard.append(json.loads(line))
    return heard


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None
    return await stream.read()


# ---- HTTP --------------------------------------------------------------------------------------------

ODD_HEADERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"Content-Type": "text/plain"},
    {"Accept": "text/html"},
    {"MCP-Protocol-Version": "2099-01-01"},
    {"MCP-Protocol-Version": "2026-07-28"},
    {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list", "Mcp-Name": "need"},
    {"MCP-Protocol-Version": "x" * 5_000},
    {"Mcp-Session-Id": "../../x"},
    {"Content-Encoding": "gzip"},
    {"Authorization": "Bearer x"},
    {"Last-Event-ID": "%00"},
)
NO_REQUESTS: Final = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET\r\n\r\n",
    b"\r\n" * 1_000,
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{}",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /mcp HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /mcp HTTP/1.1\r\n" + b"X: y\r\n" * 5_000,
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x00" * 10_000,
)
"""Bytes after which the connection is given up."""


async def test_garbage_on_streamable_http(record_property: Tell) -> None:
    bodies = everything(500)
    async with serve("streamable-http", **LIMITLESS) as served:
        posted = await _post_all(served, "/mcp", bodies)
        await _no_requests(served)
        async with httpx.AsyncClient(base_url=served.origin, headers=ACCEPT, trust_env=False) as client:
            last = await client.post("/mcp", content=call(LAST, GOOD), timeout=PATIENCE)
        assert "still here" in last.text
        assert await served.stop() == 0
    _no_traceback(served)
    record_property("told", f"{posted} bodies of garbage to /mcp")


async def test_garbage_on_sse(record_property: Tell) -> None:
    bodies = everything(300)
    async with serve("sse", **LIMITLESS) as served:
        strangers = await _post_all(served, "/messages/", bodies[::5])
        strangers += await _post_all(served, "/messages/?session_id=" + "0" * 32, bodies[1::5])
        strangers += await _post_all(served, "/messages/?session_id=\u2028", bodies[2::5])
        await _no_requests(served)
        async with (
            httpx.AsyncClient(base_url=served.origin, headers=ACCEPT, trust_env=False, timeout=PATIENCE) as client,
            client.stream("GET", "/sse") as events,
        ):
            lines = events.aiter_lines()
            place = await _event(lines, "session_id")
            await client.post(place, content=call(0, INITIALIZE, "initialize"))
            posted = await _post_all(served, place, [body for body in bodies if not _is_request(body)])
            await client.post(place, content=call(LAST, GOOD))
            assert "still here" in await asyncio.wait_for(_event(lines, LAST), PATIENCE)
        assert await served.stop() == 0
    _no_traceback(served)
    record_property("told", f"{strangers + posted} bodies of garbage to /messages/")


async def _event(lines: Any, word: str) -> str:  # noqa: ANN401 - httpx's iterator
    async for line in lines:
        if line.startswith("data:") and word in line:
            return str(line.removeprefix("data:").strip())
    raise AssertionError(f"no event with {word}")


async def _post_all(served: Served, path: str, bodies: Iterable[bytes]) -> int:
    """Post each body, with odd headers now and then. None may be an error of the server's."""
    gate, posted = asyncio.Semaphore(8), 0

    async def post(client: httpx.AsyncClient, number: int, body: bytes) -> None:
        nonlocal posted
        headers = ODD_HEADERS[number % len(ODD_HEADERS)] if number % 3 == 0 else {}
        async with gate:
            response = await client.post(path, content=body, headers=headers, timeout=PATIENCE)
        assert response.status_code < 500, (response.status_code, body[:300], headers, response.text[:300])
        assert not re.search(r"Traceback|File \"", response.text)
        posted += 1

    async with httpx.AsyncClient(base_url=served.origin, headers=ACCEPT, trust_env=False) as client:
        await asyncio.gather(*(post(client, number, body) for number, body in enumerate(bodies)))
    return posted


async def _no_requests(served: Served) -> None:
    """Bytes that are no request, and connections that are left in the middle of one."""
    host, port = served.origin.removeprefix("http://").split(":")
    for data in NO_REQUESTS:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        try:
            await writer.drain()
            await asyncio.wait_for(reader.read(100), 0.2)
        except (TimeoutError, ConnectionError):
            pass
        writer.transport.abort()


def _no_traceback(served: Served) -> None:
    said = "".join(served.said)
    assert not re.search(r"Traceback|Exception in ASGI|Incident", said), said[-3000:]
