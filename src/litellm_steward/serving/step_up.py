"""A scope for each tool: a call that changes something needs a token that may write.

The answer must be an HTTP 403 for a client to get such a token and try again, so the call is looked
for in the request's body. The server refuses as well, by what it really runs; this one only says it
in the way that clients understand.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_steward.callers import READ_SCOPE, WRITE_SCOPE, Principal
from litellm_steward.serving.gate import insufficient_scope
from litellm_steward.serving.hearing import again, body_of


class StepUp:
    """ASGI middleware: 403 ``insufficient_scope`` for a call of one of these tools with a token that may only read."""

    def __init__(self, app: ASGIApp, changing: Collection[str], metadata_url: str, max_body: int) -> None:
        self._app, self._changing = app, frozenset(changing)
        self._metadata_url, self._max_body = metadata_url, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or Principal.of(scope).has(WRITE_SCOPE):
            await self._app(scope, receive, send)
            return
        heard = [message async for message in body_of(receive, self._max_body)]
        if called_tools(b"".join(message.get("body", b"") for message in heard)) & self._changing:
            refusal = insufficient_scope((READ_SCOPE, WRITE_SCOPE), self._metadata_url)
            await refusal(scope, receive, send)
            return
        await self._app(scope, again(heard, receive), send)


def called_tools(body: bytes) -> set[str]:
    """The tools that a message, or a batch of them, calls."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return set()  # not for us to answer
    messages = found if isinstance(found, list) else [found]
    return {
        message["params"]["name"]
        for message in messages
        if isinstance(message, dict)
        and message.get("method") == "tools/call"
        and isinstance(message.get("params"), dict)
        and isinstance(message["params"].get("name"), str)
    }
