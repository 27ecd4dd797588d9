"""How the clients of the load run speak: both protocol eras as bare HTTP, and the SDK's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, Protocol

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from benchmarks.loading.questions import Json, Question, Said

Era = Literal["auto", "legacy"]

PATIENCE: Final = 120.0
"""Seconds after which an answer is lost."""

_META: Final = "io.modelcontextprotocol/"
_NEWER, _OLDER = "2026-07-28", "2025-11-25"


class Lost(Exception):
    """There is no answer, or none that could be read as one."""


class Wire(Protocol):
    """One client. ``hangs_up``: to stop waiting for an answer ends the request it came with."""

    hangs_up: bool

    async def ask(self, question: Question) -> Said: ...


class Bare:
    """JSON-RPC in a POST. All clients count their requests from 1, so that an answer to another's shows by its name."""

    hangs_up = True

    def __init__(self, http: httpx.AsyncClient, url: str, era: Era, *, forms: bool) -> None:
        self._http, self._url, self._era = http, url, era
        self._capabilities: Json = {"elicitation": {"form": {}}} if forms else {}
        self._number = 0

    async def ask(self, question: Question) -> Said:
        self._number += 1
        number = self._number
        method = "tools/call" if question.tool else "tools/list"
        params: Json = {"name": question.tool, "arguments": dict(question.arguments)} if question.tool else {}
        headers = {"MCP-Protocol-Version": _OLDER}
        if self._era == "auto":
            headers = {"MCP-Protocol-Version": _NEWER, "Mcp-Method": method}
            headers |= {"Mcp-Name": question.tool} if question.tool else {}
            client = {"name": "load", "version": "1"}
            meta = {"protocolVersion": _NEWER, "clientInfo": client, "clientCapabilities": self._capabilities}
            params |= {**question.more, "_meta": {f"{_META}{name}": value for name, value in meta.items()}}
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            response = await self._http.post(self._url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Lost(type(error).__name__) from error
        return _read(response, number)


def _read(response: httpx.Response, number: int) -> Said:
    """The one message that answers the request of this number."""
    if response.headers.get("content-type", "").startswith("application/json"):
        messages: list[Json] = [json.loads(response.content)]
    else:
        lines = response.text.splitlines()
        messages = [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip()]
    if [message.get("id") for message in messages] != [number]:
        raise Lost(f"{response.status_code} with answers to {[message.get('id') for message in messages]}")
    (message,) = messages
    return Said.of_error(message["error"]) if "error" in message else Said.of_result(message["result"])


class Sdk:
    """The SDK's client, which numbers and matches by itself.

    In the older protocol it sends a cancellation and goes on listening. Without sessions a cancellation in a request
    of its own cannot be heeded, as it might be anybody's: the call goes on, at most until ``STEWARD_TIMEOUT``.
    """

    def __init__(self, client: Client, era: Era) -> None:
        self._client = client
        self.hangs_up = era == "auto"

    async def ask(self, question: Question) -> Said:
        result: Any
        try:
            if question.tool:
                result = await self._client.call_tool(question.tool, dict(question.arguments))
            else:
                result = await self._client.list_tools()
        except MCPError as error:
            return Said.of_error({"message": error.error.message})
        except (RuntimeError, httpx2.HTTPError) as error:
            raise Lost(f"{type(error).__name__}: {error}") from error
        return Said.of_result(result.model_dump(mode="json", by_alias=True, exclude_none=True))


@asynccontextmanager
async def bare(url: str, token: str, era: Era, *, forms: bool) -> AsyncIterator[Wire]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE, trust_env=False, verify=False) as http:  # noqa: S501 - loopback
        yield Bare(http, url, era, forms=forms)


@asynccontextmanager
async def sdk(url: str, token: str, era: Era) -> AsyncIterator[Wire]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=era, cache=None) as client,
    ):
        yield Sdk(client, era)
