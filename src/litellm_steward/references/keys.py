"""``key``: a raw ``sk-…`` key (hashed here), its hash, its masked form, or an alias."""

from __future__ import annotations

from typing import Final

from litellm_steward.api import keys
from litellm_steward.api.keys import Key
from litellm_steward.api.pages import PAGE
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import InvalidArgument, NotFound, Refused, Undecided
from litellm_steward.references.matching import Candidate, Match, label, match, not_found
from litellm_steward.text import (
    hash_key,
    holds_key,
    is_key_hash,
    is_masked_key,
    is_raw_key,
    mask_key,
    masked_tail,
    quote,
)
from litellm_steward.together import each

MOST_SCANNED: Final = 2_000
"""A masked form cannot be filtered for: this many keys are looked through, no more."""


def _candidate(key: Key) -> Candidate[Key]:
    names = (key.key_alias,) if key.key_alias else ()
    return Candidate(key, key.token, names, label(key.key_alias, key.token))


async def resolve_key(proxy: Proxy, reference: str) -> Match[Key]:
    """The key meant, a deleted one included where the proxy still knows it."""
    reference = reference.strip()
    if not reference:
        raise InvalidArgument("key must not be empty")
    if is_masked_key(reference):
        return await _by_mask(proxy, reference)
    if is_raw_key(reference) or is_key_hash(reference.lower()) or hash_key(reference) == proxy.own_key_id():
        return await _by_hash(proxy, reference)
    if holds_key(reference):  # anything but a key would go into a URL
        raise InvalidArgument("key holds a raw key and more; nothing was sent", hint="Give the key alone.")
    return await _by_alias(proxy, reference)


async def _by_hash(proxy: Proxy, reference: str) -> Match[Key]:
    raw = not is_key_hash(reference.lower())  # LiteLLM's own master key may begin with anything
    key_hash = hash_key(reference) if raw else reference.lower()
    key = await keys.info(proxy, key_hash) or await keys.deleted(proxy, key_hash=key_hash)
    if key is None and key_hash == proxy.own_key_id():
        raise Refused(
            "This is the proxy's master key, with which the steward works: it is no virtual key, and no tool reads or "
            "deletes it",
            hint="If it leaked, set another one in the proxy's configuration, restart the proxy, and give it to the "
            "steward.",
        )
    if key is None:
        shown = mask_key(reference) if raw else f"with the hash {key_hash[:8]}…"
        raise NotFound(f"The proxy knows no key {shown}", hint="It may have been deleted already.")
    return Match(key)


async def _by_alias(proxy: Proxy, alias: str) -> Match[Key]:
    """Live keys first: some releases match exactly, some by substring, so what comes is compared."""
    page = await keys.page(proxy, key_alias=alias, substring_matching=True)
    chosen = match("key", alias, map(_candidate, page.keys))
    if page.pages > 1 and (chosen is None or chosen.item.key_alias != alias):
        chosen = match("key", alias, map(_candidate, [*page.keys, *await _called(proxy, alias)]))
    if chosen is not None:
        return chosen
    gone = await keys.deleted_by_alias(proxy, alias)
    if gone:
        latest = max(gone, key=lambda key: str(key.deleted_at))
        several = (f"{len(gone)} deleted keys had this alias; this is the last one deleted.",) if len(gone) > 1 else ()
        return Match(latest, several)
    near = await keys.page(proxy, key_alias=alias[:3], substring_matching=True)
    pool = map(_candidate, [*page.keys, *near.keys])
    raise not_found("key", alias, pool, "A raw key, its hash or its masked form work as well.")


async def _called(proxy: Proxy, alias: str) -> list[Key]:
    """Keys among which is every one with this alias. 1.83.14 also finds those whose alias contains it."""
    first = await keys.page(proxy, key_alias=alias)
    if first.total_count > MOST_SCANNED:
        raise Undecided(f"The aliases of {first.total_count:,} keys contain {quote(alias)}")
    numbers = range(2, first.pages + 1)
    rest = await each([keys.page(proxy, key_alias=alias, number=number) for number in numbers], at_once=4)
    return [key for page in [first, *rest] for key in page.keys]


async def _by_mask(proxy: Proxy, reference: str) -> Match[Key]:
    """Look through the keys for one that ends like this; LiteLLM shows four characters."""
    first = await keys.page(proxy, key_alias=None)
    if first.total_count > MOST_SCANNED:
        raise NotFound(
            f"A masked key cannot be looked up among {first.total_count:,} keys", hint="Use its alias or its hash."
        )
    found = list(first.keys)
    for number in range(2, min(first.pages, MOST_SCANNED // PAGE) + 1):
        found += (await keys.page(proxy, number=number)).keys
    tail = masked_tail(reference)
    alike = [
        Candidate(k, k.token, (reference,), label(k.key_alias, k.token))
        for k in found
        if k.key_name.endswith(tail) or k.key_alias == reference
    ]
    chosen = match("key", reference, alike)
    if chosen is None:
        raise NotFound(f"No key ends in {tail!r}", hint="Use its alias or its hash; it may have been deleted.")
    return Match(
        chosen.item, (*chosen.notes, "Found by the last characters of its masked form: check that it is meant.")
    )
