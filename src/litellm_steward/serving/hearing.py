"""A request is heard to its end before anybody works on it.

A client that goes away before it has said everything wanted nothing. The SDK makes an error of it,
with a line in the log each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litellm_steward.serving.limits import TOO_LARGE_SAID, is_too_large, too_many

PATIENCE: Final = 60.0
"""Seconds for the body of a request."""

SMALL: Final = 8 * 1024
LARGE_IN_ALL: Final = 4 * 1024 * 1024
"""Bytes of all bodies together that are larger than ``SMALL``, until they are answered. Small ones are always heard:
how many there are is bounded by ``Throttle``."""


async def body_of(receive: Receive, max_body: int) -> AsyncIterator[Message]:
    """The messages of a request's body, or as many as are too much."""
    size, more = 0, True
    while more and size <= max_body:
        message = await receive()
        yield message
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def again(heard: Sequence[Message], receive: Receive) -> Receive:
    """What was heard, once more, and then whatever comes."""
    replayed = iter(heard)

    async def replay() -> Message:
        return next(replayed, None) or await receive()

    return replay


class _TooManyLargeOnes(Exception):
    """Others that are large are under way."""


class Hearing:
    """ASGI middleware: a request that is broken off in its body goes no further, and has no answer.

    One that does not come to its end is answered with 408, so that it takes nobody's place for ever; one that is too
    large with 413, and with 429 while others that are large are under way.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app, self._max_body = app, max_body
        self._large = 0
        """Bytes of the bodies that are larger than ``SMALL`` and not answered yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        heard = list[Message]()
        try:
            with anyio.fail_after(PATIENCE):
                await self._hear(receive, heard)
        except TimeoutError:
            await PlainTextResponse("The request did not come in whole.\n", 408)(scope, receive, send)
        except _TooManyLargeOnes:
            await too_many("Too many large requests at the same time.", 1)(scope, receive, send)
        else:
            if is_too_large(b"".join(message.get("body", b"") for message in heard)):
                await PlainTextResponse(f"{TOO_LARGE_SAID}\n", 413)(scope, receive, send)
            elif heard[-1]["type"] == "http.request":
                await self._app(scope, again(heard, receive), send)
        finally:
            self._large -= _counted(heard)

    async def _hear(self, receive: Receive, heard: list[Message]) -> None:
        async for message in body_of(receive, self._max_body):
            before = _counted(heard)
            heard.append(message)
            self._large += _counted(heard) - before
            if _counted(heard) and self._large > LARGE_IN_ALL:
                raise _TooManyLargeOnes


def _counted(heard: Sequence[Message]) -> int:
    size = sum(len(message.get("body", b"")) for message in heard)
    return size if size > SMALL else 0
