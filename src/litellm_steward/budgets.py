"""Budgets and durations: LiteLLM's grammar checked here, because the proxy checks it badly.

The proxy takes ``30dx`` for ``30d``, answers ``zz`` with a 500, and one release resets
``monthly`` every day; so words are translated and anything else is refused before it is sent.
"""

from __future__ import annotations

import math
import re

from litellm_steward.errors import InvalidArgument

_DURATION = re.compile(r"([1-9]\d{0,5})(mo|[smhdw])")
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo", "yearly": "12mo"}
_UNIT = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month"}
_PERIODIC = {
    "1h": "Hourly",
    "24h": "Daily",
    "1d": "Daily",
    "7d": "Weekly",
    "1w": "Weekly",
    "30d": "Monthly",
    "1mo": "Monthly",
}


def normalise_duration(argument: str, value: str | None) -> str | None:
    """``monthly`` becomes ``1mo``, ``30d`` stays; anything the proxy would misread is refused."""
    if value is None:
        return None
    text = value.strip().lower()
    text = _WORDS.get(text, text)
    if not _DURATION.fullmatch(text):
        raise InvalidArgument(
            f"{argument} must be a number and a unit, such as 1h, 7d, 30d or 1mo (s, m = minutes, h, d, w, mo), "
            "or one of hourly, daily, weekly, monthly"
        )
    return text


def check_budget(max_budget: float | None, budget_duration: str | None) -> list[str]:
    """Refuse what is no budget; return notes for what is one but surprising."""
    notes = []
    if max_budget is not None:
        if not math.isfinite(max_budget) or max_budget < 0:
            raise InvalidArgument("max_budget must be 0 or more (US dollars)")
    elif budget_duration is not None:
        notes.append("budget_duration without max_budget limits nothing; it only resets the spend counter.")
    if max_budget and budget_duration is None:
        notes.append("Without budget_duration this budget never resets: it is a lifetime limit.")
    return notes


def budget_label(duration: str | None) -> str:
    """``Daily budget``, ``Budget per 12 hours``, ``Lifetime budget``."""
    if duration is None:
        return "Lifetime budget"
    if duration in _PERIODIC:
        return f"{_PERIODIC[duration]} budget"
    match = _DURATION.match(duration)
    if match is None:
        return "Budget"
    number, unit = int(match[1]), _UNIT[match[2]]
    return f"Budget per {unit}" if number == 1 else f"Budget per {number} {unit}s"
