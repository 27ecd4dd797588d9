"""Result blocks that several tools share: budget, limits, usage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

from litellm_steward.api.budget import Budgeted, BudgetTable
from litellm_steward.budgets import budget_label
from litellm_steward.text import count, money, money_digits, table
from litellm_steward.tools.view import Id, Name, View
from litellm_steward.usage.figures import Figures, apportion, column, quantum_for, total
from litellm_steward.usage.report import Breakdown, Group, Usage

TOP: Final = 5
CENT: Final = 0.005
TEAM_KEYS_UNBOUND: Final = "this budget does not bind keys that belong to a team"


class BudgetBlock(View):
    """USD. ``spend`` is what the proxy has booked in the current budget window."""

    max_budget: float | None = None
    spend: float
    remaining: float | None = None
    used_percent: float | None = None
    budget_duration: Name | None = None
    budget_reset_at: str | None = None
    applies_to: str | None = None

    def line(self) -> str:
        if self.max_budget is None:
            return f"No budget; {money(self.spend)} spent so far"
        left = self.remaining or 0
        rest = f"{money(left)} left" if left >= 0 else f"{money(-left)} over"
        resets = f", resets {spoken_time(self.budget_reset_at)}" if self.budget_reset_at else ""
        label = budget_label(self.budget_duration)
        return f"{label} {money(self.max_budget)}: {money(self.spend)} spent, {rest}{resets}"


class LimitsBlock(View):
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    max_parallel_requests: int | None = None

    def line(self) -> str:
        """``Limits: 60 requests a minute, 10,000 tokens a minute``."""
        parts = [
            f"{count(self.rpm_limit, 'request')} a minute" if self.rpm_limit is not None else "",
            f"{count(self.tpm_limit, 'token')} a minute" if self.tpm_limit is not None else "",
            f"{count(self.max_parallel_requests)} at once" if self.max_parallel_requests is not None else "",
        ]
        return f"Limits: {', '.join(part for part in parts if part)}"


class UsageRow(View):
    """``id`` where the name is not a handle; ``rest`` where the row is what the others leave of the total."""

    name: Name
    id: Id | None = None
    spend: float
    total_tokens: int
    api_requests: int
    share_percent: float | None = None
    rest: bool | None = None


class UsageBlock(View):
    """Usage in whole UTC days. Each breakdown adds up to the total."""

    start_date: str
    end_date: str
    spend: float
    total_tokens: int
    prompt_tokens: int
    completion_tokens: int
    api_requests: int
    successful_requests: int
    failed_requests: int
    by_model: list[UsageRow] | None = None
    by_key: list[UsageRow] | None = None
    by_user: list[UsageRow] | None = None
    by_day: list[UsageRow] | None = None
    source: list[str]
    notes: list[str]

    def line(self) -> str:
        """``2026-11-21 (UTC): $0.85, 12,450 tokens, 45 requests (1 failed)``."""
        span = self.start_date if self.start_date == self.end_date else f"{self.start_date} to {self.end_date}"
        tokens = count(self.total_tokens, "token")
        failed = f" ({count(self.failed_requests)} failed)" if self.failed_requests else ""
        return f"{span} (UTC): {money(self.spend)}, {tokens}, {count(self.api_requests, 'request')}{failed}"


def iso(moment: datetime | None) -> str | None:
    """``2026-11-22T00:00:00Z``, of a time in UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment is not None else None


def spoken_time(moment: str) -> str:
    """``2026-11-22 00:00 UTC``."""
    return f"{moment[:10]} {moment[11:16]} UTC"


WIDE: Final = Context(prec=400)
"""A budget may be any number that somebody thought of; ``Decimal`` by itself stops at 28 digits."""


def rounded(usd: Decimal | float) -> float:
    """USD as a JSON number, without the noise of summed floats."""
    amount = Decimal(str(usd))
    return float(amount.quantize(quantum_for(amount), context=WIDE))


def budget_block(
    row: Budgeted | BudgetTable, *, spend: float | None = None, applies_to: str | None = None
) -> BudgetBlock:
    """The budget of a row, as the proxy stored it. ``spend`` for rows that keep it elsewhere."""
    spent = row.spend if isinstance(row, Budgeted) else 0
    spent = rounded(spent if spend is None else spend)
    limit = row.max_budget
    return BudgetBlock(
        max_budget=limit,
        spend=spent,
        remaining=rounded(limit - spent) if limit is not None else None,
        used_percent=round(100 * spent / limit, 1) if limit else None,
        budget_duration=row.budget_duration,
        budget_reset_at=iso(row.budget_reset_at),
        applies_to=applies_to if limit is not None else None,
    )


