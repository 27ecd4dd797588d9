"""What somebody gets to see at another machine who has no token, or asks for another host: a refusal, and no more.

Two things are answered to everybody, by design. The metadata document of RFC 9728 says where a token is to be had, if
``STEWARD_OAUTH_ISSUER`` is set. And what is no HTTP request (no or several ``Host`` headers, headers without end) gets
the parser's 400 before anything of ours sees it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import pytest
import pytest_asyncio

from litellm_steward import __version__
from litellm_steward.serving.gate import WRONG_AT_ONCE
from tests.wire.elsewhere import Answer, Place, two_places
from tests.wire.harness import environment

pytestmark = pytest.mark.asyncio

Transport = Literal["streamable-http", "sse"]
BOTH: list[Transport] = ["streamable-http", "sse"]

TOKEN: Final = "the-token-of-another-place-0001"
WRONG: Final = "the-token-of-another-place-0002"
NAME: Final = "steward.example"
REFUSED: Final = {401, 403, 421}
ENDED: Final = 0
"""The connection is broken off before everything is said, and with it the answer may be lost."""
PATHS: Final = (
    "/mcp",
    "/mcp/",
    "/sse",
    "/messages/",
    "/messages/?session_id=00000000000000000000000000000000",
    "/health",
    "/health/",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/",
    "/docs",
    "/openapi.json",
    "//mcp",
    "/MCP",
    "/%6dcp",
    "/health/../mcp",
    "/%2e%2e/health",
    "/nonsense%00%ff",
)
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
LIST: Final = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}'
TELLING: Final = re.compile(
    rf"(?i){re.escape(__version__)}|uvicorn|starlette|python|traceback|get_key|session|127\.0\.0\.1|"
    rf"{re.escape(NAME)}|{TOKEN}|alive"
)
"""What no refusal may say: a version, what it is made of, a tool, a host, the state of anything."""

NO_CREDENTIALS: Final[Mapping[str, Mapping[str, str]]] = {
    "none": {},
    "empty": {"Authorization": ""},
    "basic": {"Authorization": "Basic eDp5"},
    "bare": {"Authorization": TOKEN},
    "quoted": {"Authorization": f'Bearer "{TOKEN}"'},
    "prefix": {"Authorization": f"Bearer {TOKEN[:-1]}"},
    "longer": {"Authorization": f"Bearer {TOKEN}0"},
    "twice": {"Authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"},
    "lower case": {"Authorization": f"bearer {WRONG}"},
    "upper case": {"authorization": f"BEARER {WRONG}"},
    "another header": {"X-LiteLLM-Key": TOKEN, "X-Api-Key": TOKEN, "Proxy-Authorization": f"Bearer {TOKEN}"},
    "cookie": {"Cookie": f"access_token={TOKEN}; Authorization=Bearer {TOKEN}"},
    "forwarded": {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1"},
    "another method": {"X-HTTP-Method-Override": "GET"},
    "upgrade": {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x" * 22 + "=="},
    "long": {"Authorization": "Bearer " + "a" * 60_000},
    "many": {f"X-{number}": "x" * 100 for number in range(300)},
}
assert len(NO_CREDENTIALS) < WRONG_AT_ONCE, "more wrong tokens from one address are answered with 429"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two() -> AsyncIterator[Place]:
    async with two_places() as found:
        yield found


@pytest.fixture
def place(two: Place, record_property: Callable[[str, object], None]) -> Place:
    if not two.is_apart:
        record_property("told", f"No network namespace can be made here: only another address asks ({two.address}).")
    return two


def request(method: str, target: str, *headers: tuple[str, str], body: bytes = b"", version: str = "1.1") -> bytes:
    """One request that ends its connection; JSON that a client would send, if it has a body."""
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if not any(name == "Connection" for name, _ in headers):
        lines.append("Connection: close")
    lines += ["Accept: application/json, text/event-stream", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Served:
    """A steward that serves beyond loopback, and somebody elsewhere who knows its name."""

    def __init__(self, place: Place, port: int) -> None:
        self._place, self._port = place, port
        self.host = ("Host", f"{NAME}:{port}")
        self.asked = 0

    async def say(self, raw: bytes) -> Answer:
        self.asked += 1
        return await self._place.voice.say(self._place.address, self._port, raw)

    async def ask(self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> Answer:
        return await self.say(request(method, target, self.host, *headers, body=body))

    async def refuses(self, raw: bytes, *, among: frozenset[int] | set[int] = REFUSED) -> Answer:
        answer = await self.say(raw)
        shown = (raw[:200], answer.raw[:500])
        told = TELLING.search(answer.raw.decode("latin-1"))
        assert answer.status in among, shown
        assert not told, (told, *shown)
        assert len(answer.body) < 250, shown
        assert "server" not in answer.headers, shown
        return answer


@asynccontextmanager
async def served(place: Place, transport: Transport, folder: Path, **settings: str) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *place.command, sys.executable, "-m", "litellm_steward", "serve", "--transport", transport,
        "--host", place.address, "--port", "0", cwd=folder, stderr=asyncio.subprocess.PIPE,
        env=environment(LITELLM_MASTER_KEY="sk-x", STEWARD_ALLOWED_HOSTS=f"{NAME}:*", **settings),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        first = (await process.stderr.readline()).decode()
        found = re.search(r"serving on http://[^/]+:(\d+)/", first)
        assert found, first
        yield Served(place, int(found[1]))
    finally:
        process.terminate()
        said = await process.stderr.read()
        assert await process.wait() == 0
        assert TOKEN.encode() not in said
        assert not re.search(rb"Traceback|ERROR", said), said


def everything() -> Iterator[tuple[str, str]]:
    """Every method on every path. Whether we are alive may be asked by everybody."""
    for path in PATHS:
        for method in METHODS:
            if (method, path) not in (("GET", "/health"), ("HEAD", "/health")):
                yield method, path


@pytest.mark.parametrize("transport", BOTH)
async def test_who_brings_no_right_token_is_refused_everywhere(
    place: Place, transport: Transport, tmp_path: Path
) -> None:
    async with served(place, transport, tmp_path, STEWARD_AUTH_TOKEN=TOKEN) as steward:
        for method, path in everything():
            body = LIST if method in ("POST", "PUT") else b""
            assert (await steward.refuses(request(method, path, steward.host, body=body))).status == 401
        for name, headers in NO_CREDENTIALS.items():
            answer = await steward.refuses(request("POST", "/mcp", steward.host, *headers.items(), body=LIST))
            assert answer.status == 401, name
        for target in (f"/mcp?access_token={TOKEN}", f"/mcp?token={TOKEN}", f"/mcp?Authorization=Bearer%20{TOKEN}"):
            assert (await steward.refuses(request("POST", target, steward.host, body=LIST))).status == 401
        big = b"x" * (8 << 20)
        assert (await steward.refuses(request("POST", "/mcp", steward.host, body=big))).status == 401
        assert (await steward.refuses(request("GET", f"/{'x' * 60_000}", steward.host))).status == 401
        # The same way leads in with the right token, whatever the letters of its scheme.
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert (await steward.ask("GET", "/nowhere", ("Authorization", f"{scheme} {TOKEN}"))).status == 404


@pytest.mark.parametrize("transport", BOTH)
async def test_who_asks_for_another_host_is_refused_everywhere(
    place: Place, transport: Transport, tmp_path: Path
) -> None:
    """Even with the right token, which a browser may have been talked into sending."""
    right = ("Authorization", f"Bearer {TOKEN}")
    async with served(place, transport, tmp_path, STEWARD_AUTH_TOKEN=TOKEN) as steward:
        port = steward.host[1].rpartition(":")[2]
        for method, path in everything():
            foreign = request(method, path, ("Host", "evil.example"), right, body=LIST if method == "POST" else b"")
            assert (await steward.refuses(foreign)).status == 421
            answer = await steward.refuses(
                request(method, path, steward.host, ("Origin", "http://evil.example"), right)
            )
            assert answer.status == 403
        hosts = (
            NAME, f"{NAME}:", f"{NAME}:x", f"{NAME}.:{port}", f"x{NAME}:{port}", f"{NAME}:{port}.evil.example",
            f"{place.address}:{port}", f"127.0.0.1:{port}", "localhost", f"user@{NAME}:{port}", f"{NAME}:{port}, x", "",
        )  # fmt: skip
        for host in hosts:
            assert (await steward.refuses(request("GET", "/nowhere", ("Host", host), right))).status == 421, host
        for forwarded in ("X-Forwarded-Host", "X-Original-Host", "X-Host"):
            raw = request("GET", "/nowhere", ("Host", "evil.example"), (forwarded, steward.host[1]), right)
            assert (await steward.refuses(raw)).status == 421
        for origin in ("null", f"http://{NAME}.evil.example", "https://localhost", "http://127.0.0.1.evil.example"):
            answer = await steward.refuses(request("POST", "/mcp", steward.host, ("Origin", origin), right, body=LIST))
            assert answer.status == 403, origin
        assert (await steward.refuses(request("GET", "/nowhere", right, version="1.0"))).status == 421, "without a Host"
        for target in ("http://evil.example/nowhere", f"https://{NAME}/mcp", "evil.example:80", "*"):
            assert (await steward.refuses(request("GET", target, steward.host, right))).status == 421, target


@pytest.mark.parametrize("transport", BOTH)
async def test_what_is_no_request_tells_as_little(place: Place, transport: Transport, tmp_path: Path) -> None:
    right = ("Authorization", f"Bearer {TOKEN}")
    async with served(place, transport, tmp_path, STEWARD_AUTH_TOKEN=TOKEN) as steward:
        for raw in (
            request("GET", "/nowhere", right),
            request("GET", "/nowhere", steward.host, ("Host", "evil.example"), right),
            request("GET", "/nowhere", steward.host, steward.host, right),
            request("GET", "/nowhere", ("Host", "evil.example"), steward.host, right),
            request("GET", "/nowhere", steward.host, ("X", "x" * 2_000_000), right),
            request("GET", f"/{'x' * 2_000_000}", steward.host, right),
            request("POST", "/mcp", steward.host, ("Content-Length", "1"), right, body=LIST),
            request("POST", "/mcp", steward.host, ("Transfer-Encoding", "x"), right, body=LIST),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
            b"nonsense\r\n\r\n",
        ):
            await steward.refuses(raw, among={400, 421, ENDED})
        assert (await steward.ask("GET", "/nowhere", right)).status == 404, "and goes on"


async def test_where_to_get_a_token_is_all_that_is_public(place: Place, tmp_path: Path) -> None:
    """RFC 9728: the one document for everybody. It is refused under another host's name as everything is."""
    oauth = {"STEWARD_OAUTH_ISSUER": "https://issuer.example", "STEWARD_OAUTH_RESOURCE": f"https://{NAME}/mcp"}
    public = {"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"}
    async with served(place, "streamable-http", tmp_path, **oauth) as steward:
        for method, path in everything():
            answer = await steward.ask(method, path)
            if method == "GET" and path in public:
                assert answer.status == 200
                document = json.loads(answer.body)
                assert document == {
                    "resource": f"https://{NAME}/mcp",
                    "authorization_servers": ["https://issuer.example"],
                    "scopes_supported": ["litellm:read", "litellm:write"],
                    "bearer_methods_supported": ["header"],
                    "resource_name": "LiteLLM Steward",
                }
            else:
                assert answer.status == 401, (method, path)
                assert f'resource_metadata="https://{NAME}/' in answer.headers["www-authenticate"]
            assert __version__ not in answer.raw.decode("latin-1")
            await steward.refuses(request(method, path, ("Host", "evil.example")), among={421})
