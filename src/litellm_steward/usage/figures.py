"""Figures: sums of usage that add up exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from litellm_steward.api.activity import Metrics


@dataclass(frozen=True, slots=True)
class Figures:
    """A sum of usage. Spend is a ``Decimal`` in USD, so that rows add up to their total."""

    spend: Decimal = Decimal(0)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    api_requests: int = 0
    successful_requests: int = 0
    failed_requests: int = 0

    def __add__(self, other: Figures) -> Figures:
        # part by part: some answers add up thousands of these while somebody waits
        return Figures(
            self.spend + other.spend,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.total_tokens + other.total_tokens,
            self.api_requests + other.api_requests,
            self.successful_requests + other.successful_requests,
            self.failed_requests + other.failed_requests,
        )

    def __sub__(self, other: Figures) -> Figures:
        return Figures(
            self.spend - other.spend,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            self.total_tokens - other.total_tokens,
            self.api_requests - other.api_requests,
            self.successful_requests - other.successful_requests,
            self.failed_requests - other.failed_requests,
        )

    @property
    def parts(self) -> tuple[Decimal | int, ...]:
        return (
            self.spend,
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens,
            self.api_requests,
            self.successful_requests,
            self.failed_requests,
        )

    @property
    def is_nothing(self) -> bool:
        """No request, no token, and less spend than a sum of floats can be wrong by."""
        return abs(self.spend) < DUST and not any(self.parts[1:])


DUST: Final = Decimal("1e-9")
NOTHING: Final = Figures()


def figures_of(metrics: Metrics) -> Figures:
    """A wire row's figures. Old rows lack a total of tokens: it is the sum of the two."""
    return Figures(
        spend=metrics.spend,
        prompt_tokens=metrics.prompt_tokens,
        completion_tokens=metrics.completion_tokens,
        total_tokens=metrics.total_tokens or metrics.prompt_tokens + metrics.completion_tokens,
        api_requests=metrics.api_requests,
        successful_requests=metrics.successful_requests,
        failed_requests=metrics.failed_requests,
    )


def total(figures: Iterable[Figures]) -> Figures:
    return sum(figures, NOTHING)


class Tally(dict[str, Figures]):
    """Figures by name, added up as they come."""

    def count(self, name: str, figures: Figures) -> None:
        self[name] = self.get(name, NOTHING) + figures

    def count_all(self, entries: Mapping[str, Figures]) -> None:
        for name, figures in entries.items():
            self.count(name, figures)


def quantum_for(amount: Decimal) -> Decimal:
    """The step in which an amount and its parts are given as JSON numbers: micro-dollars, or finer for little."""
    return Decimal("1e-6") if abs(amount) >= Decimal("0.01") else Decimal("1e-10")


def apportion(parts: list[Decimal], whole: Decimal, quantum: Decimal) -> list[Decimal]:
    """Round parts to ``quantum`` so that they add up to the rounded whole (largest remainders go up)."""
    target = whole.quantize(quantum)
    floors = [part.quantize(quantum, rounding=ROUND_FLOOR) for part in parts]
    missing = int((target - sum(floors, Decimal(0))) / quantum)
    order = sorted(range(len(parts)), key=lambda i: floors[i] - parts[i])
    step = quantum if missing >= 0 else -quantum
    each, more = divmod(abs(missing), len(order) or 1)
    for place, i in enumerate(order):
        floors[i] += step * (each + (place < more))
    return floors


def column(parts: list[Decimal], whole: Decimal, quantum: Decimal, *, rest: bool) -> list[Decimal]:
    """Parts as a table prints them: they add up to the rounded whole.

    Where the last is the ``rest`` of the others, it takes the difference. The others are rounded as they are
    elsewhere, so that an amount reads the same wherever it stands.
    """
    if rest:
        plain = [part.quantize(quantum) for part in parts[:-1]]
        last = whole.quantize(quantum) - sum(plain, Decimal(0))
        if last * parts[-1] > 0 or last == parts[-1].quantize(quantum):
            return [*plain, last]
    return apportion(parts, whole, quantum)
