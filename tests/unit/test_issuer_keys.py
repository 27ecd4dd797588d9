"""Finding and keeping an authorization server's keys, whatever it says."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from litellm_steward.serving.gate import CannotVerify
from litellm_steward.serving.issuer_keys import FRESH, MAX_DOCUMENT, USABLE, IssuerKeys, metadata_urls

pytestmark = pytest.mark.asyncio

ISSUER = "https://as.example/tenant"
ES256: dict[str, Any] = json.loads(
    jwt.get_algorithm_by_name("ES256").to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())
)
OPENID = "/tenant/.well-known/openid-configuration"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers by path; what is not there is 404."""

    def __init__(self, **answers: object) -> None:
        self.answers: dict[str, object] = {
            OPENID: {"issuer": ISSUER, "jwks_uri": "https://keys.example/jwks"},
            "/jwks": {"keys": [{**ES256, "kid": "one"}]},
            **answers,
        }
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        assert "authorization" not in request.headers
        answer = self.answers.get(request.url.path)
        match answer:
            case None:
                return httpx.Response(404)
            case httpx.Response():
                return answer
            case Exception():
                raise answer
            case _:
                return httpx.Response(200, json=answer)

    def keys(self, clock: Clock | None = None, issuer: str = ISSUER) -> IssuerKeys:
        return IssuerKeys(issuer, transport=httpx.MockTransport(self), clock=clock or Clock())


async def test_metadata_is_looked_for_where_it_may_be() -> None:
    assert metadata_urls(ISSUER) == [
        "https://as.example/.well-known/oauth-authorization-server/tenant",
        "https://as.example/.well-known/openid-configuration/tenant",
        "https://as.example/tenant/.well-known/openid-configuration",
    ]
    assert len(metadata_urls("https://as.example/")) == 2
    server = Server()
    assert await server.keys().find("one", "ES256") is not None
    assert server.asked[-2:] == [OPENID, "/jwks"]


@pytest.mark.parametrize(
    "answers",
    [
        {OPENID: {"issuer": "https://evil.example", "jwks_uri": "https://keys.example/jwks"}},
        {OPENID: {"issuer": ISSUER}},
        {OPENID: {"issuer": ISSUER, "jwks_uri": "http://keys.example/jwks"}},
        {OPENID: {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}},
        {OPENID: {"issuer": ISSUER, "jwks_uri": "http://["}},
        {OPENID: ["no object"]},
        {OPENID: httpx.Response(200, text="<html>")},
        {OPENID: httpx.Response(302, headers={"Location": "https://evil.example"})},
        {OPENID: httpx.Response(500)},
        {OPENID: httpx.ConnectError("refused")},
        {"/jwks": {}},
        {"/jwks": {"keys": "many"}},
        {"/jwks": {"keys": [7, {}, {"kty": "EC"}, {**ES256, "x": "!"}, {**ES256, "use": "enc"}]}},
        {"/jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAx", "kid": "one"}]}},
        {"/jwks": {"keys": [{**ES256, "alg": "ES512"}]}},
        {"/jwks": httpx.Response(200, content=b" " * (MAX_DOCUMENT + 1))},
        {"/jwks": httpx.ReadTimeout("late")},
    ],
)
async def test_what_is_no_key_verifies_nothing(answers: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CannotVerify, match="cannot be fetched"):
        await Server(**answers).keys().find("one", "ES256")
    assert caplog.messages[0].startswith(f"The keys of {ISSUER} were not fetched: ")


async def test_a_key_is_used_for_what_it_is() -> None:
    keys = Server().keys()
    assert await keys.find("one", "RS256") is None
    assert await keys.find("one", "ES384") is None
    assert await keys.find(None, "ES256") is not None


async def test_unknown_names_do_not_make_it_ask_for_ever() -> None:
    server, clock = Server(), Clock()
    keys = server.keys(clock)
    for number in range(50):
        assert await keys.find(f"unknown-{number}", "ES256") is None
    assert server.asked.count("/jwks") == 3
    clock.now += 31
    assert await keys.find("unknown", "ES256") is None
    assert server.asked.count("/jwks") == 4
    assert await keys.find("one", "ES256") is not None


async def test_old_keys_do_for_a_while_when_nobody_answers() -> None:
    server, clock = Server(), Clock()
    keys = server.keys(clock)
    assert await keys.find("one", "ES256") is not None
    clock.now += FRESH
    assert await keys.find("one", "ES256") is not None
    assert server.asked.count("/jwks") == 2, "they are fetched anew when they are old"
    server.answers["/jwks"] = httpx.ConnectError("refused")
    clock.now += FRESH
    assert await keys.find("one", "ES256") is not None
    clock.now += USABLE
    with pytest.raises(CannotVerify):
        await keys.find("one", "ES256")
    server.answers["/jwks"] = {"keys": [{**ES256, "kid": "two"}]}
    clock.now += 60
    assert await keys.find("one", "ES256") is None, "a key that was taken back"
    assert await keys.find("two", "ES256") is not None
