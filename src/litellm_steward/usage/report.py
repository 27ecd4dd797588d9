"""A usage report: a total and its breakdowns, as this product thinks of them (no wire, no view)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from litellm_steward.api.activity import Day, KeyMetadata, booked_key
from litellm_steward.periods import Period, utc_now
from litellm_steward.text import clean, count, quote, short_id
from litellm_steward.usage.figures import NOTHING, Figures, Tally, figures_of
from litellm_steward.usage.models import NO_MODEL, NOT_KNOWN, UNKNOWN_MODEL, models_of, providers_of

NO_OWNER: Final = "(no owner)"
UNASSIGNED: Final = "Unassigned"
"""What the older releases call an empty id of a user or team."""

NO_KEY: Final = "(no key)"
DELETED_KEYS: Final = "(deleted keys)"
UNNAMED: Final = {
    "litellm-internal-health-check": "(health checks)",
    "litellm_proxy_master_key": "(master key)",
    "": NO_KEY,
    "None": NO_KEY,
}
"""What stands where a key's hash should: the proxy's own checks, calls with the master key, calls without any (``None``
on 1.83)."""

NO_MODELS: Final = frozenset({NO_MODEL, NOT_KNOWN, UNKNOWN_MODEL})
"""Rows of a table by model that are no model's."""

EVERY_CALL: Final = "Every call to"
LAG: Final = "Requests of the last seconds may not be booked yet."


@dataclass(frozen=True)
class Group:
    """One row of a breakdown. ``id`` only where the name is not a handle; ``ref`` is what the proxy calls it.

    ``rest`` is true of what the other rows leave of the total.
    """

    name: str
    figures: Figures
    id: str | None = None
    ref: str = ""
    deleted: bool = False
    rest: bool = False


@dataclass(frozen=True)
class Breakdown:
    """Rows by spend, largest first; ``unlisted`` counts groups that the proxy summed but did not list."""

    groups: tuple[Group, ...] = ()
    unlisted: int = 0


@dataclass(frozen=True)
class Usage:
    """Usage of one scope in one period. A breakdown that this release cannot give is ``None``, never empty.

    ``deleted_known`` is False where the release does not tell a deleted key.
    """

    period: Period
    total: Figures
    by_model: Breakdown | None = None
    by_provider: Breakdown | None = None
    by_key: Breakdown | None = None
    by_user: Breakdown | None = None
    by_day: Breakdown | None = None
    source: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    deleted_known: bool = True


@dataclass
class KeyUsage:
    """A key in a breakdown, with what the release knows of it."""

    figures: Figures = NOTHING
    metadata: KeyMetadata = field(default_factory=KeyMetadata)


def ranked(groups: Iterable[Group]) -> tuple[Group, ...]:
    """By spend, then tokens, then requests; names decide between equals so that the order is stable."""
    kept = [group for group in groups if not group.figures.is_nothing]
    return tuple(
        sorted(kept, key=lambda g: (-g.figures.spend, -g.figures.total_tokens, -g.figures.api_requests, g.name))
    )


def by_day(days: Iterable[Day]) -> Breakdown:
    tally = Tally()
    for day in days:
        tally.count(day.date, figures_of(day.metrics))
    return breakdown(tally)


def by_model(days: Iterable[Day]) -> Breakdown:
    """By public model group, else provider model, else ``(no model)``."""
    tally = Tally()
    for day in days:
        tally.count_all(models_of(day))
    return breakdown(tally)


def by_provider(days: Iterable[Day]) -> Breakdown:
    """By LiteLLM's name of the provider, else ``(no provider)``."""
    tally = Tally()
    for day in days:
        tally.count_all(providers_of(day))
    return breakdown(tally)


def keys_of(days: Iterable[Day]) -> dict[str, KeyUsage]:
    """Usage by key hash, where the answer lists every key."""
    found: dict[str, KeyUsage] = {}
    add_keys(found, days)
    return found


def add_keys(found: dict[str, KeyUsage], days: Iterable[Day]) -> None:
    """Add the keys of some days to what was found before."""
    for day in days:
        for key_hash, entry in day.breakdown.api_keys.items():
            usage = found.setdefault(key_hash, KeyUsage())
            usage.figures += figures_of(entry.metrics)
            if entry.metadata.key_alias or usage.metadata == KeyMetadata():
                usage.metadata = entry.metadata


