"""A release that is not supported gets one answer from every tool, prompt and ``check``, and no other question."""

from __future__ import annotations

from typing import Final

import httpx
import pytest
import respx
from mcp import Client, MCPError

from litellm_steward import check
from litellm_steward.api.version import HARMFUL, OLDEST_SUPPORTED, Version, unsupported
from litellm_steward.diagnosis import Findings, diagnose
from litellm_steward.errors import Unsupported
from litellm_steward.release import KEPT, KEPT_UNSUPPORTED, KnownRelease
from litellm_steward.server import build_server
from litellm_steward.tools.catalog import CATALOG
from tests.stage import refusal_of, settings_for, steward_at
from tests.tape import BASE_URL, NEW, OLD

pytestmark = pytest.mark.asyncio

EVERY_TOOL: Final = {"steward_toolsets": ("all",), "steward_approval": "off"}
TOO_OLD: Final = "LiteLLM 1.74.9 is older than this steward supports (1.83.14 and newer). Upgrade the proxy."
SENTENCES: Final = {
    "1.74.9": TOO_OLD,
    "1.82.6": TOO_OLD.replace("1.74.9", "1.82.6"),
    "1.83.13": TOO_OLD.replace("1.74.9", "1.83.13"),
    "v1.82.7-stable": "LiteLLM 1.82.7 was published with malware (PYSEC-2026-2). Stop this proxy, and replace every",
    "1.82.8": "LiteLLM 1.82.8 was published with malware (PYSEC-2026-2). Stop this proxy, and replace every credential",
}


class Announcing(httpx.AsyncBaseTransport):
    """A proxy that says what it is, if anything, and has no other route."""

    def __init__(self, version: str | None, status: int = 200) -> None:
        self.version, self.status = version, status
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path == "/health/readiness":
            told = {} if self.version is None else {"litellm_version": self.version}
            return httpx.Response(self.status, json={"status": "healthy", "db": "connected", **told})
        return httpx.Response(404, json={"detail": "Not Found"})


@pytest.mark.parametrize("version", SENTENCES)
async def test_every_tool_says_so_and_asks_nothing_else(version: str) -> None:
    """With the arguments wrong as well: there is nothing to mend in those."""
    proxy = Announcing(version)
    async with Client(build_server(steward_at(BASE_URL, proxy, EVERY_TOOL)), cache=None) as client:
        assert len((await client.list_tools()).tools) == len(CATALOG), "a list that shrinks would explain nothing"
        said = {spec.name: refusal_of(await client.call_tool(spec.name, {})) for spec in CATALOG}
    assert len(said) == len(CATALOG)
    assert {sentence[: len(SENTENCES[version])] for sentence in said.values()} == {SENTENCES[version]}
    assert proxy.asked == ["/health/readiness"]


async def test_a_call_that_comes_before_the_list_asks_nothing_else_either() -> None:
    proxy = Announcing("1.74.9")
    steward = steward_at(BASE_URL, proxy, EVERY_TOOL)
    async with Client(build_server(steward), cache=None) as client:
        for spec in CATALOG:
            steward.release = KnownRelease()
            assert refusal_of(await client.call_tool(spec.name, {})) == TOO_OLD
    assert proxy.asked == ["/health/readiness"] * len(CATALOG)


@pytest.mark.parametrize(
    ("prompt", "arguments"),
    [
        ("monthly_spend_review", {"month": "2026-11"}),
        ("explain_spend_change", {"team_or_user": "Marketing", "period": "today"}),
    ],
)
async def test_a_prompt_says_so_too(prompt: str, arguments: dict[str, str]) -> None:
    proxy = Announcing("1.74.9")
    async with Client(build_server(steward_at(BASE_URL, proxy, EVERY_TOOL)), cache=None) as client:
        with pytest.raises(MCPError, match="is older than this steward supports"):
            await client.get_prompt(prompt, arguments)
    assert proxy.asked == ["/health/readiness"]


@pytest.mark.parametrize("version", [OLD, NEW, "1.111.0", None, "main"])
async def test_a_supported_release_and_one_that_does_not_tell_go_on(version: str | None) -> None:
    proxy = Announcing(version)
    async with Client(build_server(steward_at(BASE_URL, proxy)), cache=None) as client:
        await client.list_tools()
        said = refusal_of(await client.call_tool("get_model_info", {}))
    assert "This LiteLLM version has no GET /" in said, "it was asked for what the tool needs"
    assert proxy.asked.count("/health/readiness") <= 2, "once to see whether it is supported, once by the tool itself"


async def test_a_proxy_that_fails_is_not_taken_for_an_old_one() -> None:
    for status in (401, 500, 503):
        proxy = Announcing(None, status)
        await KnownRelease().require_supported(steward_at(BASE_URL, proxy).proxy)
        assert len(proxy.asked) == 1, "and is not asked twice"


async def test_a_release_with_its_database_down_is_known_all_the_same() -> None:
    with pytest.raises(Unsupported, match="is older"):
        await KnownRelease().require_supported(steward_at(BASE_URL, Announcing("1.74.9", 503)).proxy)


async def test_what_is_known_is_not_asked_again_and_an_upgrade_is_seen_soon() -> None:
    now = [0.0]
    proxy = Announcing("1.74.9")
    asked, known = steward_at(BASE_URL, proxy).proxy, KnownRelease(clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(Unsupported):
            await known.require_supported(asked)
    assert len(proxy.asked) == 1
    proxy.version = OLD
    now[0] = KEPT_UNSUPPORTED
    await known.require_supported(asked)
    assert str(await known.version(asked)) == OLD, "what it announced is what it is"
    now[0] += KEPT - 1
    await known.require_supported(asked)
    assert len(proxy.asked) == 2
    proxy.version = "1.82.8"
    now[0] += 1
    with pytest.raises(Unsupported, match="malware"):
        await known.require_supported(asked)


@pytest.mark.parametrize("version", SENTENCES)
async def test_check_says_so_and_sends_no_key(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    ready = {"status": "healthy", "db": "connected", "litellm_version": version}
    with respx.mock(base_url=BASE_URL) as proxy:
        asked = proxy.route().mock(return_value=httpx.Response(200, json=ready))
        assert await check.run(settings_for(BASE_URL)) == 1
    said = " ".join(capsys.readouterr().out.split())
    sentence, _, _ = SENTENCES[version].partition(").")
    assert sentence in said
    assert ("Upgrade the proxy." in said) is ("malware" not in said)
    assert ("replace every credential" in said) is ("malware" in said)
    assert "tools works" not in said
    ((request, _),) = asked.calls
    assert (request.url.path, request.headers["authorization"]) == ("/health/readiness", "Bearer none")


async def test_what_was_not_asked_is_not_told() -> None:
    items = diagnose(settings_for(BASE_URL), Findings(version=Version(1, 74, 9)))
    assert [item.name for item in items] == ["proxy", "LiteLLM", "settings", "set"]


async def test_the_boundaries() -> None:
    assert unsupported(None) is unsupported(OLDEST_SUPPORTED) is None
    assert unsupported(Version(1, 83, 13)) is not None
    assert max(HARMFUL) < OLDEST_SUPPORTED, "or they would be told to be served"
