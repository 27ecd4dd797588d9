"""What an agent sees of budgets that run out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from litellm_steward.budget_scan import Scan
from litellm_steward.burn_rates import Burn
from litellm_steward.text import clean, count, money, short_id, table
from litellm_steward.tools.blocks import iso, note_lines, page_of, rounded
from litellm_steward.tools.view import Answer, Id, Name, View

SOON = timedelta(hours=24)
ONE = {"keys": "key", "teams": "team", "users": "user"}


class BudgetRow(View):
    """Somebody near or over budget. USD; ``id`` where the name is not a handle."""

    kind: Literal["key", "team", "user"]
    name: Name
    id: Id | None = None
    spend: float
    max_budget: float
    remaining: float
    used_percent: float | None = None
    budget_duration: Name | None = None
    budget_reset_at: str | None = None
    burn_per_day: float | None = None
    runs_out: str | None = None
    marks: list[str] | None = None

    def cells(self) -> list[str]:
        used = f"{self.used_percent:.0f} %" if self.used_percent is not None else "-"
        rate = money(self.burn_per_day) if self.burn_per_day is not None else "unknown"
        marks = ", ".join(self.marks or [])
        return [
            f"{self.kind} {clean(self.name, 60)}",
            money(self.spend),
            money(self.max_budget),
            used,
            rate,
            self.runs_out or "unknown",
            marks or "-",
        ]


class Looked(View):
    """How far the finding reaches. ``complete``: nobody at or over the threshold is missing."""

    scope: Literal["keys", "teams", "users"]
    total: int
    looked_at: int
    complete: bool
    over_budget: int
    near_budget: int


class BudgetWatch(Answer):
    """Everyone near or over budget, most urgent first."""

    threshold_percent: float
    rows: list[BudgetRow]
    looked: list[Looked]
    notes: list[str]

    def text(self) -> str:
        found = [
            f"{part.over_budget + part.near_budget} of {count(part.total, part.scope[:-1])}" for part in self.looked
        ]
        over = sum(part.over_budget for part in self.looked)
        header = ["who", "spent", "budget", "used", "per day", "runs out", "marks"]
        return page_of(
            f"{over} over budget; at {self.threshold_percent:g} % or more: {', '.join(found)}",
            table(header, [row.cells() for row in self.rows]) if self.rows else None,
            note_lines(self.notes),
        )


def budget_row(burn: Burn, now: datetime, *, ambiguous: bool = False) -> BudgetRow:
    """``ambiguous``: another of its kind has the same name, so the id is needed as well."""
    holder = burn.holder
    kind = ONE[holder.scope]
    named = clean(holder.name)
    marks = [str(holder.stopped)] if holder.stopped else []
    if holder.reset_at is not None and holder.reset_at - now <= SOON:
        marks.append("resets within 24 h")
    handle = holder.scope == "users" or (bool(named) and not ambiguous)
    name = named or (holder.row_id if holder.scope == "users" else short_id(holder.row_id))
    return BudgetRow(
        kind=kind,  # type: ignore[arg-type]
        name=name,
        id=None if handle and named in (holder.name, holder.row_id) else holder.row_id,
        spend=rounded(holder.spend),
        max_budget=holder.max_budget,
        remaining=rounded(holder.max_budget - holder.spend),
        used_percent=round(100 * holder.used, 1) if holder.max_budget > 0 else None,
        budget_duration=holder.budget_duration,
        budget_reset_at=iso(holder.reset_at),
        burn_per_day=rounded(burn.per_day) if burn.per_day is not None else None,
        runs_out=burn.runs_out,
        marks=marks or None,
    )


def looked(scan: Scan) -> Looked:
    over = sum(1 for holder in scan.found if holder.used >= 1)
    return Looked(
        scope=scan.scope,
        total=scan.in_all,
        looked_at=scan.seen,
        complete=scan.complete,
        over_budget=over,
        near_budget=len(scan.found) - over,
    )
