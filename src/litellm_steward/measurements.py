"""How deployments do: mean latency from the rollups, and health by real calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar

from litellm_steward.api import activity, models
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import Version
from litellm_steward.errors import InvalidArgument, ProxyError
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.periods import Period, utc_now
from litellm_steward.provider_errors import kind_of, may_quote, own_words
from litellm_steward.text import quote, sentence_list
from litellm_steward.together import each

LATENCY_FROM: Final = Version(1, 100, 0)
LATENCY_DAYS: Final = 3
HEALTH_TIMEOUT: Final = 90.0
MOST_CHECKED: Final = 10
AT_ONCE: Final = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Measured(Generic[T]):
    """Findings by name or id, and what limits them."""

    found: Mapping[str, T]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """The outcome of one real call; ``error`` in the provider's words, without keys, where these may be quoted."""

    healthy: bool
    error: str = ""


async def latency(proxy: Proxy, version: Version | None, catalog: ModelCatalog) -> Measured[int]:
    """Mean milliseconds by the deployments' own names over the last days, where the release measures them.

    A wildcard's are those of every name that it takes.
    """
    if version is None or version < LATENCY_FROM:
        return Measured({})
    today = utc_now().date()
    try:
        answer = await activity.of_everybody(proxy, Period(today - timedelta(days=LATENCY_DAYS - 1), today))
    except ProxyError:
        return Measured({}, ("Latency could not be read.",))
    sums: dict[str, tuple[float, int]] = {}
    for day in answer.results:
        for name, entry in day.breakdown.model_groups.items():
            own = _own_name(catalog, name)
            time, calls = sums.get(own, (0.0, 0))
            sums[own] = (time + entry.metrics.total_response_time_ms, calls + entry.metrics.timed_requests)
    return Measured({name: round(time / calls) for name, (time, calls) in sums.items() if calls})


def _own_name(catalog: ModelCatalog, called: str) -> str:
    found = catalog.covering(called)
    return found.through if found.way == "pattern" and found.certain else called


async def health(proxy: Proxy, group: Sequence[Deployment], existing: Sequence[Deployment]) -> Measured[Health]:
    """One real call for each deployment of a group, which its provider bills."""
    if not group:
        return Measured({})
    if len(group) > MOST_CHECKED:
        raise InvalidArgument(
            f"check_health would make {len(group)} calls; it makes at most {MOST_CHECKED}", hint="Name a deployment id."
        )
    answers = await each((models.health(proxy, d.id, timeout=HEALTH_TIMEOUT) for d in group), at_once=AT_ONCE)
    judged = {d.id: _judge(d, answer, existing) for d, answer in zip(group, answers, strict=True)}
    notes = []
    if unknown := [quote(model_id) for model_id, view in judged.items() if view is None]:
        notes.append(f"The health check does not tell about {sentence_list(unknown)}.")
    return Measured({model_id: view for model_id, view in judged.items() if view is not None}, tuple(notes))


def _judge(deployment: Deployment, answer: models.Health, existing: Sequence[Deployment]) -> Health | None:
    """What is said of this deployment; entries without an id speak for it only if they all say the same."""
    good = [e for e in answer.healthy_endpoints if e.model_id in {"", deployment.id}]
    bad = [e for e in answer.unhealthy_endpoints if e.model_id in {"", deployment.id}]
    if bool(good) == bool(bad):
        return None
    if good:
        return Health(healthy=True)
    said = bad[0].error
    return Health(healthy=False, error=own_words(said) if may_quote(deployment, existing) else kind_of(said))
