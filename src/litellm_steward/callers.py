"""Who calls: what an HTTP request proved of itself, and what the client calls itself.

A ``Principal`` is proven: the HTTP side puts it into the request's scope after it has checked the
request's credentials. A client's name is only claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.mcpserver import Context
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from litellm_steward.text import MAX_NAME, clean

READ_SCOPE: Final = "litellm:read"
WRITE_SCOPE: Final = "litellm:write"

_SCOPE_KEY: Final = "litellm_steward.principal"


@dataclass(frozen=True)
class Principal:
    """What the credentials of one HTTP request say. Without any (stdio, loopback), it is nobody in particular."""

    subject: str = ""
    """For people to read."""
    identity: str = ""
    """What no two callers share: approvals, sessions and limits are bound to it."""
    scopes: frozenset[str] | None = None
    """OAuth scopes; ``None`` where nothing limits what the caller may use."""
    key: SecretStr | None = None
    """The caller's own LiteLLM key, where ``STEWARD_CREDENTIALS=caller``."""
    proven: str = ""
    """What of the identity was checked here. A LiteLLM key is checked by the proxy: anybody could make up many."""

    def has(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def enter(self, scope: MutableMapping[str, Any]) -> None:
        """Leave it with an ASGI request, for those who answer it."""
        scope[_SCOPE_KEY] = self

    @staticmethod
    def of(scope: Mapping[str, Any]) -> Principal:
        """Whose credentials an ASGI request carried."""
        found = scope.get(_SCOPE_KEY)
        return found if isinstance(found, Principal) else NOBODY


NOBODY: Final = Principal()


@dataclass(frozen=True)
class Caller:
    """For the record: the client's name and version as it tells them, and whose credentials it used."""

    client: str
    subject: str


def principal_of(ctx: Context[Any, Any]) -> Principal:
    """Whose credentials the request of this call carried. On SSE, that is the message and not the stream."""
    request = ctx.request_context.request
    return Principal.of(request.scope) if isinstance(request, HTTPConnection) else NOBODY


def caller_of(ctx: Context[Any, Any]) -> Caller:
    """Who makes this call. Clients of the older protocol do not tell their name over streamable HTTP."""
    params = ctx.request_context.session.client_params
    client = f"{params.client_info.name} {params.client_info.version}" if params is not None else ""
    return Caller(clean(client, MAX_NAME), clean(principal_of(ctx).subject, MAX_NAME))
