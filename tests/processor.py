"""What a piece of work costs, told so that a slow or busy machine fails nothing."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_YARDSTICK = 0.06
"""Seconds of the processor that ``_count`` takes on the machine for which limits are meant."""


@dataclass
class Cost:
    """Seconds of the processor, and the most bytes that were held at once, if that was asked for."""

    spent: float = 0.0
    peak: int = 0

    def within(self, seconds: float) -> bool:
        """Whether it would take no longer on the machine for which limits are meant."""
        return self.spent <= seconds or self.spent <= seconds * _slowness()


@contextmanager
def measured(*, memory: bool = False) -> Iterator[Cost]:
    """Measure what is done in the block. Memory costs time of its own."""
    cost = Cost()
    if memory:
        tracemalloc.start()
    started = time.process_time()
    try:
        yield cost
    finally:
        cost.spent = time.process_time() - started
        if memory:
            cost.peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()


def _slowness() -> float:
    """How many times slower than that machine this one is at the moment."""
    started = time.process_time()
    sum(len(str(number)) for number in range(1_000_000))
    return (time.process_time() - started) / _YARDSTICK
