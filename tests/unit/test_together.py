"""Independent reads run at the same time; the first failure ends them and comes out as itself."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from litellm_steward.errors import NotFound
from litellm_steward.together import each, together


async def _after(event: asyncio.Event, value: str) -> str:
    await event.wait()
    return value


@pytest.mark.asyncio
async def test_reads_wait_for_each_other() -> None:
    first, second = asyncio.Event(), asyncio.Event()

    async def release() -> str:
        second.set()
        await first.wait()
        return "c"

    async def unlock() -> str:
        await second.wait()
        first.set()
        return "d"

    assert await together(_after(second, "a"), _after(first, "b"), release(), unlock()) == ("a", "b", "c", "d")


@pytest.mark.asyncio
async def test_a_failure_comes_out_as_itself_and_ends_the_others() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise NotFound("There is none")

    with pytest.raises(NotFound, match="There is none"):
        await together(endless(), fails())
    assert ended == ["endless"]


@pytest.mark.asyncio
async def test_being_cancelled_ends_all_reads() -> None:
    ended: list[int] = []

    async def endless(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    task = asyncio.create_task(each([endless(n) for n in range(3)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.asyncio
async def test_many_reads_keep_their_order_and_a_bound() -> None:
    under_way = most = 0

    async def read(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return number

    assert await each([read(n) for n in range(50)], at_once=4) == list(range(50))
    assert most == 4
    assert await each([]) == []


@pytest.mark.asyncio
async def test_reads_that_had_not_begun_are_closed() -> None:
    async def fails(number: int) -> None:
        await asyncio.sleep(0)
        raise NotFound(f"There is no {number}")

    reads = [fails(n) for n in range(9)]
    with pytest.raises(NotFound, match="There is no 0"):
        await each(reads, at_once=1)
    assert {inspect.getcoroutinestate(read) for read in reads} == {inspect.CORO_CLOSED}
