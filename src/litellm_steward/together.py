"""Run independent reads at the same time; the first failure ends them all and comes out as itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, TypeVar, overload

import anyio

from litellm_steward import errors

PATIENCE: Final = 2.0
"""Seconds that a call, or a list of tools, waits for what it can do without."""

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")

Async = Coroutine[Any, Any, A]


@overload
async def together(a: Async[A], b: Async[B], /) -> tuple[A, B]: ...
@overload
async def together(a: Async[A], b: Async[B], c: Async[C], /) -> tuple[A, B, C]: ...
@overload
async def together(a: Async[A], b: Async[B], c: Async[C], d: Async[D], /) -> tuple[A, B, C, D]: ...
@overload
async def together(a: Async[A], b: Async[B], c: Async[C], d: Async[D], e: Async[E], /) -> tuple[A, B, C, D, E]: ...
async def together(*reads: Async[object]) -> tuple[object, ...]:
    """The results, in order. Unlike a task group it raises the error itself, not a group of one."""
    return tuple(await _gather(reads))


async def each(reads: Iterable[Async[A]], *, at_once: int = 8) -> list[A]:
    """The results of many reads of one kind, at most ``at_once`` under way."""
    gate = asyncio.Semaphore(at_once)

    async def gated(read: Async[A]) -> A:
        async with gate:
            return await read

    waiting = list(reads)
    try:
        return await _gather([gated(read) for read in waiting])
    finally:
        for read in waiting:
            read.close()  # those that had not begun when another failed


async def patiently(read: Async[A], otherwise: A, seconds: float = PATIENCE) -> A:
    """What is read, or ``otherwise`` if that fails or takes too long: for what a call can do without."""
    with anyio.move_on_after(seconds), suppress(errors.StewardError):
        return await read
    return otherwise


async def _gather(reads: Iterable[Async[A]]) -> list[A]:
    """In a task group, whose way to cancel lets what is cancelled clean up.

    A cancelled ``asyncio.gather`` is cancelled again and again by anyio, and with it the HTTP client while that
    gives its connection back: the connection is lost to everybody else.
    """
    waiting = list(reads)
    found = dict[int, A]()

    async def keep(number: int, read: Async[A]) -> None:
        found[number] = await read

    failed: Exception | None = None
    try:
        async with anyio.create_task_group() as group:
            for number, read in enumerate(waiting):
                group.start_soon(keep, number, read)
    except ExceptionGroup as failures:
        failed = failures.exceptions[0]
    finally:
        for read in waiting:
            read.close()  # those that had not begun when another failed
    if failed is not None:
        raise failed
    return [found[number] for number in range(len(waiting))]
