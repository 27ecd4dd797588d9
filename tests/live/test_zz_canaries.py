"""Last of the live tests: nothing secret leaves a steward in conversations that go by every secret."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from examples.gateway import FakeUpstream
from tests import leaks
from tests.canaries import Canaries, Leak
from tests.live.harness import Evidence, Seeded, agrees, over_stdio
from tests.live.overheard import (
    AUDIT,
    BODIES,
    HEADERS,
    HTTP,
    LINES,
    RESULTS,
    SPAN,
    STDERR,
    Ears,
    Speaker,
    Wire,
    without_new_keys,
)
from tests.live.planted import (
    Planted,
    delete_a_key,
    look_at_everything,
    make_keys,
    make_models,
    misplace_keys,
    planted,
    wrong_admin_keys,
)
from tests.observed import LEAKS
from tests.wire.authorization_server import AuthorizationServer
from tests.wire.inside import Inside, bearer, free_socket, listening

pytestmark = pytest.mark.live

PROVIDER_KEY = "sk-provider-canary-7Jq2Xw9TzB4nL6pV"


@pytest.mark.asyncio
async def test_no_secret_left_a_steward(gateway: Seeded, tmp_path: Path) -> None:
    """What the other live tests gather is searched in the same way, at their end."""
    evidence = Evidence(tmp_path)
    evidence.canaries.plant("provider key", PROVIDER_KEY)
    async with over_stdio(gateway.running, evidence, agrees) as steward:
        await steward(
            "create_model",
            model_name="canary",
            model="openai/gpt-4o",
            api_key=PROVIDER_KEY,
            api_base="http://127.0.0.1:9/v1",
        )
        made = (await steward("generate_key", key_alias=f"canary-{uuid.uuid4().hex[:6]}")).ok()
        await steward("get_key_info", key=made["key"])
    said = evidence.everything()
    assert len(evidence.results) == 3
    assert made["key"] in evidence.canaries.planted["virtual key"]
    assert "get_key_info" in said or "/key/info" in said, "the logs are really there"
    assert evidence.leaks() == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def overheard(gateway: Seeded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Ears, Planted]]:
    """Conversations over every transport, with every kind of credentials, at DEBUG, with spans and a record."""
    ears = Ears(gateway, tmp_path_factory.mktemp("overheard"), Canaries())
    async with planted(gateway, ears.canaries) as there:
        await _over_stdio(ears, there)
        await _with_a_wrong_key(ears)
        await _over_http(ears, there)
        await _with_callers_keys(ears, there)
    yield ears, there


@pytest.mark.asyncio
async def test_no_secret_of_any_kind_leaves(
    overheard: tuple[Ears, Planted], record_property: Callable[[str, object], None]
) -> None:
    ears, _ = overheard
    heard = without_new_keys(ears.heard(), ears.canaries)
    record_property("told", f"{ears.gateway.version}: {ears.canaries.report(heard)}")
    _is_all_there(heard)
    assert [ears.canaries.told(leak, heard) for leak in ears.canaries.found(heard)] == []


@pytest.mark.asyncio
async def test_no_key_stands_in_a_url_or_a_foreign_header(overheard: tuple[Ears, Planted]) -> None:
    """What really went over the wire, seen by a relay between steward and proxy."""
    ears, there = overheard
    assert {header for _, header in ears.carriers(ears.gateway.running.master_key)} == {"authorization"}
    assert ears.carriers(there.keys["looked-at"]) == set(), "a raw key is hashed before anything is sent"
    assert ears.carriers(there.keys["deleted"]) == {("/v1/models", "authorization")}, "tried once, when it was deleted"
    assert b"sk-" not in ears.heard()[LINES].replace(b"sk-...", b"")


def _is_all_there(heard: Mapping[str, bytes]) -> None:
    """A search that finds nothing in nothing proves nothing."""
    assert all(len(content) > 1_000 for content in heard.values())
    for place, words in {
        RESULTS: (b'"inputSchema"', b"structuredContent", b"approval_required", b'"isError":true', b"text/csv"),
        HTTP: (b"HTTP/1.1 200", b"HTTP/1.1 401", b"www-authenticate", b"text/event-stream"),
        STDERR: (b"DEBUG litellm_steward", b"/key/info"),
        SPAN: (b"tools/call get_key_info", b"prompts/get", b"resources/read", b"error.type"),
        AUDIT: (b'"tried"', b'"outcome"', b'"delete_key"', b'"token"'),
        LINES: (b"GET /key/list?",),
        HEADERS: (b"authorization", b"litellm-changed-by"),
        BODIES: (b'"litellm_params"',),
    }.items():
        missing = [word for word in words if word not in heard[place] and word.title() not in heard[place]]
        assert missing == [], (place, missing)


async def _over_stdio(ears: Ears, there: Planted) -> None:
    sealing = ears.canaries.plant("approval key")
    settings = {"STEWARD_APPROVAL_KEY": sealing, "STEWARD_APPROVAL": "plan"}
    async with ears.over_stdio(**settings) as steward:
        await look_at_everything(steward, there)
        await misplace_keys(steward, there)
        await make_keys(steward, there)
        await delete_a_key(steward, there)
        with FakeUpstream() as upstream:
            await make_models(steward, there, upstream)


async def _with_a_wrong_key(ears: Ears) -> None:
    """The proxy quotes one that does not look like a key."""
    wrong = ears.canaries.plant("refused admin key", may_be=[HEADERS])
    async with ears.over_stdio("legacy", LITELLM_MASTER_KEY=wrong) as steward:
        await wrong_admin_keys(steward.client)


async def _over_http(ears: Ears, there: Planted) -> None:
    """With a token and with OAuth, new keys in files."""
    token = ears.canaries.plant("HTTP token")
    issuer, wire = AuthorizationServer(), Wire()
    bound, issuer.issuer = free_socket()
    async with listening(issuer.app(), bound), wire.relaying():
        issuer.resource = f"{wire.url}/mcp"
        settings = {
            "STEWARD_AUTH_TOKEN": token,
            "STEWARD_OAUTH_ISSUER": issuer.issuer,
            "STEWARD_OAUTH_RESOURCE": issuer.resource,
            "STEWARD_KEY_DELIVERY": "file",
            "STEWARD_KEY_DIR": str(ears.folder / "keys"),
        }
        async with ears.over_http("streamable-http", wire, **settings) as server:
            granted = ears.canaries.plant("OAuth token", issuer.token())
            for header in (bearer(token), bearer(granted)):
                async with server.client(headers=header) as client:
                    speaker = Speaker(client, ears.canaries)
                    made = (await speaker("generate_key", key_alias=there.name(f"file-{uuid.uuid4().hex[:4]}"))).ok()
                    assert "key" not in made
                    ears.canaries.plant("new key in a file", ears.read(made["key_file"]).strip())
                    (await speaker("get_user_info", user="alex_dev")).ok()
                    assert (await speaker("create_model", model_name="x", model="no such", api_key="sk-1")).is_error
            await _knock(ears, server, issuer, token)


async def _knock(ears: Ears, server: Inside, issuer: AuthorizationServer, token: str) -> None:
    """What no client sends: wrong tokens, and messages with secrets where nothing can be made of them."""
    expired = ears.canaries.plant("refused OAuth token", issuer.token(exp=1))
    wrong = ears.canaries.plant("refused HTTP token")
    reading = ears.canaries.plant("OAuth token that may only read", issuer.token(scope="litellm:read"))
    value = ears.canaries.plant("value in a broken message", prefix="sk-")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    odd: list[object] = [
        {**call, "params": {"name": "generate_key", "arguments": {"key_alias": "x"}, "_meta": {"traceparent": value}}},
        {**call, "params": {"name": "generate_key", "arguments": [value]}},
        {**call, "params": {"name": ["x"], "arguments": {"api_key": value}}},
        {**call, "params": {"api_key": value}},
        {**call, "params": value},
        {**call, "id": [value]},
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"clientInfo": value}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"reason": value, "requestId": [value]}},
        [{**call, "params": value}],
        value,
    ]
    async with server.browser() as browser:
        for given in (expired, wrong, f"{token}x", reading):
            for body in odd[:1]:
                await browser.post("/mcp", json=body, headers=bearer(given))
        await browser.get(f"/mcp?token={value}", headers={"X-LiteLLM-Key": value})
        await browser.post("/nowhere", content=value, headers={"Cookie": value, **bearer(token)})
        for body in odd:
            await browser.post("/mcp", json=body, headers=bearer(token))
        await browser.post("/mcp", content='{"api_key": "' + value, headers=bearer(token))
        await browser.post("/mcp", json=odd[0], headers={**bearer(token), "Origin": f"http://{value}.example"})
        await browser.post("/mcp", json=odd[0], headers={**bearer(token), "Mcp-Protocol-Version": value})


async def _with_callers_keys(ears: Ears, there: Planted) -> None:
    """Over SSE, each with a key of their own: one that works, and one that the proxy refuses."""
    works = there.keys["caller's"]
    refused = ears.canaries.plant("refused caller's key", prefix="sk-", may_be=[HEADERS])
    settings = {"STEWARD_CREDENTIALS": "caller", "LITELLM_MASTER_KEY": ""}
    async with ears.over_http("sse", None, **settings) as server:
        for key in (works, refused):
            async with server.client("legacy", headers={"X-LiteLLM-Key": key}) as client:
                speaker = Speaker(client, ears.canaries)
                looked = await speaker("get_model_info")
                assert looked.is_error is (key == refused)
                assert (await speaker("generate_key", key_alias=there.name("never"))).is_error


# ---- the search itself -------------------------------------------------------------------------

WHERE: Mapping[str, str] = {
    "stderr": STDERR,
    "stderr_encoded": STDERR,
    "stderr_cut": STDERR,
    "audit": AUDIT,
    "result": HTTP,
    "span": SPAN,
    "span_event": SPAN,
    "url": LINES,
    "url_encoded": LINES,
    "header": HEADERS,
    "body": BODIES,
    "answer_header": HTTP,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def leaked(gateway: Seeded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Leak]]:
    """What the search finds of a steward with every leak put in; each lets out a secret of its own."""
    ears = Ears(gateway, tmp_path_factory.mktemp("leaks"), Canaries())
    values = {name: ears.canaries.plant(name, f"{secrets.token_hex(6)} /+?&= {secrets.token_hex(6)}") for name in WHERE}
    settings = {leaks.SECRETS + name.upper(): value for name, value in values.items()}
    settings[LEAKS] = ",".join(WHERE)
    async with ears.over_http("streamable-http", None, **settings) as server, server.client() as client:
        await client.call_tool("generate_key", {"key_alias": f"leaky-{uuid.uuid4().hex[:6]}"})
    yield ears.canaries.found(ears.heard())


@pytest.mark.asyncio
@pytest.mark.parametrize("leak", leaks.LEAKS)
async def test_a_leak_put_in_on_purpose_is_found(leaked: list[Leak], leak: str) -> None:
    assert Leak(leak, WHERE[leak]) in leaked