def by_key(keys: dict[str, KeyUsage], deleted: frozenset[str], unlisted: int = 0) -> Breakdown:
    """Keys by alias; a hash stands in only for a key without one."""
    groups = [
        key_group(key_hash, usage.metadata.key_alias, usage.figures, deleted=key_hash in deleted)
        for key_hash, usage in keys.items()
    ]
    return Breakdown(ranked(groups), unlisted)


def key_group(key_hash: str, alias: str | None, figures: Figures, *, deleted: bool) -> Group:
    if key_hash in UNNAMED:
        return Group(UNNAMED[key_hash], figures)
    name = key_name(key_hash, alias)
    handle = None if name == alias else key_hash  # as it is shown, it finds nothing
    return Group(f"{name} (deleted)" if deleted else name, figures, handle, key_hash, deleted)


def key_name(key_hash: str, alias: str | None) -> str:
    """A key's alias, or the beginning of its hash."""
    return clean(alias or "") or f"key {short_id(booked_key(key_hash))}"


def by_user(keys: dict[str, KeyUsage], owners: dict[str, str | None], deleted: frozenset[str]) -> Breakdown:
    """A team's usage by the owner of the key; deleted and ownerless keys in rows of their own."""
    owned, others = Tally(), Tally()
    for key_hash, usage in keys.items():
        if key_hash in deleted or key_hash in UNNAMED:
            others.count(DELETED_KEYS if key_hash in deleted else UNNAMED[key_hash], usage.figures)
        else:
            owned.count(owner_id(owners.get(key_hash) or usage.metadata.user_id), usage.figures)
    return Breakdown(ranked([*owner_groups(owned), *(Group(name, figures) for name, figures in others.items())]))


def by_owner(owned: Tally) -> Breakdown:
    """Usage by the ids of internal users."""
    return Breakdown(ranked(owner_groups(owned)))


def owner_groups(owned: Tally) -> list[Group]:
    return [Group(clean(user_id) or NO_OWNER, f, whole_id(user_id), user_id) for user_id, f in owned.items()]


def owner_id(user_id: str | None) -> str:
    """The id of an internal user as a release tells it; empty for nobody."""
    return "" if user_id is None or user_id == UNASSIGNED else user_id


def whole_id(name: str) -> str | None:
    """An id or name, where it is not shown as it is."""
    return name if clean(name) != name else None


def notes_on(usage_by_model: Breakdown | None, period: Period) -> list[str]:
    """What a careful accountant adds to any report."""
    notes = []
    unpriced = [g for g in (usage_by_model.groups if usage_by_model else ()) if _unpriced(g.figures)]
    if unpriced:
        names = ", ".join(f"{quote(g.name)} ({count(g.figures.total_tokens, 'token')})" for g in unpriced[:3])
        more = f" and {len(unpriced) - 3} more" if len(unpriced) > 3 else ""
        notes.append(f"No price is known for {names}{more}: this usage counts as $0.")
    failing = [g for g in (usage_by_model.groups if usage_by_model else ()) if _only_failed(g)]
    if failing:
        failing.sort(key=lambda g: (-g.figures.failed_requests, g.name))
        names = ", ".join(f"{quote(g.name)} ({count(g.figures.failed_requests)})" for g in failing[:3])
        more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
        notes.append(f"{EVERY_CALL} {names}{more} failed.")
    if any(g.name == NOT_KNOWN for g in (usage_by_model.groups if usage_by_model else ())):
        notes.append(f"For {quote(NOT_KNOWN)} this LiteLLM version does not tell which of several models it was.")
    if period.end >= utc_now().date():
        notes.append(LAG)
    return notes


def _unpriced(figures: Figures) -> bool:
    """Answered, counted and free of charge. Tokens alone prove nothing: failed calls may have some."""
    return figures.successful_requests > 0 and figures.total_tokens > 0 and figures.spend == 0


def _only_failed(group: Group) -> bool:
    """A model that does not exist, most often, or a provider that was down all along."""
    figures = group.figures
    return figures.failed_requests > 0 and not figures.successful_requests and group.name not in NO_MODELS


def breakdown(tally: Tally) -> Breakdown:
    """A tally as rows."""
    return Breakdown(ranked(Group(name, figures, ref=name) for name, figures in tally.items()))