def window_note(budget: BudgetBlock, usage: UsageBlock) -> list[str]:
    """Said where the two spends are of different times and differ: neither is wrong."""
    if budget.max_budget is None or abs(budget.spend - usage.spend) < CENT:
        return []
    since = "since its last reset" if budget.budget_duration else "since the beginning: it never resets"
    days = usage.start_date if usage.start_date == usage.end_date else f"{usage.start_date} to {usage.end_date}"
    return [f"The budget counts spend {since}, the usage {days}."]


def limits_block(row: Budgeted | BudgetTable) -> LimitsBlock | None:
    """The limits of a row, if it has any."""
    given = LimitsBlock(
        rpm_limit=row.rpm_limit, tpm_limit=row.tpm_limit, max_parallel_requests=row.max_parallel_requests
    )
    return given if given != LimitsBlock() else None


def usage_block(usage: Usage, top: int = TOP) -> UsageBlock:
    """A usage report with at most ``top`` rows a breakdown; the rest is one row, so that rows add up."""
    figures = usage.total
    return UsageBlock(
        start_date=usage.period.start_date,
        end_date=usage.period.end_date,
        spend=rounded(figures.spend),
        total_tokens=figures.total_tokens,
        prompt_tokens=figures.prompt_tokens,
        completion_tokens=figures.completion_tokens,
        api_requests=figures.api_requests,
        successful_requests=figures.successful_requests,
        failed_requests=figures.failed_requests,
        by_model=usage_rows(usage.by_model, figures, top),
        by_key=usage_rows(usage.by_key, figures, top),
        by_user=usage_rows(usage.by_user, figures, top),
        by_day=usage_rows(usage.by_day, figures, top) if usage.period.days > 1 else None,
        source=list(usage.source),
        notes=list(usage.notes),
    )


def usage_rows(breakdown: Breakdown | None, whole: Figures, top: int) -> list[UsageRow] | None:
    """At most ``top`` rows and one for the rest; together exactly the total."""
    if breakdown is None or whole.is_nothing:
        return None
    groups = shown(breakdown, whole, top)
    spends = apportion([g.figures.spend for g in groups], whole.spend, quantum_for(whole.spend))
    shares = apportion(
        [100 * g.figures.spend / whole.spend if whole.spend else Decimal(0) for g in groups],
        Decimal(100),
        Decimal("0.1"),
    )
    return [
        UsageRow(
            name=group.name,
            id=group.id,
            spend=float(spend),
            total_tokens=group.figures.total_tokens,
            api_requests=group.figures.api_requests,
            share_percent=float(share) if whole.spend else None,
            rest=group.rest or None,
        )
        for group, spend, share in zip(groups, spends, shares, strict=True)
    ]


def shown(breakdown: Breakdown, whole: Figures, top: int) -> list[Group]:
    """The first ``top`` groups, and what is left of the total as ``other (n)``."""
    first = list(breakdown.groups[:top])
    rest = whole - total(group.figures for group in first)
    others = len(breakdown.groups) - len(first) + breakdown.unlisted
    if others or not rest.is_nothing:
        first.append(Group(f"other ({others})" if others else "other", rest, rest=True))
    return first


def usage_table(title: str, rows: list[UsageRow] | None, whole: float) -> str | None:
    """A breakdown as a table whose printed money adds up to the printed total."""
    if not rows:
        return None
    spends = [Decimal(str(row.spend)) for row in rows]
    digits = money_digits(whole)
    money_column = column(spends, Decimal(str(whole)), Decimal(1).scaleb(-digits), rest=bool(rows[-1].rest))
    cells = [
        [
            row.name,
            f"${spend:,.{digits}f}",
            f"{row.share_percent:.0f} %" if row.share_percent is not None else "-",
            count(row.total_tokens),
            count(row.api_requests),
        ]
        for row, spend in zip(rows, money_column, strict=True)
    ]
    return table([title, "spend", "share", "tokens", "requests"], cells)


def plan_text(plan: Sequence[str] | None, approval: str | None) -> str:
    """What would happen, and how to go on once somebody agreed to it."""
    return page_of(
        "Agreement is needed first; nothing was changed yet:",
        *(f"- {line}" for line in plan or ()),
        f"Show this to the user; if they agree, call again with approval={approval} (valid 5 minutes, once)",
    )


def page_of(*parts: str | None) -> str:
    """Lines and tables of a text answer; nothing for what is absent."""
    return "\n".join(part for part in parts if part)


def note_lines(*groups: list[str]) -> str | None:
    """``Note: …`` lines, each once."""
    unique = dict.fromkeys(note for group in groups for note in group)
    return "\n".join(f"Note: {note}" for note in unique) or None
