"""Keys in somebody's figures that are not theirs now: moved to somebody else, or deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from litellm_steward.api import keys
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.text import count, quote
from litellm_steward.usage import report
from litellm_steward.usage.figures import total
from litellm_steward.usage.report import KeyUsage, Usage

FORMER: Final = " (not theirs now)"


def label_former_keys(usage: Usage, owned: list[Key]) -> Usage:
    """Name the keys that made a user's calls and are not among ``owned``, which are all that the user has now."""
    if usage.by_key is None:
        return usage
    theirs = {key.token for key in owned}
    former = [g for g in usage.by_key.groups if g.ref and g.ref not in theirs and not g.deleted]
    if not former:
        return usage
    groups = [replace(g, name=f"{g.name}{FORMER}") if g in former else g for g in usage.by_key.groups]
    why = "given to somebody else since" if usage.deleted_known else "deleted or given to somebody else since"
    spent = total(group.figures for group in former)
    note = f"{count(len(former), 'key')} {why} made {count(spent.api_requests, 'request')} of this."
    return replace(usage, by_key=replace(usage.by_key, groups=tuple(groups)), notes=(*usage.notes, note))


def marked_deleted(found: dict[str, KeyUsage]) -> frozenset[str]:
    """The keys that the newest release marks as gone."""
    return frozenset(h for h, usage in found.items() if usage.metadata.key_exists is False and h not in report.UNNAMED)


def deleted_note(found: dict[str, KeyUsage], gone: frozenset[str]) -> list[str]:
    if not gone:
        return []
    spent = total(found[key_hash].figures for key_hash in gone)
    owners = sorted({quote(found[h].metadata.user_id or "") for h in gone if found[h].metadata.user_id})
    whose = f" (last owner {', '.join(owners[:3])})" if owners else ""
    return [f"{count(len(gone), 'key')} deleted since made {count(spent.api_requests, 'request')} of this{whose}."]


async def moved_or_deleted(
    proxy: Proxy, found: dict[str, KeyUsage], missing: frozenset[str]
) -> tuple[dict[str, KeyUsage], frozenset[str]]:
    """Keys in the figures that the team or user does not have now: moved elsewhere, or deleted.

    One call for all of them. Its rows come without their hash: a key is known by its alias, which is unique.
    """
    live = await keys.existing(proxy, sorted(missing))
    by_alias = {key.key_alias: key for key in live if key.key_alias}
    moved = set()
    for key_hash in missing:
        usage = found[key_hash]
        key = by_alias.get(usage.metadata.key_alias or "")
        if key is not None and key.deleted_at is None:
            update = {"user_id": key.user_id, "key_alias": key.key_alias or usage.metadata.key_alias}
            found[key_hash] = KeyUsage(usage.figures, usage.metadata.model_copy(update=update))
            moved.add(key_hash)
    return found, missing - moved
