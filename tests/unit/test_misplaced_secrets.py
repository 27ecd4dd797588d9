"""Secrets in the wrong place: as names, in addresses, in plans, in messages that nobody can read, in a bug of ours."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import respx
from mcp import Client, MCPError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from litellm_steward import prompts
from litellm_steward.addresses import told_address
from litellm_steward.api.models import Deployment, LitellmParams
from litellm_steward.api.router import Fallbacks
from litellm_steward.consent import facts
from litellm_steward.deployment_request import new_deployment
from litellm_steward.logs import Formatter
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.server import build_server
from litellm_steward.serving.unechoed import Unechoed, without_echo
from litellm_steward.text import holds_key
from litellm_steward.tools import keys as key_tools
from litellm_steward.tools.catalog import CATALOG
from tests.stage import TOOLS, call, refusal_of, steward_at, text_of
from tests.tape import BASE_URL

KEY = "sk-Zq8vNw3RtYpLmK5xAbCdEf"
SHAPELESS = "correct horse battery staple"


@pytest.mark.parametrize("text", [KEY, f" {KEY} ", f"Bearer {KEY}", f"x={KEY}&y", "sk-short"])
def test_a_key_is_seen_wherever_it_stands(text: str) -> None:
    assert holds_key(text)


@pytest.mark.parametrize(
    "text", ["sk-...AbCd", "task-force-2026-q4-planning-team", "Marketing", "risk-2026-11-21-abcdef"]
)
def test_a_name_is_no_key(text: str) -> None:
    assert not holds_key(text)


MISPLACED: list[tuple[str, dict[str, Any], str]] = [
    ("get_user_info", {"user": KEY}, "user"),
    ("get_team_info", {"team": f"team of {KEY}"}, "team"),
    ("get_key_info", {"key": f"Bearer {KEY}"}, "key"),
    ("delete_key", {"key": f"'{KEY}'"}, "key"),
    ("delete_key", {"key": "x", "approval": KEY}, "approval"),
    ("get_model_info", {"model": KEY}, "model"),
    ("delete_model", {"model": KEY}, "model"),
    ("audit_keys", {"team": KEY}, "team"),
    ("generate_key", {"models": ["gpt-4o", KEY]}, "models"),
    ("generate_key", {"aliases": {"fast": KEY}}, "aliases"),
    ("generate_key", {"tags": [KEY]}, "tags"),
    ("create_team", {"team_alias": "a", "members": [{"user": KEY}]}, "members"),
    ("create_user", {"user_email": KEY}, "user_email"),
    ("create_model", {"model_name": "a", "model": "openai/x", "api_base": f"https://h/{KEY}"}, "api_base"),
    ("find_requests", {"customer": KEY}, "customer"),
    ("spend_report", {"group_by": ["model"], "tag": KEY}, "tag"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("tool", "arguments", "name"), MISPLACED, ids=lambda value: str(value)[:40])
async def test_a_key_in_place_of_a_name_goes_nowhere(tool: str, arguments: dict[str, Any], name: str) -> None:
    with respx.mock(assert_all_called=False) as router:
        said = refusal_of(await call(steward_at(BASE_URL), tool, **arguments))
    assert not router.calls
    assert said.startswith(name)
    assert "nothing was sent" in said
    assert KEY not in said


PLANNED: dict[str, tuple[dict[str, Any], str]] = {
    "a token": ({"azure_ad_token": SHAPELESS}, "azure_ad_token = [hidden]"),
    "a password": ({"azure_password": SHAPELESS}, "azure_password = [hidden]"),
    "headers": ({"extra_headers": {"X-One": SHAPELESS}}, "extra_headers = {'X-One': …}"),
    "deep inside": ({"extra_body": {"a": [{"b": SHAPELESS}]}}, "extra_body = {'a': …}"),
    "in a list": ({"guardrails": [{"b": SHAPELESS}]}, "guardrails = [hidden]"),
    "an address": ({"proxy_url": f"https://h/x?pw={SHAPELESS.replace(' ', '')}"}, "proxy_url = 'https://h/x?pw=…'"),
    "a file": ({"vertex_credentials": "/etc/sa.json"}, "vertex_credentials = '/etc/sa.json'"),
    "a variable": ({"azure_ad_token": "AZURE_TOKEN"}, "azure_ad_token = 'AZURE_TOKEN'"),
    "a choice": ({"use_litellm_proxy": True}, "use_litellm_proxy = 'True'"),
}


@pytest.mark.parametrize(("params", "shown"), PLANNED.values(), ids=PLANNED)
def test_a_plan_shows_choices_and_hides_secrets(params: dict[str, Any], shown: str) -> None:
    catalog = ModelCatalog((Deployment(litellm_params=LitellmParams(model="openai/y")),), Fallbacks())
    told = facts(new_deployment("a", "openai/x", {}, params), catalog, (), ())
    assert f"{shown} is set, which the steward does not know to be harmless." in told
    assert SHAPELESS not in str(told)
    assert SHAPELESS.replace(" ", "") not in str(told)


def test_an_address_is_told_without_the_values_in_its_query() -> None:
    assert told_address("https://h/v1") == "https://h/v1"
    assert told_address("https://h/v1?api-version=2024&sig=abc") == "https://h/v1?api-version=…&sig=…"
    assert told_address("https://h/v1?lonely") == "https://h/v1?lonely=…"


# ---- messages that nobody can read -------------------------------------------------------------


def test_an_answer_to_a_broken_message_does_not_repeat_it() -> None:
    error = {"code": -32602, "message": f"Validation error: input_value='{SHAPELESS}'"}
    told = json.loads(without_echo(json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()))
    assert told["error"] == {"code": -32602, "message": "Validation error: not a JSON-RPC message of MCP"}


@pytest.mark.parametrize(
    "body", [b"", b"no JSON", b"[]", b'{"error": 1}', b'{"error": {"message": "Missing session"}}']
)
def test_any_other_answer_is_left_alone(body: bytes) -> None:
    assert without_echo(body) == body


@pytest.mark.asyncio
async def test_only_a_400_is_held_back() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        status = int(scope["path"].strip("/"))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"99")]})
        await send({"type": "http.response.body", "body": b'{"error": {"message": "Parse', "more_body": True})
        await send({"type": "http.response.body", "body": b' error: secret"}}'})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Unechoed(app)), base_url="http://t") as browser:
        assert "secret" not in (await browser.get("/400")).text
        assert "secret" in (await browser.get("/200")).text


# ---- a bug of ours -----------------------------------------------------------------------------


class Seen(logging.Handler):
    """What would be on stderr at DEBUG."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(Formatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen, root = Seen(), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [seen])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("litellm_steward"), "level", logging.DEBUG)
    return seen


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


