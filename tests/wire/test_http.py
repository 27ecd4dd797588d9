"""What only HTTP shows: who is let in, what is refused, and how the process ends."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import Literal

import httpx
import pytest

from litellm_steward.serving.health import Address, is_alive
from tests.wire.harness import Served, serve

pytestmark = pytest.mark.asyncio

ACCEPT = {"Accept": "application/json, text/event-stream"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wait", "arguments": {}}}
ROUTES = {
    "streamable-http": [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("POST", "/health"),
        ("GET", "/nowhere"),
    ],
    "sse": [("GET", "/sse"), ("POST", "/messages/"), ("POST", "/health"), ("GET", "/nowhere")],
}


def served_by(transport: str, sse: Served, http: Served) -> Served:
    return sse if transport == "sse" else http


def browser(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.origin, headers=ACCEPT, trust_env=False)


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_strangers_are_refused_on_every_route(transport: str, sse: Served, http: Served) -> None:
    served = served_by(transport, sse, http)
    port = served.origin.rsplit(":", 1)[-1]
    async with browser(served) as client:
        for method, path in ROUTES[transport]:
            for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:x", f"127.0.0.1.evil.example:{port}", ""):
                assert (await client.request(method, path, headers={"Host": host})).status_code == 421, (path, host)
            for origin in ("http://evil.example", "null", f"http://localhost.evil.example:{port}", "https://localhost"):
                response = await client.request(method, path, headers={"Origin": origin})
                assert response.status_code == 403, (path, origin)


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_it_is_alive(transport: str, sse: Served, http: Served) -> None:
    served = served_by(transport, sse, http)
    async with browser(served) as client:
        for headers in ({}, {"Host": "10.1.2.3:8000"}, {"Origin": "http://evil.example"}, {"Authorization": "Basic x"}):
            response = await client.get("/health", headers=headers)
            assert (response.status_code, response.json()) == (200, {"status": "alive"})
        assert "server" not in response.headers
    port = int(served.origin.rsplit(":", 1)[-1])
    assert await asyncio.to_thread(is_alive, Address("127.0.0.1", port))


async def test_configured_hosts_and_origins_replace_loopback() -> None:
    allowed = {
        "STEWARD_ALLOWED_HOSTS": "MCP.example.com, other.example:*",
        "STEWARD_ALLOWED_ORIGINS": "https://app.example.com",
    }
    async with serve("streamable-http", **allowed) as served, browser(served) as client:
        for host, origin, status in (
            ("mcp.example.com", "https://app.example.com", 404),
            ("other.example:8443", "https://APP.example.com", 404),
            ("mcp.example.com:8443", "https://app.example.com", 421),
            ("localhost", "https://app.example.com", 421),
            ("mcp.example.com", "http://localhost", 403),
        ):
            response = await client.get("/nowhere", headers={"Host": host, "Origin": origin})
            assert response.status_code == status, (host, origin)


async def test_there_is_no_stream_to_get(http: Served) -> None:
    async with browser(http) as client:
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            response = await client.request(method, "/mcp")
            assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
@pytest.mark.parametrize("body", [b"x" * (256 * 1024 + 1), b"[" + b"1," * 20_001 + b"1]"], ids=["bytes", "values"])
async def test_a_body_has_a_limit(transport: str, body: bytes, sse: Served, http: Served) -> None:
    async with browser(served_by(transport, sse, http)) as client:
        path = "/messages/?session_id=" + "0" * 32 if transport == "sse" else "/mcp"
        response = await client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert "at most 256 KB, and 20,000 values. Nothing was done." in response.text


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_headers_that_come_in_pieces_are_answered_as_those_that_come_at_once(
    transport: str, sse: Served, http: Served
) -> None:
    served = served_by(transport, sse, http)
    host, port = served.origin.removeprefix("http://").split(":")
    head = f"GET /nowhere HTTP/1.1\r\nHost: evil.example\r\nX: {'x' * 60_000}\r\nConnection: close\r\n\r\n".encode()
    for size in (len(head), 20_000):
        reader, writer = await asyncio.open_connection(host, int(port))
        for start in range(0, len(head), size):
            writer.write(head[start : start + size])
            await writer.drain()
            await asyncio.sleep(0.05)  # so that they are read one by one
        assert (await reader.readline()).startswith(b"HTTP/1.1 421 "), size
        writer.close()


async def test_a_caller_who_hangs_up_cancels_the_call(http: Served) -> None:
    async with browser(http) as client:
        meta = {"_meta": {"progressToken": "t"}}
        body = {**CALL, "params": {"name": "wait", "arguments": {}, **meta}}
        async with client.stream("POST", "/mcp", json=body) as response:
            async for line in response.aiter_lines():
                if "waiting" in line:
                    break
    await http.hear("CANCELLED")


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_caller_who_hangs_up_in_the_middle_of_a_request_is_no_error(version: str) -> None:
    """Told by a server that has ended: what it had to say is said by then."""
    async with serve("streamable-http") as served:
        host, port = served.origin.removeprefix("http://").split(":")
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {version}\r\n\r\n"
        )
        for said in (b"", b'{"jsonrpc": '):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(head.encode() + said)
            await writer.drain()
            writer.close()
        async with browser(served) as client:
            assert (await client.get("/health")).status_code == 200
        assert await served.stop() == 0
    assert served.said == []


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly(transport: Literal["sse", "streamable-http"], number: signal.Signals) -> None:
    body = {**CALL, "params": {"name": "wait", "arguments": {}, "_meta": {"progressToken": "t"}}}
    async with serve(transport, STEWARD_GRACE="0.1") as served, browser(served) as client:
        method, path, sent = ("GET", "/sse", None) if transport == "sse" else ("POST", "/mcp", body)
        async with client.stream(method, path, json=sent) as response:
            lines = response.aiter_lines()
            await anext(lines)  # the stream is open
            assert await asyncio.wait_for(served.stop(number), 10) == 0
    assert not [line for line in served.said if re.search("Traceback|Error|Interrupt", line)]


async def test_secrets_stay_out_of_the_log() -> None:
    secret = "sk-secret-0123456789"
    async with serve("streamable-http", STEWARD_LOG_LEVEL="DEBUG", LITELLM_MASTER_KEY=secret) as served:
        async with served.client("auto") as client:
            for arguments in ({"api_key": secret}, {"api_key": [secret]}, {secret: 1}, {"limit": secret}):
                await client.call_tool("echo", arguments)
            await client.call_tool("crash", {"api_key": secret})
        async with browser(served) as stranger:
            await stranger.post(f"/mcp?key={secret}", json={"secret": secret}, headers={"Authorization": secret})
        assert await served.stop() == 0
    assert secret not in "".join(served.said)
