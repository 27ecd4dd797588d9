"""What drove a change in spend: each group's part of it, largest first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

from litellm_steward.text import money
from litellm_steward.together import each
from litellm_steward.usage.company import Spend
from litellm_steward.usage.figures import NOTHING, Figures
from litellm_steward.usage.report import Group

Lookup = Callable[[str, Spend], Awaitable[Figures]]
"""The exact figures of one group in the period of a table that does not list it."""


@dataclass(frozen=True)
class Change:
    """One group, before and after."""

    name: str
    before: Figures
    after: Figures

    @property
    def spend(self) -> Decimal:
        return self.after.spend - self.before.spend


@dataclass(frozen=True)
class Changes:
    """The largest changes; ``rest`` is what all other groups changed together."""

    largest: tuple[Change, ...]
    rest: Decimal
    others: int
    notes: tuple[str, ...] = field(default=())


async def what_changed(before: Spend, after: Spend, top: int, lookup: Lookup | None) -> Changes:
    """Compare two tables of the same question.

    A table of a large company lists only its largest groups. A group that one table lists and the other
    does not is looked up if it may be among the largest changes, so that no change is made up.
    """
    earlier, later = _by_ref(before), _by_ref(after)
    names = {ref: group.name for ref, group in (*earlier.items(), *later.items())}
    known = [_change(names[ref], earlier.get(ref), later.get(ref), ref) for ref in names]
    known.sort(key=_size)

    async def exact(change: Change, ref: str) -> Change:
        if lookup is not None and ref not in later and after.rows.unlisted:
            return Change(change.name, change.before, await lookup(ref, after))
        if lookup is not None and ref not in earlier and before.rows.unlisted:
            return Change(change.name, await lookup(ref, before), change.after)
        return change

    chosen = await each([exact(change, ref) for change, ref in known[: top * 2]], at_once=4)
    chosen = sorted(chosen, key=lambda change: (-abs(change.spend), change.name))[:top]
    chosen = [change for change in chosen if change.spend]
    whole = after.total.spend - before.total.spend
    unlisted = max(before.rows.unlisted, after.rows.unlisted)
    return Changes(
        largest=tuple(chosen),
        rest=whole - sum((change.spend for change in chosen), Decimal(0)),
        others=max(len(names) - len(chosen), 0) + unlisted,
        notes=_caveat(before, after, chosen),
    )


def _by_ref(spend: Spend) -> dict[str, Group]:
    return {group.ref or group.name: group for group in spend.rows.groups}


def _change(name: str, before: Group | None, after: Group | None, ref: str) -> tuple[Change, str]:
    return Change(name, before.figures if before else NOTHING, after.figures if after else NOTHING), ref


def _size(item: tuple[Change, str]) -> tuple[Decimal, str]:
    return -abs(item[0].spend), item[0].name


def _caveat(before: Spend, after: Spend, chosen: list[Change]) -> tuple[str, ...]:
    """A group that neither table lists cannot have changed by more than the smallest one they list."""
    limits = [s.rows.groups[-1].figures.spend for s in (before, after) if s.rows.unlisted and s.rows.groups]
    bound = max(limits, default=Decimal(0))
    if not chosen or abs(chosen[-1].spend) >= bound:
        return ()
    listed = len(after.rows.groups)
    note = f"Groups outside the largest {listed} are not compared; none of them changed by more than "
    return (f"{note}{money(float(bound))}.",)