def _broken(*given: object, **named: object) -> Any:  # noqa: ANN401 - it never returns
    """A bug whose exceptions quote all that came in, one after the other."""
    raise RuntimeError(f"{SHAPELESS} {KEY}") from ValueError(f"cannot use {given} and {named}")


@asynccontextmanager
async def client() -> AsyncIterator[Client]:
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{BASE_URL}/key/info").respond(404, json={"error": {"message": "Key not found", "code": "404"}})
        router.get(f"{BASE_URL}/health/readiness").respond(json={"status": "healthy"})
        steward = steward_at(BASE_URL, settings={"steward_toolsets": ("all",)})
        async with steward.proxy, Client(build_server(steward, CATALOG), cache=None) as client:
            yield client


@pytest.mark.asyncio
async def test_a_bug_in_a_tool_tells_places_and_no_values(
    monkeypatch: pytest.MonkeyPatch, stderr: Seen, spans: InMemorySpanExporter
) -> None:
    monkeypatch.setattr(key_tools, "check_budget", _broken)
    async with client() as connected:
        arguments = {"key_alias": "a", "metadata": {"password": SHAPELESS, "key": KEY}}
        result = await connected.call_tool("generate_key", arguments)
    said = text_of(result)
    number = said.partition("(incident ")[2][:8]
    (incident,) = [line for line in stderr.lines if number in line]
    assert "RuntimeError at test_misplaced_secrets.py:" in incident
    assert "generate_key" in incident
    _nothing_told(said, stderr, spans)


@pytest.mark.asyncio
async def test_a_bug_in_a_prompt_tells_places_and_no_values(
    monkeypatch: pytest.MonkeyPatch, stderr: Seen, spans: InMemorySpanExporter
) -> None:
    monkeypatch.setattr(prompts, "_team_or_user", _broken)
    said = ""
    async with client() as connected:
        try:
            await connected.get_prompt("explain_spend_change", {"team_or_user": SHAPELESS, "period": "today"})
        except MCPError as error:
            said = str(error)
    assert "fault of the steward itself" in said
    assert any("RuntimeError at test_misplaced_secrets.py:" in line for line in stderr.lines)
    _nothing_told(said, stderr, spans)


def _nothing_told(said: str, stderr: Seen, spans: InMemorySpanExporter) -> None:
    traced = "\n".join(str(span.to_json()) for span in spans.get_finished_spans())
    assert "error.type" in traced
    for place in (said, "\n".join(stderr.lines), traced):
        assert SHAPELESS not in place
        assert KEY not in place
        assert "Traceback" not in place


def test_every_tool_is_looked_at() -> None:
    """All but those that take no free text."""
    assert {tool for tool, _, _ in MISPLACED} == {name for name, tool in TOOLS.items() if _takes_text(tool.parameters)}


def _takes_text(schema: Any) -> bool:  # noqa: ANN401 - any part of a JSON schema
    """Whether anything in it may be text that is not one of a few words."""
    if isinstance(schema, list):
        return any(map(_takes_text, schema))
    if not isinstance(schema, dict):
        return False
    is_text = schema.get("type") == "string" and not {"enum", "const"} & set(schema)
    return is_text or any(map(_takes_text, schema.values()))
