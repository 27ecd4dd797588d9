"""A key that is made here, on every route that a LiteLLM release has: on real proxies with credentials to lose.

The proxy's environment holds providers' keys and those of Langfuse; whatever it sends out arrives at one recorder.
"""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, TypeAlias

import httpx
import pytest
import pytest_asyncio

from examples.gateway import SUPPORTED, Gateway, Running
from litellm_steward.api.version import Version
from litellm_steward.key_routes import routes_for
from tests.live.harness import Evidence, over_stdio
from tests.live.route_table import Route, may_lie_beneath, routes_of

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

Way: TypeAlias = Callable[[str], dict[str, str]]
"""The headers in which a key is sent."""

AT_ONCE: Final = 8
PATIENCE: Final = 60.0
"""Seconds for one answer, however busy the machine is."""

BENEATH: Final = {
    "POST /v1/messages/count_tokens",
    "GET /v1/models/{model_id}",
    "POST /v1/responses/compact",
    "POST /v1/responses/input_tokens",
    "SOCKET /v1/responses",
}
"""What lies beneath a listed route and is as harmless."""

OWNED: Final = {
    "GET /v1/responses/{response_id}",
    "DELETE /v1/responses/{response_id}",
    "GET /v1/responses/{response_id}/input_items",
    "POST /v1/responses/{response_id}/cancel",
}
"""What lies beneath one, and is refused for a response that is not the caller's."""

UNCONFINED: Final = {
    "GET /v1/mcp/server/oauth/{server_id}/authorize",
    "POST /v1/mcp/server/oauth/{server_id}/token",
}
"""Where the newest release asks for a key and not for its routes: to log in to an MCP server, if the key may use it."""

OUTSIDE: Final = {"CONNECT docs.litellm.ai:443", "CONNECT raw.githubusercontent.com:443"}
"""What a release fetches by itself: news, and its table of prices."""


class Recorder:
    """Whatever leaves a proxy: as a provider, as Langfuse, and as the way to everywhere else."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.heard))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What an operator's proxy may hold: keys of providers and of Langfuse."""
        bases = {name: f"{self.url}/{name.lower()}" for name in ("OPENAI", "ANTHROPIC", "GEMINI", "MISTRAL", "COHERE")}
        ways = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        return {
            **{f"{name}_API_KEY": f"key-of-{name.lower()}" for name in (*bases, "AZURE", "ASSEMBLYAI", "VLLM")},
            **{f"{name}_API_BASE": base for name, base in bases.items()},
            "OPENAI_BASE_URL": bases["OPENAI"],
            "AZURE_API_BASE": f"{self.url}/azure",
            "LANGFUSE_HOST": f"{self.url}/langfuse",
            "LANGFUSE_PUBLIC_KEY": "pk-lf-of-the-operator",
            "LANGFUSE_SECRET_KEY": "sk-lf-of-the-operator",
            **dict.fromkeys(ways, self.url),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }


