"""The static bearer token: on every route, on both transports, read again, and never seen anywhere."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import httpx2
import pytest
from mcp import MCPError

from litellm_steward.serving.gate import WRONG_AT_ONCE
from litellm_steward.serving.http import HttpTransport, run_http
from litellm_steward.settings import Settings, SettingsError
from tests.stage import text_of
from tests.wire.access_toys import TOOLS
from tests.wire.harness import Era, serve
from tests.wire.inside import bearer, steward_inside
from tests.wire.test_http import ROUTES, browser

pytestmark = pytest.mark.asyncio

TOKEN = "a-token-of-these-tests-0001"
OTHER = "a-token-of-these-tests-0002"
BOTH: list[HttpTransport] = ["streamable-http", "sse"]


@pytest.mark.parametrize("transport", BOTH)
async def test_every_route_wants_it(transport: HttpTransport) -> None:
    async with serve(transport, STEWARD_AUTH_TOKEN=TOKEN) as served, browser(served) as client:
        for method, path in [*ROUTES[transport], ("GET", "/.well-known/oauth-protected-resource")]:
            if path == "/health":
                continue
            for given in (
                {},
                bearer(OTHER),
                bearer(TOKEN[:-1]),
                {"Authorization": TOKEN},
                {"Authorization": "Basic eA=="},
            ):
                response = await client.request(method, path, headers=given)
                assert response.status_code == 401, (method, path, given)
                assert response.headers["WWW-Authenticate"].startswith("Bearer ")
                assert ('error="invalid_token"' in response.headers["WWW-Authenticate"]) is bool(given)
            response = await client.request(method, f"{path}?access_token={TOKEN}")
            assert response.status_code == 401, "a URL is no place for a token"
            response = await client.request(method, path, headers={**bearer(OTHER), "Host": "evil.example"})
            assert response.status_code == 421, "the host is looked at first"
            response = await client.request(method, path, headers={**bearer(OTHER), "Origin": "http://evil.example"})
            assert response.status_code == 403
        doubled = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {OTHER}")]
        assert (await client.get("/nowhere", headers=doubled)).status_code == 401
        assert (await client.get("/nowhere", headers=bearer(TOKEN))).status_code == 404
        assert (await client.get("/health")).status_code == 200, "asked from the machine that serves it"
        assert await served.stop() == 0
    assert not any(TOKEN in line or OTHER in line for line in served.said)


class Answered(httpx2.Auth):
    """Sees what a client is answered; the client's own error does not always tell."""

    def __init__(self) -> None:
        self.statuses: list[int] = []

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        response = yield request
        self.statuses.append(response.status_code)


@pytest.mark.parametrize("transport", BOTH)
async def test_with_it_everything_works(transport: HttpTransport, era: Era) -> None:
    async with steward_inside(TOOLS, transport, steward_auth_token=TOKEN) as inside:
        async with inside.client(era, headers=bearer(TOKEN)) as client:
            named = era == "auto" or transport == "sse"  # streamable HTTP of the older protocol keeps no sessions
            assert text_of(await client.call_tool("whoami", {})) == f"{'mcp 0.1.0' if named else '-'} | token"
        answered = Answered()
        with pytest.raises((MCPError, httpx2.HTTPStatusError, ExceptionGroup)):
            async with inside.client(era, auth=answered, headers=bearer(OTHER)) as client:
                await client.list_tools()
        assert set(answered.statuses) == {401}


async def test_a_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    async with steward_inside(TOOLS, steward_auth_token_file=file) as inside, inside.browser() as client:
        for written, right, wrong in ((TOKEN, TOKEN, OTHER), (OTHER, OTHER, TOKEN)):
            file.write_text(f"{written}\n")
            assert (await client.get("/nowhere", headers=bearer(right))).status_code == 404
            assert (await client.get("/nowhere", headers=bearer(wrong))).status_code == 401
        for content in ("", "short"):
            file.write_text(content)
            assert (await client.get("/nowhere", headers=bearer(content or OTHER))).status_code == 401
        file.unlink()
        assert (await client.get("/nowhere", headers=bearer(OTHER))).status_code == 401, "without a token, nobody"


@pytest.mark.parametrize("content", [None, "", "fifteen-letters", "with spaces in between"])
async def test_a_token_that_will_not_do_is_refused_at_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="STEWARD_AUTH_TOKEN_FILE"):
        run_http(Settings(_env_file=None, steward_auth_token_file=file), "sse", port=0)


async def test_wrong_tokens_are_counted_and_the_right_one_passes() -> None:
    async with steward_inside(TOOLS, steward_auth_token=TOKEN) as inside, inside.browser() as client:
        # More than one a second beyond what is let through at once, on a slow machine as well.
        answers = [await client.get("/nowhere", headers=bearer(OTHER)) for _ in range(WRONG_AT_ONCE + 100)]
        assert [answer.status_code for answer in answers[:WRONG_AT_ONCE]] == [401] * WRONG_AT_ONCE
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert int(refused[0].headers["Retry-After"]) >= 1
        assert (await client.get("/nowhere")).status_code == 401, "who brings none guesses nothing"
        assert (await client.get("/nowhere", headers=bearer(TOKEN))).status_code == 404


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back() -> None:
    async with steward_inside(TOOLS, steward_rate_limit=1) as inside, inside.browser() as client:
        answers = [await client.get("/nowhere") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [404, 404]
        while answers[-1].status_code == 404 and len(answers) < 100:  # a slow machine may be let through at times
            answers.append(await client.get("/nowhere"))
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "1"


async def test_beyond_loopback_hosts_are_named() -> None:
    """On every address of the machine: loopback names are served, and what the settings name."""
    async with serve("streamable-http", "0.0.0.0", STEWARD_AUTH_TOKEN=TOKEN) as served:  # noqa: S104
        await served.hear("STEWARD_ALLOWED_HOSTS")
        async with httpx.AsyncClient(trust_env=False, headers=bearer(TOKEN)) as client:
            port = served.origin.rsplit(":", 1)[-1]
            here = f"http://127.0.0.1:{port}/nowhere"
            assert (await client.get(here)).status_code == 404
            assert (await client.get(here, headers={"Host": f"steward.example:{port}"})).status_code == 421


async def test_the_proxy_never_sees_it() -> None:
    seen: list[str] = []

    def proxy(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.headers))
        return httpx.Response(200, json={"whose": "-"})

    async with steward_inside(TOOLS, steward_auth_token=TOKEN, litellm_master_key="sk-master") as inside:
        transport = httpx.MockTransport(proxy)
        vars(inside.steward.proxy)["_client"] = httpx.AsyncClient(transport=transport, base_url="http://proxy.test")
        async with inside.client(headers=bearer(TOKEN)) as client:
            assert text_of(await client.call_tool("ask", {})) == "-"
    assert seen
    assert not any(TOKEN in headers for headers in seen)
