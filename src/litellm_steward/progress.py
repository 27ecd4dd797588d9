"""How far a long reading is, told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Progress = Callable[[float, float, str], Awaitable[None]]
"""Told how much is done, how much there is, and a sentence."""


async def quiet(done: float, in_all: float, message: str) -> None:
    """Nobody wants to know."""


def one_of(progress: Progress, number: int, parts: int) -> Progress:
    """The progress of one part after ``number`` others: the whole never goes back."""

    async def told(done: float, in_all: float, message: str) -> None:
        await progress(number + done / in_all, parts, message)

    return told