def _handler(heard: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            heard.append(f"{self.command} {self.path}")
            answer = b"{}" if self.command != "CONNECT" else b""
            self.send_response(200 if answer else 502)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing on standard error."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "CONNECT"):
        setattr(Handler, f"do_{method}", Handler._any)
    return Handler


@dataclass
class Exposed:
    """A proxy with credentials to lose, its routes, and a key that the steward made."""

    running: Running
    recorder: Recorder
    routes: list[Route]
    key: str
    listed: list[str]
    beneath: set[str] = field(default_factory=set)


@pytest.fixture(scope="module", params=SUPPORTED)
def proxy(request: pytest.FixtureRequest) -> Iterator[tuple[Running, Recorder, list[Route]]]:
    recorder, gateway = Recorder(), Gateway(request.param)
    with ThreadPoolExecutor(1) as other:
        table = other.submit(routes_of, request.param)  # while the proxy starts
        try:
            running = gateway.up(owner_pid=os.getpid(), environment=recorder.environment)
            yield running, recorder, table.result()
        finally:
            gateway.down()
            recorder.close()


@pytest_asyncio.fixture
async def exposed(proxy: tuple[Running, Recorder, list[Route]], evidence: Evidence) -> Exposed:
    running, recorder, routes = proxy
    async with over_stdio(running, evidence) as steward:
        made = (await steward("generate_key")).ok()
    listed = routes_for(Version.parse(running.version), powerful_owner=False)
    assert made["allowed_routes"] == listed
    beneath = {str(route) for route in routes if any(may_lie_beneath(route.path, above) for above in listed)}
    exact = {str(route) for route in routes if route.path in listed and not route.socket}
    return Exposed(running, recorder, routes, made["key"], listed, beneath - exact)


async def test_nothing_unknown_lies_beneath_a_listed_route(exposed: Exposed) -> None:
    assert {str(route) for route in exposed.routes if route.path in exposed.listed}, "the table is read"
    assert len(exposed.routes) > 500
    assert exposed.beneath - BENEATH - OWNED == set()


async def test_a_key_is_refused_on_every_other_route(exposed: Exposed) -> None:
    """A route is open to it that does not refuse it, and that answers somebody without a key otherwise."""
    async with _asking(exposed.running) as ask:
        opened = await _opened(ask, exposed.routes, _bearer, exposed.key)
        elsewhere = [route for route in exposed.routes if route.path.startswith(_OWN_WAYS)]
        for way in _ways():
            opened |= await _opened(ask, elsewhere, way, exposed.key)
    listed = {str(route) for route in exposed.routes if route.path in exposed.listed}
    assert {str(route) for route in opened} - listed - BENEATH - OWNED - UNCONFINED == set()
    assert listed - BENEATH <= {str(route) for route in opened}, "else the key is of no use"
    assert set(exposed.recorder.heard) - OUTSIDE == set()


async def test_an_administrators_key_is_refused_as_much(exposed: Exposed, evidence: Evidence) -> None:
    """Its owner may use every route there is, and reads the responses of everybody."""
    admin = {"Authorization": f"Bearer {exposed.running.master_key}"}
    owner = {"user_id": "somebody-with-powers", "user_role": "proxy_admin", "auto_create_key": False}
    async with httpx.AsyncClient(base_url=exposed.running.base_url, timeout=60) as client:
        (await client.post("/user/new", headers=admin, json=owner)).raise_for_status()
    async with over_stdio(exposed.running, evidence) as steward:
        made = (await steward("generate_key", user="somebody-with-powers")).ok()
    assert made["allowed_routes"] == routes_for(None, powerful_owner=True)
    async with _asking(exposed.running) as ask:
        opened = await _opened(ask, exposed.routes, _bearer, made["key"])
    listed = {str(route) for route in exposed.routes if route.path in made["allowed_routes"]}
    assert {str(route) for route in opened} - listed - BENEATH - UNCONFINED == set()
    assert not any("responses" in route.path for route in opened)


async def _opened(ask: _Ask, routes: Iterable[Route], way: Way, key: str) -> set[Route]:
    mine = await ask(routes, way(key))
    waiting = [route for route, status in mine.items() if status not in (401, 403)]
    others = [await ask(waiting, headers) for headers in (way("sk-of-nobody"), _bearer("sk-of-nobody"), {})]
    return {route for route in waiting if all(mine[route] != asked[route] for asked in others)}


async def test_responses_of_others_are_refused(exposed: Exposed) -> None:
    async with _asking(exposed.running) as ask:
        owned = [route for route in exposed.routes if str(route) in OWNED & exposed.beneath]
        answers = await ask(owned, _bearer(exposed.key))
    assert set(answers.values()) <= {403}
    assert set(exposed.recorder.heard) - OUTSIDE == set()


async def test_no_spelling_of_an_address_leads_beneath_a_listed_route(exposed: Exposed) -> None:
    """Where the route is checked as it is written and served as it is meant."""
    spelled = [
        "/v1/models/../../langfuse/api/public/traces",
        "/v1/models/%2e%2e/%2e%2e/key/list",
        "/chat/completions/%2e%2e%2f%2e%2e%2fopenai/v1/files",
        "//langfuse/api/public/traces",
        "/v1/models//openai/v1/files",
        "/v1/models;/../../key/list",
        "/v1/embeddings/v1/files?target_model_names=gpt-4o-mini",
        "/embeddings/v1/files?target_model_names=gpt-4o-mini",
        "/models/v1/batches?model=gpt-4o-mini",
    ]
    headers = [way(exposed.key) for way in (_bearer, *_ways())]
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        for target in spelled:
            for sent in headers:
                request = client.build_request("GET", exposed.running.base_url, headers=sent)
                request.extensions["target"] = target.encode()
                answer = await client.send(request)
                assert answer.status_code in (307, 401, 403, 404, 405, 500), target
                assert answer.status_code != 500 or "langfuse" in target, target
    assert set(exposed.recorder.heard) - OUTSIDE == set()


async def test_else_there_would_be_something_to_reach(exposed: Exposed) -> None:
    """With LiteLLM's own name for the routes of applications, such a key is let through to providers and Langfuse."""
    admin = {"Authorization": f"Bearer {exposed.running.master_key}"}
    async with httpx.AsyncClient(base_url=exposed.running.base_url, timeout=60) as client:
        body = {"allowed_routes": ["llm_api_routes", "info_routes"], "max_budget": 0.01}
        loose = (await client.post("/key/generate", headers=admin, json=body)).json()["key"]
        before = len(exposed.recorder.heard)
        await client.delete("/openai/v1/files/somebodys", headers=_bearer(loose))
        await client.get("/langfuse/api/public/traces", headers=_basic(loose))
        reached = exposed.recorder.heard[before:]
        del exposed.recorder.heard[before:]
        confined = [
            await client.delete("/openai/v1/files/somebodys", headers=_bearer(exposed.key)),
            await client.get("/langfuse/api/public/traces", headers=_basic(exposed.key)),
        ]
    assert any(request.startswith("DELETE /openai") for request in reached)
    assert any("traces" in request for request in reached)
    assert [answer.status_code for answer in confined] == [403, 403]


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'pk:{key}'.encode()).decode()}"}


