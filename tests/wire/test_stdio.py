"""What only a process shows: its exit code, its stdout, and how it opens a conversation."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import Process
from typing import Any

import pytest

from tests.wire.harness import pipe

pytestmark = pytest.mark.asyncio

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def send(server: Process, method: str, params: dict[str, Any], number: int | None = None) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
    assert server.stdin is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")


async def receive(server: Process) -> dict[str, Any]:
    assert server.stdout is not None
    message: dict[str, Any] = json.loads(await server.stdout.readline())  # anything but JSON fails here
    return message


async def ask(server: Process, method: str, params: dict[str, Any], number: int) -> dict[str, Any]:
    send(server, method, params, number)
    message = await receive(server)
    assert message["id"] == number
    return message


async def test_discovery_decides_nothing() -> None:
    async with pipe() as server:
        wrong = {"_meta": {**ENVELOPE, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}}
        assert (await ask(server, "server/discover", wrong, 1))["error"]["code"] == -32022
        found = await ask(server, "server/discover", {"_meta": ENVELOPE}, 2)
        assert found["result"]["supportedVersions"] == ["2026-07-28"]
        started = await ask(server, "initialize", INITIALIZE, 3)
        assert started["result"]["protocolVersion"] == "2025-11-25"
        send(server, "notifications/initialized", {})
        assert len((await ask(server, "tools/list", {}, 4))["result"]["tools"]) > 3
        assert server.stdin is not None
        server.stdin.close()
        assert await server.wait() == 0


async def test_only_the_wire_is_on_stdout() -> None:
    async with pipe(STEWARD_LOG_LEVEL="DEBUG") as server:
        await ask(server, "initialize", INITIALIZE, 1)
        said = await ask(server, "tools/call", {"name": "chatter", "arguments": {}}, 2)
        assert said["result"]["structuredContent"]["says"] == "sorry"
        secret = "sk-secret-0123456789"
        failed = await ask(server, "tools/call", {"name": "crash", "arguments": {"api_key": secret}}, 3)
        incident = failed["result"]["content"][0]["text"].partition("(incident ")[2][:8]
        await ask(server, "tools/call", {"name": "echo", "arguments": {"api_key": secret, "limit": secret}}, 4)
        await ask(server, "tools/call", {"name": "echo", "arguments": [secret]}, 5)
        stdout, stderr = await server.communicate(b"")
        assert stdout == b""
        assert f"Incident {incident} in crash: KeyError at toys.py:" in stderr.decode()
        assert b"nor is this" in stderr
        assert b"Traceback" not in stderr
        assert secret.encode() not in stderr
        assert server.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    async with pipe(STEWARD_GRACE="0.1") as server:
        await ask(server, "initialize", INITIALIZE, 1)
        send(server, "tools/call", {"name": "wait", "arguments": {}, "_meta": {"progressToken": "t"}}, 2)
        assert (await receive(server))["params"]["message"] == "waiting"
        server.send_signal(number)
        # stdin stays open: a host that wants its server gone does not have to close it
        assert await asyncio.wait_for(server.wait(), 10) == 0
        assert server.stderr is not None
        assert await server.stderr.read() == b"CANCELLED\n"


async def test_a_cancelled_request_stays_cancelled() -> None:
    async with pipe() as server:
        await ask(server, "initialize", INITIALIZE, 1)
        send(server, "tools/call", {"name": "wait", "arguments": {}, "_meta": {"progressToken": "t"}}, 2)
        await receive(server)
        send(server, "notifications/cancelled", {"requestId": 2})
        assert server.stderr is not None
        assert await server.stderr.readline() == b"CANCELLED\n"
        # Nothing else was logged, and the connection goes on.
        assert "result" in await ask(server, "tools/call", {"name": "need", "arguments": {"key": "x"}}, 3)
