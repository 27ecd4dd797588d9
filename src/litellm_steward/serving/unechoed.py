"""Answers to messages that nobody can read: without the message.

The SDK answers them with pydantic's words, which quote what was sent; a key in a broken message would
come back, and into the logs of whatever stands between.
"""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_QUOTING: Final = ("Validation error:", "Parse error:")


class Unechoed:
    """ASGI middleware: of a 400 in JSON-RPC, what is wrong and not what was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        body = bytearray()

        async def told(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 400:
                start = message
            elif start is None or message["type"] != "http.response.body":
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    answer = without_echo(bytes(body))
                    others = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
                    length = (b"content-length", str(len(answer)).encode())
                    await send({**start, "headers": [*others, length]})
                    await send({"type": "http.response.body", "body": answer})

        await self._app(scope, receive, told)


def without_echo(body: bytes) -> bytes:
    """The same error, its message cut where it begins to quote."""
    try:
        answer: Any = json.loads(body)
        said: Any = answer["error"]["message"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return body
    for sign in _QUOTING:
        if isinstance(said, str) and said.startswith(sign):
            answer["error"]["message"] = f"{sign[:-1]}: not a JSON-RPC message of MCP"
            return json.dumps(answer).encode()
    return body