def _ways() -> list[Way]:
    """How LiteLLM takes a key from clients of one provider or another."""
    names = ("x-litellm-api-key", "x-api-key", "x-goog-api-key", "api-key")
    return [_basic, *(partial(_header, name) for name in names)]


def _header(name: str, key: str) -> dict[str, str]:
    return {name: key}


_OWN_WAYS: Final = ("/langfuse", "/gemini", "/vertex", "/azure", "/anthropic", "/assemblyai", "/mcp", "/v1/mcp")
"""Routes that look for a key in their own way."""


@asynccontextmanager
async def _asking(running: Running) -> AsyncIterator[_Ask]:
    limits = httpx.Limits(max_keepalive_connections=0, max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=running.base_url, timeout=PATIENCE, limits=limits) as client:
        yield _Ask(client)


@dataclass(frozen=True)
class _Ask:
    client: httpx.AsyncClient

    async def __call__(self, routes: Iterable[Route], headers: Mapping[str, str]) -> dict[Route, int]:
        """The status of each."""
        turns = asyncio.Semaphore(AT_ONCE)
        asked = list(routes)

        async def one(route: Route) -> int:
            async with turns:
                return await self._status(route, headers)

        return dict(zip(asked, await asyncio.gather(*map(one, asked)), strict=True))

    async def _status(self, route: Route, headers: Mapping[str, str]) -> int:
        sent = {**headers, **route.headers}
        async with self.client.stream(route.method, route.url, headers=sent, json=route.body) as response:
            return response.status_code
