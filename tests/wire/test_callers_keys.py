"""STEWARD_CREDENTIALS=caller: each request brings its own LiteLLM key, and nothing of one caller reaches another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from litellm_steward.serving.http import HttpTransport
from litellm_steward.serving.stdio import run_stdio
from litellm_steward.settings import KEY_HEADER, Settings, SettingsError, load_settings
from tests.stage import text_of
from tests.wire.access_toys import TOOLS
from tests.wire.harness import Era
from tests.wire.inside import Inside, bearer, free_socket, listening, steward_inside

pytestmark = pytest.mark.asyncio

BOTH: list[HttpTransport] = ["streamable-http", "sse"]
ALEX, EVE = "sk-alex-0123456789-secret", "sk-eve-0123456789-secret"
TOKEN = "a-token-of-these-tests-0001"


class Proxy:
    """Says whose key it was sent, as another release to each, and with a cookie."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        path = request.url.path
        self.sent.append((path, key, request.headers.get("cookie", "")))
        answer: dict[str, Any] = {"detail": "Not Found"}
        if path == "/whose":
            answer = {"whose": key.split("-")[1] if key.startswith("sk-") else "nobody's"}
            if "refused" in key:
                return JSONResponse({"error": {"message": f"no such key: {key}"}}, 401)
        elif path == "/health/readiness":
            answer = {"status": "connected", "db": "connected", "litellm_version": "1.90." + str(len(key))}
        status = 404 if "detail" in answer else 200
        return JSONResponse(answer, status, headers={"Set-Cookie": f"session={key}"})


@asynccontextmanager
async def shared(
    transport: HttpTransport = "streamable-http", **settings: object
) -> AsyncIterator[tuple[Inside, Proxy]]:
    proxy = Proxy()
    bound, url = free_socket()
    wanted = {"litellm_base_url": url, "steward_credentials": "caller", **settings}
    async with listening(proxy.app(), bound), steward_inside(TOOLS, transport, **wanted) as inside:
        yield inside, proxy


def brings(key: str) -> dict[str, str]:
    return {KEY_HEADER: key}


@pytest.mark.parametrize("transport", BOTH)
async def test_each_request_is_made_with_its_own_key(transport: HttpTransport, era: Era) -> None:
    async with shared(transport) as (inside, proxy):
        async with inside.client(era, headers=brings(ALEX)) as alex, inside.client(era, headers=brings(EVE)) as eve:
            for _ in range(3):
                answers = await asyncio.gather(*(client.call_tool("ask", {}) for client in (alex, eve)))
                assert [text_of(answer) for answer in answers] == ["alex", "eve"]
            assert text_of(await alex.call_tool("release", {})) != text_of(await eve.call_tool("release", {}))
            assert " | key:" in text_of(await alex.call_tool("whoami", {}))
            assert text_of(await alex.call_tool("whoami", {})) != text_of(await eve.call_tool("whoami", {}))
        assert {key for path, key, _ in proxy.sent if path == "/whose"} == {ALEX, EVE}
        assert {cookie for *_, cookie in proxy.sent} == {""}


@pytest.mark.parametrize("transport", BOTH)
async def test_what_one_asked_for_serves_no_other(transport: HttpTransport) -> None:
    async with (
        shared(transport, steward_approval="plan") as (inside, _),
        inside.client(headers=brings(ALEX)) as alex,
        inside.client(headers=brings(EVE)) as eve,
    ):
        uri = text_of(await alex.call_tool("spend_report", {"rows": "a,b"}))
        assert (await alex.read_resource(uri)).contents[0].model_dump()["text"] == "a,b"
        with pytest.raises(MCPError, match="There is no report"):
            await eve.read_resource(uri)
        approval = text_of(await alex.call_tool("wipe", {}))
        assert "not valid for this call" in text_of(await eve.call_tool("wipe", {"approval": approval}))
        assert text_of(await alex.call_tool("wipe", {"approval": approval})) == "wiped"
        assert "used already" in text_of(await alex.call_tool("wipe", {"approval": approval}))


@pytest.mark.parametrize("transport", BOTH)
async def test_without_a_key_it_says_what_is_missing(transport: HttpTransport, era: Era) -> None:
    async with shared(transport) as (inside, proxy):
        async with inside.client(era) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [spec.name for spec in TOOLS]
            for tool in ("ask", "release", "wipe"):
                result = await client.call_tool(tool, {})
                assert result.is_error
                assert text_of(result).startswith(
                    f"This request has no LiteLLM key: send yours in the HTTP header {KEY_HEADER}."
                )
            with pytest.raises(MCPError, match="no LiteLLM key"):
                await client.read_resource("litellm-steward://reports/x")
        assert proxy.sent == []


async def test_a_key_is_one_word() -> None:
    async with shared() as (inside, proxy), inside.browser() as browser:
        for keys in ([""], ["two words"], [ALEX, EVE], ["k" * 513], ["schlüssel".encode().decode("latin-1")]):
            given = [(KEY_HEADER.encode(), key.encode("latin-1")) for key in keys]
            answer = await browser.post("/mcp", json={}, headers=given)
            assert answer.status_code == 400
            assert not any(key in answer.text for key in keys if key)
        assert proxy.sent == []


async def test_the_token_is_wanted_as_well() -> None:
    async with shared(steward_auth_token=TOKEN) as (inside, proxy):
        async with inside.browser(**brings(ALEX)) as browser:
            assert (await browser.post("/mcp", json={})).status_code == 401
        async with inside.client(headers={**brings(ALEX), **bearer(TOKEN)}) as client:
            assert text_of(await client.call_tool("ask", {})) == "alex"
            assert "| token key:" in text_of(await client.call_tool("whoami", {}))
        assert not any(TOKEN in str(sent) for sent in proxy.sent)


async def test_keys_stay_out_of_answers_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "litellm_steward")
    key = "plainword-refused-" + "x" * 20  # no pattern knows it for a key
    async with shared() as (inside, proxy), inside.client(headers=brings(key)) as client:
        result = await client.call_tool("ask", {})
    assert any(sent == key for _, sent, _ in proxy.sent)
    assert result.is_error
    assert "[hidden]" in text_of(result)
    assert text_of(result).endswith(f"It is the one in this request's {KEY_HEADER}.")
    assert key not in text_of(result)
    assert key not in caplog.text


async def test_the_steward_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_CREDENTIALS", "caller")
    for name in ("LITELLM_MASTER_KEY", "LITELLM_MASTER_KEY_FILE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "sk-1234")
            with pytest.raises(SettingsError, match="STEWARD_CREDENTIALS=caller excludes LITELLM_MASTER_KEY"):
                load_settings()


async def test_stdio_has_no_headers() -> None:
    with pytest.raises(SettingsError, match="STEWARD_CREDENTIALS=caller is for HTTP"):
        run_stdio(Settings(_env_file=None, steward_credentials="caller"))
