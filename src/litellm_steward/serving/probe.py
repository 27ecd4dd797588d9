"""``GET /health``: whether this process is alive, for whoever runs it.

A kubelet asks from another address, under the pod's own address as ``Host``, and without a token. So it is answered
before anything that decides about a caller, and tells nothing but that the process answers.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH: Final = "/health"


class Probe:
    """ASGI middleware: answers ``GET`` and ``HEAD`` of ``/health``, and passes on everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == HEALTH and scope["method"] in ("GET", "HEAD"):
            await JSONResponse({"status": "alive"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)
