"""A request is heard to its end before anybody works on it."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from litellm_steward.serving import hearing
from litellm_steward.serving.hearing import Hearing

pytestmark = pytest.mark.asyncio
POST: Scope = {"type": "http", "method": "POST", "headers": []}


async def answered(*messages: Message) -> list[Message]:
    """What is sent for a request of these messages, after which nothing more comes; the app repeats what it hears."""
    coming: Iterator[Message] = iter(messages)
    sent = list[Message]()

    async def receive() -> Message:
        message = next(coming, None)
        if message is None:
            await anyio.sleep_forever()
            raise AssertionError
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await send({"type": "http.response.body", "body": body})

    await Hearing(app, 10)(POST, receive, send)
    return sent


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_whole_request_goes_on_as_it_is() -> None:
    (sent,) = await answered(part(b"a", more=True), part(b"b", more=False))
    assert sent["body"] == b"ab"


async def test_one_that_is_broken_off_wanted_nothing() -> None:
    assert await answered(part(b"a", more=True), {"type": "http.disconnect"}) == []


async def test_one_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "PATIENCE", 0.05)
    start, _ = await answered(part(b"a", more=True))
    assert start["status"] == 408
