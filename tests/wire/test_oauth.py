"""OAuth: a real authorization server, and the steward as the resource server behind it."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from litellm_steward.serving.http import HttpTransport
from tests.stage import text_of
from tests.wire.access_toys import TOOLS
from tests.wire.authorization_server import AuthorizationServer, new_key
from tests.wire.harness import Era
from tests.wire.inside import Inside, bearer, free_socket, listening, steward_inside

pytestmark = pytest.mark.asyncio

BOTH: list[HttpTransport] = ["streamable-http", "sse"]
PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
WIPE = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "wipe", "arguments": {}}}
READ = "litellm:read"


@asynccontextmanager
async def authorized(
    transport: HttpTransport = "streamable-http", **settings: object
) -> AsyncIterator[tuple[Inside, AuthorizationServer]]:
    """An authorization server, and a steward that trusts it."""
    server = AuthorizationServer()
    bound, server.issuer = free_socket()
    resource = "{origin}/" + ("sse" if transport == "sse" else "mcp")
    oauth = {"steward_oauth_issuer": server.issuer, "steward_oauth_resource": resource}
    oauth["litellm_master_key"] = "sk-of-no-proxy-0001"  # an approval is bound to it
    async with (
        listening(server.app(), bound),
        steward_inside(TOOLS, transport, **{**oauth, **settings}) as inside,
    ):
        server.resource = inside.url
        yield inside, server


async def post(inside: Inside, token: str | None, body: object = PING) -> httpx.Response:
    given = bearer(token) if token is not None else {}
    async with inside.browser(**given) as browser:
        return await browser.post("/mcp", json=body)


class Kept:
    """A client's memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def provider(url: str) -> OAuthClientProvider:
    """The SDK's client side, with a person who agrees to everything."""
    landed: list[str] = []

    async def visit(address: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as person:
            landed.append((await person.get(address)).headers["location"])

    async def callback() -> AuthorizationCodeResult:
        said = parse_qs(urlsplit(landed[-1]).query)
        return AuthorizationCodeResult(code=said["code"][0], state=said["state"][0], iss=said["iss"][0])

    metadata = OAuthClientMetadata.model_validate(
        {
            "redirect_uris": ["http://localhost:9/callback"],
            "client_name": "a test",
            "grant_types": ["authorization_code"],
        }
    )
    return OAuthClientProvider(url, metadata, Kept(), visit, callback)


@pytest.mark.parametrize("transport", BOTH)
async def test_a_client_finds_its_way_in_and_steps_up(transport: HttpTransport, era: Era) -> None:
    async with authorized(transport) as (inside, server):
        async with inside.client(era, auth=provider(inside.url)) as client:
            assert text_of(await client.call_tool("whoami", {})).endswith("| alex")
            assert server.granted == [READ], "no more is asked for than is needed"
            token = text_of(await client.call_tool("wipe", {}))
            assert text_of(await client.call_tool("wipe", {"approval": token})) == "wiped"
        assert [sorted(scope.split()) for scope in server.granted] == [[READ], [READ, "litellm:write"]]


async def test_the_metadata_says_where_to_get_a_token() -> None:
    async with authorized() as (inside, server), inside.browser() as browser:
        for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
            assert (await browser.get(path)).json() == {
                "resource": inside.url,
                "authorization_servers": [server.issuer],
                "scopes_supported": [READ, "litellm:write"],
                "bearer_methods_supported": ["header"],
                "resource_name": "LiteLLM Steward",
            }
            assert (await browser.get(path, headers={"Host": "evil.example"})).status_code == 421
        assert (await browser.get("/.well-known/oauth-protected-resource/other")).status_code == 401
        refused = await post(inside, None)
        assert refused.status_code == 401
        said = refused.headers["WWW-Authenticate"]
        assert f'resource_metadata="{inside.origin}/.well-known/oauth-protected-resource/mcp"' in said
        assert f'scope="{READ}"' in said
        assert "error=" not in said, "nothing is wrong with a token that was not sent"


def _unsigned(server: AuthorizationServer) -> str:
    return jwt.encode(server.claims(), "", algorithm="none", headers={"typ": "at+jwt", "kid": "rsa"})


def _signed_with_the_public_key(server: AuthorizationServer) -> str:
    """The classic: a public key taken for a shared secret. PyJWT refuses to do it, so it is done by hand."""
    import hashlib
    import hmac
    import json

    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}).encode())
    signed = f"{head}.{part(json.dumps(server.claims()).encode())}"
    return f"{signed}.{part(hmac.digest(server.public_pem(), signed.encode(), hashlib.sha256))}"


def _of_another_key(server: AuthorizationServer) -> str:
    return jwt.encode(server.claims(), new_key(), algorithm="RS256", headers={"kid": "rsa"})


def _changed(server: AuthorizationServer) -> str:
    head, _, signature = server.token().split(".")
    _, body, _ = server.token(sub="root").split(".")
    return f"{head}.{body}.{signature}"


