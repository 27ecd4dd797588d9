"""A small OAuth authorization server with real keys, over HTTP on loopback: who asks is let in as ``alex``."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SCOPES: Final = "litellm:read litellm:write"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class AuthorizationServer:
    """Issues access tokens for one resource: after an authorization code with PKCE, or as a test wants them."""

    issuer: str = ""
    resource: str = ""
    keys: dict[str, Any] = field(
        default_factory=lambda: {"rsa": new_key(), "ec": ec.generate_private_key(ec.SECP256R1())}
    )
    asked: list[str] = field(default_factory=list)
    """The requests that came, by method and path."""
    granted: list[str] = field(default_factory=list)
    """The scopes of each code that was issued."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def token(self, *, kid: str | None = "rsa", headers: dict[str, Any] | None = None, **claims: object) -> str:
        """A good token, but for the claims that are given; ``None`` leaves one out."""
        key = self.keys[kid] if kid else next(iter(self.keys.values()))
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        said = {"typ": "at+jwt", **({"kid": kid} if kid else {}), **(headers or {})}
        return jwt.encode(self.claims(**claims), key, algorithm=algorithm, headers=said)

    def claims(self, **changed: object) -> dict[str, object]:
        now = int(time.time())
        claims: dict[str, object] = {"iss": self.issuer, "aud": self.resource, "sub": "alex", "client_id": "a-test"}
        claims |= {"iat": now, "exp": now + 300, "scope": SCOPES, "jti": secrets.token_hex(8)}
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def public_pem(self, kid: str = "rsa") -> bytes:
        pem: bytes = self.keys[kid].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def jwks(self) -> dict[str, object]:
        keys = []
        for kid, key in self.keys.items():
            algorithm = jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
            keys.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
        return {"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAx", "kid": "shared"}, *keys]}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/jwks", self._jwks),
                Route("/register", self._register, methods=["POST"]),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _metadata(self, _: Request) -> Response:
        self.asked.append("metadata")
        return JSONResponse(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/jwks",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "registration_endpoint": f"{self.issuer}/register",
                "scopes_supported": SCOPES.split(),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    async def _jwks(self, _: Request) -> Response:
        self.asked.append("jwks")
        return JSONResponse(self.jwks())

    async def _register(self, request: Request) -> Response:
        body = await request.json()
        return JSONResponse({**body, "client_id": "a-test", "token_endpoint_auth_method": "none"}, 201)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["resource"] == self.resource, "the client names whom the token is for"
        code = secrets.token_hex(8)
        self._codes[code] = asked
        self.granted.append(asked["scope"])
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}&iss={self.issuer}", 302)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        asked = self._codes.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.token(aud=asked["resource"], scope=asked["scope"])
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": asked["scope"]})
