"""Choosing among candidates, the same for keys, teams, users and models.

An exact match wins if it is unique (with a note if a near twin differs only by case); else a match
that ignores case, if unique. An id wins over a name that imitates it, and not over somebody's e-mail address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nlargest
from typing import Generic, TypeVar

from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import Ambiguous, NotFound
from litellm_steward.text import MAX_ID, clean, named, quote

T = TypeVar("T")
SHOWN = 5
"""How many near misses or candidates an error lists."""

COMPARED = 50
LONGEST_COMPARED = 100
"""How many names are compared letter by letter, and of how many characters: among ten thousand names that are much
alike, that takes many seconds."""


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """Something that could be meant: its id, its other names, and how an error shows it."""

    item: T
    id: str
    names: tuple[str, ...]
    label: str
    handles: tuple[str, ...] = ()
    """Names by which people mean it as surely as by its id, in any case: a user's e-mail address."""

    def meant_by(self, reference: str) -> bool:
        return self.id == reference or any(handle.casefold() == reference.casefold() for handle in self.handles)

    def called(self, reference: str, fold: Callable[[str], str]) -> bool:
        return any(fold(name) == fold(reference) for name in (self.id, *self.names, *self.handles))


@dataclass(frozen=True)
class Match(Generic[T]):
    """What was meant, and what the person should know about how it was found."""

    item: T
    notes: tuple[str, ...] = ()


def label(name: str | None, identifier: str) -> str:
    """``'Customer-Service' (id 4f2a…)``: somebody's words, quoted, with the id to use instead."""
    shown = quote(identifier, MAX_ID)
    return f"{quote(name)} (id {named(clean(identifier, MAX_ID))})" if name and name != identifier else shown


def match(kind: str, reference: str, candidates: Iterable[Candidate[T]]) -> Match[T] | None:
    """The one candidate that ``reference`` names; ``None`` if none does; ``Ambiguous`` if several do.

    ``kind`` is the word for the thing, as in "team".
    """
    pool = list({candidate.id: candidate for candidate in candidates}.values())
    exact = [c for c in pool if c.called(reference, str)]
    alike = [c for c in pool if c.called(reference, str.casefold)]
    meant = [c for c in pool if c.meant_by(reference)]
    chosen = meant or exact or alike
    if not chosen:
        return None
    if len(chosen) > 1:
        raise _ambiguous(kind, reference, chosen)
    others = [c for c in alike if c is not chosen[0]]
    notes: tuple[str, ...] = ()
    if others:
        same = "has the same name" if any(c in exact for c in others) else "is called the same but for case"
        shown = ", ".join(c.label for c in others[:SHOWN])
        notes = (f"Another {kind} {same}: {shown}.",)
    return Match(chosen[0].item, notes)


async def if_given(
    resolve: Callable[[Proxy, str], Awaitable[Match[T]]], proxy: Proxy, reference: str | None
) -> Match[T] | None:
    """What an optional argument names. An empty one is a mistake, not a wish for everything."""
    return await resolve(proxy, reference) if reference is not None else None


def not_found(kind: str, reference: str, pool: Iterable[Candidate[T]], hint: str | None = None) -> NotFound:
    """The error for a reference that names nothing, with up to five near misses."""
    names = {
        name.casefold(): candidate.label
        for candidate in pool
        for name in (candidate.id, *candidate.names, *candidate.handles)
    }
    wanted = reference.casefold()
    close = get_close_matches(wanted, _likely(wanted, names), n=SHOWN * 3, cutoff=0.6)
    close += [name for name in names if len(wanted) >= 3 and wanted in name and name not in close]
    near = tuple(dict.fromkeys(names[name] for name in close))[:SHOWN]
    return NotFound(f"There is no {kind} {quote(reference)}", near=near, hint=hint)


def _likely(wanted: str, names: Iterable[str]) -> list[str]:
    """The names that have most pairs of letters in common with the one that was wanted."""
    if len(wanted) > LONGEST_COMPARED:
        return []
    pairs = _pairs(wanted)
    short = [name for name in names if len(name) <= LONGEST_COMPARED]
    return nlargest(COMPARED, short, key=lambda name: len(pairs & _pairs(name)))


def _pairs(name: str) -> set[str]:
    return {name[start : start + 2] for start in range(len(name) - 1)}


def _ambiguous(kind: str, reference: str, chosen: Sequence[Candidate[T]]) -> Ambiguous:
    shown = tuple(candidate.label for candidate in chosen[:SHOWN])
    more = f" (showing {SHOWN})" if len(chosen) > SHOWN else ""
    imitated = any(candidate.id == reference for candidate in chosen)
    return Ambiguous(
        f"{quote(reference)} names {len(chosen)} {kind}s{more}",
        candidates=shown,
        hint="It is the id of one and a name of another: use another name of the one you mean, or rename one."
        if imitated
        else "Use the id of the one you mean.",
    )
