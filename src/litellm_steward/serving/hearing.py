"""A request is heard to its end before anybody works on it.

A client that goes away before it has said everything wanted nothing. The SDK makes an error of it,
with a line in the log each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE: Final = 60.0
"""Seconds for the body of a request."""


async def hear(receive: Receive, max_body: int) -> list[Message]:
    """The request's body, or as much of it as is too much: the transport refuses that by itself."""
    heard, size = list[Message](), 0
    while size <= max_body:
        message = await receive()
        heard.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    return heard


def again(heard: Sequence[Message], receive: Receive) -> Receive:
    """What was heard, once more, and then whatever comes."""
    replayed = iter(heard)

    async def replay() -> Message:
        return next(replayed, None) or await receive()

    return replay


class Hearing:
    """ASGI middleware: a request that is broken off in its body goes no further, and has no answer.

    One that does not come to its end is answered with 408, so that it takes nobody's place for ever.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app, self._max_body = app, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(PATIENCE):
                heard = await hear(receive, self._max_body)
        except TimeoutError:
            await PlainTextResponse("The request did not come in whole.\n", 408)(scope, receive, send)
            return
        if heard[-1]["type"] == "http.request":
            await self._app(scope, again(heard, receive), send)
