"""A page of a list in parts, where it is too large to be read.

A few rows with megabytes of metadata must not hide the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from litellm_steward.api.wire import Wire
from litellm_steward.errors import AnswerTooLarge

PAGE: Final = 100
"""Rows of a page."""

_SMALLER: Final = {100: 50, 50: 25, 25: 5, 5: 1}
"""Each divides the one before, so that its pages lie within those of that."""

P = TypeVar("P", bound=Wire)


async def in_parts(read: Callable[[int, int], Awaitable[P]], number: int, rows: str, size: int = PAGE) -> P:
    """Page ``number`` as ``read(number, size)`` gives it, or put together from smaller ones; ``rows`` names its list.

    One after the other: each may be nearly as large as one can be. Raises ``AnswerTooLarge`` if a single row is.
    """
    try:
        return await read(number, size)
    except AnswerTooLarge:
        if size not in _SMALLER:
            raise
    smaller = _SMALLER[size]
    times = size // smaller
    first = await in_parts(read, (number - 1) * times + 1, rows, smaller)
    found = list(getattr(first, rows))
    for part in range((number - 1) * times + 2, number * times + 1):
        more = getattr(await in_parts(read, part, rows, smaller), rows)
        if not more:
            break
        found += more
    return first.model_copy(update={rows: found})
