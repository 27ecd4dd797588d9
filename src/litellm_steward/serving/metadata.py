"""Where clients get a token from: the protected resource metadata of RFC 9728, which anybody may read."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_steward.callers import READ_SCOPE, WRITE_SCOPE

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


def metadata_path(resource: str) -> str:
    """RFC 9728 puts the well-known path between a resource's host and its own path."""
    return WELL_KNOWN + urlsplit(resource).path.rstrip("/")


def metadata_url(resource: str) -> str:
    url = urlsplit(resource)
    return f"{url.scheme}://{url.netloc}{metadata_path(resource)}"


class ResourceMetadata:
    """ASGI middleware that answers for the document's two paths, in front of those who ask for a token."""

    def __init__(self, app: ASGIApp, issuer: str, resource: str) -> None:
        self._app = app
        self._paths = {WELL_KNOWN, metadata_path(resource)}
        self._document = {
            "resource": resource,
            "authorization_servers": [issuer],
            "scopes_supported": [READ_SCOPE, WRITE_SCOPE],
            "bearer_methods_supported": ["header"],
            "resource_name": "LiteLLM Steward",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in self._paths:
            answer = JSONResponse(self._document, headers={"Cache-Control": "max-age=300"})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)
