"""Real answers, spoilt: other types, no values, numbers beyond all measure, text that hopes to be obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.faults.relay import Act, Exchange

Change = Callable[[Any], Any]


def spoilt(change: Change) -> Act:
    """What the real proxy answers, changed."""

    async def act(exchange: Exchange) -> None:
        real = await exchange.pass_on()
        body = json.dumps(change(json.loads(real.body))).encode()
        await exchange.answer(real.status, body)

    return act


def every_leaf(change: Change) -> Change:
    def changed(value: Any) -> Any:  # noqa: ANN401 - any JSON, here and below
        if isinstance(value, dict):
            return {name: changed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner) for inner in value]
        return change(value)

    return changed


def every_number(change: Change) -> Change:
    return every_leaf(lambda value: change(value) if type(value) in (int, float) else value)


def _of_another_type(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool) or value is None:
        return {"is": value}
    return [value] if isinstance(value, str) else "many"


def _hostile(value: Any) -> Any:  # noqa: ANN401
    return f"\u202e\u200b\x00{value}\ufffe" if isinstance(value, str) else value


def _without_parts(value: Any) -> Any:  # noqa: ANN401
    """Only what is plain is left of an object, and nothing of a list."""
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if not isinstance(inner, list | dict)}
    return []


CHANGES: Final[Mapping[str, Change]] = {
    "other types": every_leaf(_of_another_type),
    "nulls": every_leaf(lambda _: None),
    "missing parts": _without_parts,
    "numbers that are none": every_number(lambda _: float("nan")),
    "enormous numbers": every_number(lambda value: value * 10**30),
    "negative numbers": every_number(lambda value: -1 - value),
    "hostile text": every_leaf(_hostile),
}
SPOILT_ANSWERS: Final[Mapping[str, Act]] = {name: spoilt(change) for name, change in CHANGES.items()}
