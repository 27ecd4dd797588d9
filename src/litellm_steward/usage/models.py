"""By model or provider of a day.

By model: the public model group, else the provider's model, else ``(no model)``.

The newest releases answer that themselves. Older ones list groups and provider models side by side,
and leave out of each what lacks it. So what the provider models do not cover has no model, and what
then remains beside the groups is calls without a group (to unknown models, mostly): the provider
models that make up exactly this rest name it.

Since 1.108 the proxy books a call to a model that it does not know under the provider model
``unknown-model`` and names its group likewise; since 1.109 rows without any model have the group
``unknown-model-group``. Neither is a model that can be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final

from litellm_steward.api.activity import Day
from litellm_steward.text import clean
from litellm_steward.usage.figures import NOTHING, Figures, Tally, figures_of, total

NO_MODEL: Final = "(no model)"
NO_PROVIDER: Final = "(no provider)"
NOT_KNOWN: Final = "(model not known)"
UNKNOWN_MODEL: Final = "(unknown model)"
"""Calls that named a model which the proxy does not know. 1.83 keeps the name."""

_UNKNOWN: Final = "unknown-model"
_STAND_INS: Final[Mapping[str, str]] = {_UNKNOWN: UNKNOWN_MODEL, "unknown-model-group": NO_MODEL}
_MOST_TRIED: Final = 12
"""Provider models among which an exact combination is searched for: 4,095 combinations at the most."""


def models_of(day: Day) -> Tally:
    """One day by model; adds up to the day."""
    named = Tally()
    groups = {name: figures_of(entry.metrics) for name, entry in day.breakdown.model_groups.items()}
    provider = {name: figures_of(entry.metrics) for name, entry in day.breakdown.models.items()}
    stand_ins = _stand_ins(groups, provider)
    for name, figures in groups.items():
        named.count(stand_ins.get(name) or _named(name), figures)
    everything = figures_of(day.metrics)
    rest = everything - total(named.values())
    if rest.is_nothing:
        return named
    without = everything - total(provider.values())
    groupless = rest - without
    chosen = _making_up(groupless, provider) if _is_sum(without) and _is_sum(groupless) else None
    if chosen is None:
        named.count(NOT_KNOWN, rest)
        return named
    for name in chosen:
        named.count(UNKNOWN_MODEL if name == _UNKNOWN else _named(name), provider[name])
    if not without.is_nothing:
        named.count(NO_MODEL, without)
    return named


def providers_of(day: Day) -> Tally:
    """One day by provider; adds up to the day. What has none is ``unknown`` to LiteLLM."""
    named = Tally()
    for name, entry in day.breakdown.providers.items():
        named.count(NO_PROVIDER if name == "unknown" else clean(name) or NO_PROVIDER, figures_of(entry.metrics))
    rest = figures_of(day.metrics) - total(named.values())
    if not rest.is_nothing:
        named.count(NO_PROVIDER, rest)
    return named


def _stand_ins(groups: Mapping[str, Figures], provider: Mapping[str, Figures]) -> Mapping[str, str]:
    """The groups that stand for none, and their names here: all their calls are booked under ``unknown-model``.

    A group that is really called so has a provider model of another name, such as ``openai/unknown-model``.
    """
    found = {name: shown for name, shown in _STAND_INS.items() if name in groups}
    unknown = provider.get(_UNKNOWN, NOTHING)
    return found if _is_sum(unknown - total(groups[name] for name in found)) else {}


def _named(name: str) -> str:
    return clean(name) or NO_MODEL


def _is_sum(figures: Figures) -> bool:
    """Whether it can be a sum of rows: nothing in it is negative."""
    return figures.is_nothing or all(part >= 0 for part in figures.parts[1:])


def _making_up(rest: Figures, provider: dict[str, Figures]) -> tuple[str, ...] | None:
    """The provider models that add up to ``rest``; ``None`` if none do, or several combinations."""
    if rest.is_nothing:
        return ()
    fitting = {name: figures for name, figures in provider.items() if _is_sum(rest - figures)}
    failed = {name: f for name, f in fitting.items() if not f.successful_requests and not f.spend}
    for pool in (fitting, failed):
        if pool and (total(pool.values()) - rest).is_nothing:
            return tuple(pool)
    if len(fitting) > _MOST_TRIED:
        return None
    found = [
        chosen
        for size in range(1, len(fitting) + 1)
        for chosen in combinations(sorted(fitting), size)
        if (total(fitting[name] for name in chosen) - rest).is_nothing
    ]
    return found[0] if len(found) == 1 else None
