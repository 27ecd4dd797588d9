"""How much one caller may ask for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from litellm_steward.callers import Principal
from litellm_steward.serving import limits
from litellm_steward.serving.limits import Buckets, Throttle, address_of, caller_name


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_a_burst_and_fills_up_again() -> None:
    clock = Clock()
    buckets = Buckets(rate=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert buckets.take("a") == 0.25, "what was refused has cost nothing"
    assert buckets.take("b") == 0, "others have buckets of their own"
    clock.now += 0.25
    assert buckets.take("a") == 0
    clock.now += 3600
    assert [buckets.take("a") for _ in range(4)][:3] == [0, 0, 0]
    assert buckets.take("a") > 0, "no more than a burst is saved up"


def test_buckets_take_no_more_memory_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 3)
    buckets = Buckets(rate=1, burst=1, clock=Clock())
    for name in "abcab":
        buckets.take(name)
    assert buckets.take("d") == 0
    assert [buckets.take("a") > 0, buckets.take("b") > 0, buckets.take("d") > 0] == [True, True, True]


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8::1", 5), "2001:db8::/64"),
        (("2001:db8::ffff:2", 5), "2001:db8::/64"),
        (("fe80::1%eth0", 5), "fe80::/64"),
        (("/a/socket", 0), ""),
        (None, ""),
    ],
)
def test_a_caller_without_credentials_is_an_address(client: tuple[str, int] | None, name: str) -> None:
    scope: Scope = {"type": "http", "client": client}
    assert address_of(scope) == name
    assert caller_name(scope) == name
    Principal("alex", "oauth:alex").enter(scope)
    assert caller_name(scope) == "oauth:alex@"


async def _answers(throttle: Throttle, *who: str, place: str = "") -> list[asyncio.Task[list[Message]]]:
    async def one(identity: str) -> list[Message]:
        sent = list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope: dict[str, Any] = {"type": "http", "client": None, "headers": []}
        Principal(identity, identity, proven=place or identity).enter(scope)
        await throttle(scope, receive, send)
        return sent

    tasks = [asyncio.create_task(one(identity)) for identity in who]
    await asyncio.sleep(0.01)
    return tasks


@pytest.mark.asyncio
async def test_what_is_open_at_the_same_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AT_ONCE", 3)
    monkeypatch.setattr(limits, "AT_ONCE_OF_ONE", 2)
    end = asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await end.wait()
        await send({"type": "http.response.start", "status": 200})

    throttle = Throttle(app, rate=1000)
    tasks = await _answers(throttle, "a", "a", "a", "b", "c")
    end.set()
    statuses = [(await task)[0]["status"] for task in tasks]
    assert statuses == [200, 200, 429, 200, 429], "one's third, and everybody's fourth"
    (again,) = await _answers(throttle, "a")
    assert (await again)[0]["status"] == 200


@pytest.mark.asyncio
async def test_a_request_that_fails_is_over() -> None:
    async def app(*_: object) -> None:
        raise OSError

    throttle = Throttle(app, rate=1000)
    (task,) = await _answers(throttle, "a")
    with pytest.raises(OSError):  # noqa: PT011 - that it comes through
        await task
    assert throttle._open.total() == 0


@pytest.mark.asyncio
async def test_made_up_keys_are_limited_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy, not the steward, knows whether a LiteLLM key is one: whoever sends many is still one place."""
    monkeypatch.setattr(limits, "AT_ONCE_OF_ONE_PLACE", 2)
    end = asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await end.wait()
        await send({"type": "http.response.start", "status": 200})

    throttle = Throttle(app, rate=1000)
    tasks = await _answers(throttle, "one key", "another", "a third", place="here")
    tasks += await _answers(throttle, "a fourth", place="there")
    end.set()
    assert [(await task)[0]["status"] for task in tasks] == [200, 200, 429, 200]
    assert throttle._open_places.total() == 0


@pytest.mark.asyncio
async def test_made_up_keys_have_no_more_than_two_keys_rate() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    throttle = Throttle(app, rate=10)
    tasks = await _answers(throttle, *(f"key {number}" for number in range(100)), place="here")
    served = [(await task)[0]["status"] for task in tasks].count(200)
    assert 40 <= served <= 45
    (other,) = await _answers(throttle, "mine", place="there")
    assert (await other)[0]["status"] == 200
