"""Who may speak HTTP to us: checks made before any route, so that no route can be forgotten.

A web page can make its visitor's browser send requests to this machine, under a host name of its
own choosing (DNS rebinding). The ``Host`` and ``Origin`` headers give that away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_steward.serving.gate import headers
from litellm_steward.settings import Settings

_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def allowed_hosts(settings: Settings) -> tuple[str, ...]:
    """The configured ``Host`` headers; loopback if there are none, so that an empty list opens nothing."""
    return settings.steward_allowed_hosts or tuple(f"{name}{port}" for name in _NAMES for port in ("", ":*"))


def allowed_origins(settings: Settings) -> tuple[str, ...]:
    """The configured ``Origin`` headers; pages served from loopback if there are none."""
    return settings.steward_allowed_origins or tuple(f"http://{name}{port}" for name in _NAMES for port in ("", ":*"))


def matches(value: str, patterns: Iterable[str]) -> bool:
    """Whether a header is one of the patterns; ``:*`` at a pattern's end stands for any port."""
    value = value.lower()
    base, _, port = value.rpartition(":")
    for pattern in patterns:
        allowed = pattern.lower()
        if value == allowed:
            return True
        if allowed.endswith(":*") and base == allowed[:-2] and _PORT.fullmatch(port):
            return True
    return False


class Guard:
    """ASGI middleware: 421 for a foreign ``Host``, 403 for a foreign ``Origin``, on every route."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._app, self._hosts, self._origins = app, tuple(hosts), tuple(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self._app)(scope, receive, send)
        else:  # a kind of connection that nothing here speaks, and nothing here checks
            raise RuntimeError(f"cannot serve {scope['type']}")

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        hosts = headers(scope, b"host")
        # A whole address as the target is for proxies, and its host would count instead of the header's (RFC 9112).
        addressed = scope["path"].startswith("/")
        if not addressed or len(hosts) != 1 or not matches(hosts[0], self._hosts):
            return PlainTextResponse("This Host is not served here; see STEWARD_ALLOWED_HOSTS.\n", 421)
        if not all(matches(origin, self._origins) for origin in headers(scope, b"origin")):
            return PlainTextResponse("This Origin is not allowed; see STEWARD_ALLOWED_ORIGINS.\n", 403)
        return None


class PostOnly:
    """ASGI middleware: a path that takes POST and nothing else.

    Without sessions there is no stream to GET and nothing to DELETE. The SDK answers a GET with a
    stream that stays open and empty for ever.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == self._path and scope["method"] != "POST":
            refusal = PlainTextResponse("Only POST is served here.\n", 405, headers={"Allow": "POST"})
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)
