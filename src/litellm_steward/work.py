"""The calls that are under way in this process: what a process that is told to stop finishes before it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio

STOPPING: Final = (
    "The steward is being stopped or restarted and takes no more calls. Nothing was done. Call again in a moment."
)

BROKEN_OFF: Final = (
    "The steward was stopped before this call was finished. What it changes may or may not have been done: look before "
    "you call again."
)


class Work:
    """Counts calls from the moment they are heard until their answers are handed over."""

    def __init__(self) -> None:
        self.is_stopping = False
        """New calls are refused with ``STOPPING``."""
        self.ended = anyio.Event()
        """There is nothing left to wait for: streams that stay open for more can be closed."""
        self._running = 0
        self._changed = anyio.Event()
        self._given_up = False

    def begin(self) -> None:
        self._running += 1

    def end(self, calls: int = 1) -> None:
        self._running -= calls
        self._changed.set()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        self.begin()
        try:
            yield
        finally:
            self.end()

    def give_up(self) -> None:
        """Do not wait any longer."""
        self._given_up = True
        self._changed.set()

    async def cancel_at_end(self, scope: anyio.CancelScope) -> None:
        """End what would go on after ``finish``."""
        await self.ended.wait()
        scope.cancel()

    async def finish(self, seconds: float) -> int:
        """Take no more, wait for what runs, and return how much of it is left: after ``seconds``, or when given up."""
        self.is_stopping = True
        with anyio.move_on_after(seconds):
            while self._running and not self._given_up:
                self._changed = anyio.Event()
                await self._changed.wait()
        self.ended.set()
        return self._running
