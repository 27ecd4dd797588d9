"""Who is let in: every HTTP request proves itself, before any route.

Left out are the document that tells clients where to get a token (see ``metadata.py``), and
``/health`` where it is asked from the machine that serves it, as a container's health check does.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_steward.callers import NOBODY, READ_SCOPE, Principal
from litellm_steward.errors import StewardError
from litellm_steward.secret import SecretSource, SecretUnavailable, reveal
from litellm_steward.serving.limits import Buckets, address_of, too_many
from litellm_steward.settings import KEY_HEADER, TOKEN_RULE, is_token
from litellm_steward.text import hash_key

LONGEST_CREDENTIAL: Final = 8192

WRONG_AT_ONCE: Final = 100
WRONG_A_SECOND: Final = 1.0
"""Wrong tokens of one address that are answered with 401. The right one passes at any time, so that a client
with an old token does not lock out those behind the same address."""

_BEARER: Final = re.compile(r"(?i)bearer +([!-~]+) *")
_KEY: Final = re.compile(r"[!-~]{1,512}")

log = logging.getLogger(__name__)


class CannotVerify(StewardError):
    """Whether a token is right cannot be told now."""

    retryable = True


class Verifier(Protocol):
    """One kind of bearer token."""

    async def verify(self, token: str) -> Principal | None:
        """Whose it is; ``None`` if it is none of this kind, or wrong. May raise ``CannotVerify``."""
        ...


class StaticToken:
    """The one token that the settings name."""

    def __init__(self, source: SecretSource) -> None:
        self._source = source

    async def verify(self, token: str) -> Principal | None:
        try:
            expected = read_token(self._source)
        except SecretUnavailable as error:
            log.error("Nobody is let in by token: %s", error)  # noqa: TRY400 - it happens to the file, not here
            return None
        # Of hashes, so that not even the length shows in the time it takes.
        right = hmac.compare_digest(_digest(token), _digest(reveal(expected)))
        return Principal("token") if right else None


def read_token(source: SecretSource) -> SecretStr:
    """The token as it is now; a file may have changed since the start."""
    token = source.read()
    if not is_token(token):
        raise SecretUnavailable(f"STEWARD_AUTH_TOKEN_FILE: the token {TOKEN_RULE}")
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Gate:
    """ASGI middleware: 401 without a right bearer token, 403 for one that may not even read."""

    def __init__(
        self, app: ASGIApp, verifiers: Sequence[Verifier], *, metadata_url: str = "", callers_keys: bool = False
    ) -> None:
        self._app, self._verifiers = app, tuple(verifiers)
        self._metadata_url, self._callers_keys = metadata_url, callers_keys
        self._wrong = Buckets(WRONG_A_SECOND, WRONG_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            admitted = await self._admit(scope)
            if isinstance(admitted, Response):
                await admitted(scope, receive, send)
                return
            _enter(scope, admitted)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Principal | Response:
        principal = await self._authenticate(scope) if self._verifiers else NOBODY
        if isinstance(principal, Response):
            return principal
        if not principal.has(READ_SCOPE):
            return insufficient_scope((READ_SCOPE,), self._metadata_url)
        return _with_key(scope, principal) if self._callers_keys else principal

    async def _authenticate(self, scope: Scope) -> Principal | Response:
        given = headers(scope, b"authorization")
        if not given:
            return unauthorized("", "A bearer token is required.", self._metadata_url)
        bearer = _BEARER.fullmatch(given[0]) if len(given) == 1 and len(given[0]) <= LONGEST_CREDENTIAL else None
        try:
            principal = await self._verify(bearer[1]) if bearer else None
        except CannotVerify as error:
            log.warning("%s", error)
            return PlainTextResponse("The token cannot be verified now.\n", 503, headers={"Retry-After": "5"})
        if principal is not None:
            return principal
        log.info("A wrong token from %s", address_of(scope))
        wait = self._wrong.take(address_of(scope))
        if wait:
            return too_many("Too many wrong tokens.", wait)
        return unauthorized("invalid_token", "The token is not valid here.", self._metadata_url)

    async def _verify(self, token: str) -> Principal | None:
        for verifier in self._verifiers:
            principal = await verifier.verify(token)
            if principal is not None:
                return principal
        return None


def _with_key(scope: Scope, principal: Principal) -> Principal | Response:
    """The same caller with the LiteLLM key that the request brings; without one, each tool will ask for it."""
    given = headers(scope, KEY_HEADER.lower().encode())
    if not given:
        return principal
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        return PlainTextResponse(f"{KEY_HEADER} must be one LiteLLM key.\n", 400)
    key_id = hash_key(given[0])
    return replace(
        principal,
        subject=f"{principal.subject} key:{key_id[:12]}".strip(),
        identity=f"{principal.identity} key:{key_id}",
        key=SecretStr(given[0]),
    )


def _enter(scope: Scope, principal: Principal) -> None:
    principal.enter(scope)
    if principal.identity:
        # The SDK binds SSE sessions and the state of multi-round requests to this; the token itself stays here.
        known = AccessToken(token="", client_id=principal.identity, scopes=[], subject=principal.subject)
        scope["user"] = AuthenticatedUser(known)


def unauthorized(error: str, description: str, metadata_url: str) -> Response:
    """401, saying in the protocol's way where a token can be had (RFC 6750, RFC 9728)."""
    return _challenge(401, error, description, metadata_url, READ_SCOPE if metadata_url else "")


def insufficient_scope(needed: Sequence[str], metadata_url: str) -> Response:
    """403, and what a token needs for this."""
    scope = " ".join(needed)
    return _challenge(403, "insufficient_scope", f"This needs a token with the scope {scope}.", metadata_url, scope)


def _challenge(status: int, error: str, description: str, metadata_url: str, scope: str) -> Response:
    parts = {"realm": "litellm-steward", "error": error, "error_description": description if error else ""}
    parts |= {"scope": scope, "resource_metadata": metadata_url}
    challenge = ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)
    body = {"error": error or "unauthorized", "error_description": description}
    return JSONResponse(body, status, headers={"WWW-Authenticate": f"Bearer {challenge}"})


def headers(scope: Scope, name: bytes) -> list[str]:
    """The values of a request header, as many as were sent."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