WRONG: dict[str, Callable[[AuthorizationServer], str]] = {
    "another audience": lambda s: s.token(aud="https://other.example/mcp"),
    "no audience": lambda s: s.token(aud=None),
    "an audience that begins alike": lambda s: s.token(aud=s.resource + "x"),
    "another issuer": lambda s: s.token(iss="https://other.example"),
    "expired": lambda s: s.token(exp=int(time.time()) - 600),
    "without end": lambda s: s.token(exp=None),
    "not yet": lambda s: s.token(nbf=int(time.time()) + 600),
    "nobody's": lambda s: s.token(sub=None),
    "no algorithm": _unsigned,
    "a shared secret": lambda s: jwt.encode(
        s.claims(), "secret-secret-secret-secret-secret-01", headers={"kid": "shared"}
    ),
    "the public key as a secret": _signed_with_the_public_key,
    "another key": _of_another_key,
    "an unknown key": lambda s: jwt.encode(s.claims(), new_key(), algorithm="RS256", headers={"kid": "unknown"}),
    "a key of another kind": lambda s: s.token(kid="ec", headers={"kid": "rsa"}),
    "no key named, where there are several": lambda s: s.token(kid=None),
    "a critical header": lambda s: s.token(headers={"crit": ["exp"]}),
    "another type": lambda s: s.token(headers={"typ": "logout+jwt"}),
    "changed": _changed,
    "not a token": lambda _: "e30.e30.e30",
    "a word": lambda _: "alex",
}


async def test_good_tokens() -> None:
    async with authorized() as (inside, server):
        for good in (
            server.token(),
            server.token(kid="ec"),
            server.token(aud=["https://other.example", server.resource]),
            server.token(headers={"typ": "JWT"}),
            server.token(scope=None, scp=[READ]),
            server.token(exp=int(time.time()) - 5),
        ):
            assert (await post(inside, good)).status_code == 200
        assert server.asked == ["metadata", "jwks"], "once for all of them"


async def test_wrong_tokens() -> None:
    async with authorized() as (inside, server):
        server.keys["second"] = new_key()
        for name, make in WRONG.items():
            answer = await post(inside, make(server))
            assert answer.status_code == 401, name
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
            assert answer.json()["error"] == "invalid_token"
        assert server.asked.count("jwks") <= 3, "how often the keys are fetched is bounded"
        assert (await post(inside, server.token())).status_code == 200


async def test_scopes() -> None:
    async with authorized() as (inside, server):
        for scope in (None, "", "openid", "litellm:write", "litellm:reader"):
            answer = await post(inside, server.token(scope=scope))
            assert answer.status_code == 403
            assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
            assert f'scope="{READ}"' in answer.headers["WWW-Authenticate"]
        reader = server.token(scope=READ)
        assert (await post(inside, reader)).status_code == 200
        for body in (WIPE, [PING, WIPE]):
            answer = await post(inside, reader, body)
            assert answer.status_code == 403
            said = answer.headers["WWW-Authenticate"]
            assert 'error="insufficient_scope"' in said
            assert 'scope="litellm:read litellm:write"' in said
            assert "resource_metadata=" in said
        assert (await post(inside, reader, {**WIPE, "params": {"name": "whoami"}})).status_code == 200
        assert (await post(inside, server.token(), WIPE)).status_code == 200


async def test_the_server_refuses_what_slipped_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litellm_steward.serving.step_up.called_tools", lambda _: set())
    async with (
        authorized() as (inside, server),
        inside.client(headers=bearer(server.token(scope=READ))) as client,
    ):
        result = await client.call_tool("wipe", {})
    assert result.is_error
    assert text_of(result) == "wipe changes the gateway, and this access token lacks the scope litellm:write."


async def test_new_keys_are_fetched_when_a_token_names_one() -> None:
    async with authorized() as (inside, server):
        assert (await post(inside, server.token())).status_code == 200
        server.keys = {"next": new_key()}
        assert (await post(inside, server.token(kid="next"))).status_code == 200
        assert (await post(inside, server.token(kid=None))).status_code == 200, "there is no choice"
        assert server.asked.count("jwks") == 2


async def test_without_the_authorization_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, closed = free_socket()
    bound.close()
    server = AuthorizationServer(issuer=closed)
    oauth = {"steward_oauth_issuer": closed, "steward_oauth_resource": "{origin}/mcp"}
    async with steward_inside(
        TOOLS, "streamable-http", **oauth, steward_auth_token="a-token-of-these-tests-0001"
    ) as inside:
        server.resource = inside.url
        for _ in range(5):
            answer = await post(inside, server.token())
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert (await post(inside, None)).status_code == 401
        assert (await post(inside, server.token(iss="https://other.example"))).status_code == 401
        assert (await post(inside, "a-token-of-these-tests-0001")).status_code == 200, "the other kind still works"


@pytest.mark.parametrize("transport", BOTH)
async def test_what_one_agreed_to_serves_no_other(transport: HttpTransport) -> None:
    async with authorized(transport) as (inside, server):
        alex, eve = (server.token(sub=name) for name in ("alex", "eve"))
        async with inside.client(headers=bearer(alex)) as client:
            approval = text_of(await client.call_tool("wipe", {}))
        async with inside.client(headers=bearer(eve)) as client:
            assert "not valid for this call" in text_of(await client.call_tool("wipe", {"approval": approval}))
        async with inside.client(headers=bearer(alex)) as client:
            assert text_of(await client.call_tool("wipe", {"approval": approval})) == "wiped"


async def test_nobody_speaks_on_anothers_stream() -> None:
    async with authorized("sse") as (inside, server):
        alex, eve = (server.token(sub=name) for name in ("alex", "eve"))
        async with inside.browser(Authorization=f"Bearer {alex}") as browser, browser.stream("GET", "/sse") as stream:
            lines = stream.aiter_lines()
            path = ""
            while not path.startswith("/messages/"):
                path = (await anext(lines)).removeprefix("data: ")
            body: dict[str, Any] = {**PING, "method": "ping"}
            answer = await browser.post(path, json=body, headers={"Authorization": f"Bearer {eve}"})
            assert answer.status_code == 404
            assert (await browser.post(path, json=body)).status_code == 202
