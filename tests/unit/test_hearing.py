"""A request is heard to its end before anybody works on it."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from litellm_steward.serving import hearing, limits
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


def request(size: int, *, comma: bool = False) -> Message:
    return part((b"," if comma else b"x") * size, more=False)


@pytest.mark.parametrize("message", [request(300_000), request(20_001, comma=True)], ids=["bytes", "values"])
async def test_one_that_is_too_large_is_not_read(message: Message) -> None:
    sent = list[Message]()

    async def receive() -> Message:
        return message

    async def send(said: Message) -> None:
        sent.append(said)

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    await Hearing(app, limits.MOST_BYTES)(POST, receive, send)
    assert sent[0]["status"] == 413
    assert b"at most 256 KB, and 20,000 values. Nothing was done." in sent[1]["body"]


async def test_large_ones_are_bounded_together_and_small_ones_always_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first waits for its answer, and a second that is still on its way counts as well."""
    monkeypatch.setattr(hearing, "LARGE_IN_ALL", 50_000)
    answer, statuses = anyio.Event(), list[int]()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer.wait()
        await send({"type": "http.response.start", "status": 200})

    middleware = Hearing(app, limits.MOST_BYTES)

    async def ask(size: int) -> None:
        async def receive() -> Message:
            return request(size)

        async def send(said: Message) -> None:
            statuses.extend([said["status"]] if "status" in said else [])

        await middleware(POST, receive, send)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, 40_000)
        tasks.start_soon(ask, 8_000)
        await anyio.wait_all_tasks_blocked()
        await ask(20_000)
        assert statuses == [429]
        answer.set()
    assert statuses == [429, 200, 200]
    await ask(20_000)
    assert statuses[-1] == 200, "answered ones do not count"
