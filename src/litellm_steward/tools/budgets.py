"""Budgets that run out: who is near or over theirs, and when it will be used up."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal

from pydantic import Field

from litellm_steward.budget_scan import Holder, Scope, scan
from litellm_steward.burn_rates import Burn, burns, urgency
from litellm_steward.periods import utc_now
from litellm_steward.progress import one_of
from litellm_steward.text import count
from litellm_steward.tools.blocks import TEAM_KEYS_UNBOUND
from litellm_steward.tools.budget_views import BudgetWatch, budget_row, looked
from litellm_steward.tools.view import StewardContext, steward_of

ROWS: Final = 10
WITHOUT_RATE: Final = {
    False: "this proxy does not tell the spend of the last days",
    True: "the spend of the last days could not be read now; ask again",
}
ALL: Final[tuple[Scope, ...]] = ("teams", "users", "keys")


async def budget_watch(
    ctx: StewardContext,
    scope: Annotated[Literal["keys", "teams", "users"] | None, Field(description="Leave out for all three")] = None,
    threshold: Annotated[float, Field(gt=0, le=1000, description="Percent of the budget that is spent")] = 80,
    limit: Annotated[int, Field(ge=1, le=50, description="Rows shown")] = ROWS,
) -> BudgetWatch:
    """Who is near or over budget, most urgent first: spend, what is left, spend per day over the last 7 days, and
    the day it runs out at that rate. Marks what is blocked, expired or about to reset.

    Says how far the search reached where there are too many to look at everyone.
    """
    proxy = steward_of(ctx).proxy
    scopes: tuple[Scope, ...] = (scope,) if scope else ALL
    scans = [
        await scan(proxy, one, threshold / 100, one_of(ctx.report_progress, number, len(scopes)))
        for number, one in enumerate(scopes)
    ]
    found = sorted((holder for result in scans for holder in result.found), key=_rank)
    measured = sorted(await burns(proxy, found[:limit]), key=urgency)
    names = Counter((holder.scope, holder.name) for holder in found)
    now = utc_now()
    return BudgetWatch(
        threshold_percent=threshold,
        rows=[budget_row(b, now, ambiguous=names[b.holder.scope, b.holder.name] > 1) for b in measured],
        looked=[looked(result) for result in scans],
        notes=[*(note for result in scans for note in result.notes), *_notes(found, measured)],
    )


def _rank(holder: Holder) -> tuple[bool, float, float]:
    """Which ones to show: the working ones first, then by the share used, then by the amount."""
    return (holder.stopped is not None, -holder.used, -holder.spend)


def _notes(found: list[Holder], shown: list[Burn]) -> list[str]:
    notes = []
    if len(found) > len(shown):
        notes.append(f"{count(len(found) - len(shown), 'row')} more; these have used the largest share.")
    for failed, why in WITHOUT_RATE.items():
        unknown = Counter(burn.holder.scope for burn in shown if burn.per_day is None and burn.failed == failed)
        if unknown:
            whom = ", ".join(f"{count(n, scope[:-1])}" for scope, n in unknown.items())
            notes.append(f"For {whom} {why}: no rate, no day.")
    if any(burn.holder.scope == "users" for burn in shown):
        notes.append(f"Of users: {TEAM_KEYS_UNBOUND}, though their spend counts in it.")
    if shown:
        notes.append("Days are projected from the last 7 days; bookings lag by seconds.")
    return notes
