"""Spend reports: any scope, one or two dimensions, compared with the period before, complete as CSV."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import Field

from litellm_steward import spending
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import InvalidArgument
from litellm_steward.periods import Period, resolve_period
from litellm_steward.progress import one_of
from litellm_steward.references.keys import resolve_key
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import resolve_customer, resolve_user
from litellm_steward.reports import as_csv
from litellm_steward.spending import COMPANY, Subject, label_gone_users, spend_by
from litellm_steward.steward import Steward
from litellm_steward.text import clean
from litellm_steward.tools.blocks import TOP, rounded, usage_rows
from litellm_steward.tools.parameters import NAME, EndDate, KeyRef, PeriodParam, StartDate, TeamRef, Top, UserRef
from litellm_steward.tools.spend_views import Comparison, CsvReport, DriverRow, SpendReport
from litellm_steward.tools.view import StewardContext, steward_of
from litellm_steward.usage.changes import Changes, what_changed
from litellm_steward.usage.company import PAGE, Dimension, Spend
from litellm_steward.usage.figures import DUST, Figures, apportion, quantum_for
from litellm_steward.usage.models import NOT_KNOWN
from litellm_steward.usage.report import key_name

COMPLETE: Final = 10_000
"""Rows of a CSV; what a longer list leaves out is its last row."""


async def spend_report(
    ctx: StewardContext,
    group_by: Annotated[list[Dimension], Field(min_length=1, max_length=2, description="One dimension, or two")],
    period: PeriodParam = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    user: UserRef | None = None,
    team: TeamRef | None = None,
    key: KeyRef | None = None,
    customer: Annotated[str | None, Field(max_length=NAME, description="Customer id")] = None,
    tag: Annotated[str | None, Field(max_length=NAME, description="Exact tag")] = None,
    compare: Annotated[Literal["previous"] | None, Field(description="With the period before, equally long")] = None,
    top: Top = TOP,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["table", "csv"], Field(description="csv: also the complete table, as a resource")
    ] = "table",
) -> SpendReport:
    """Who spent what: the whole company, or one user, team, key, customer or tag, by one or two dimensions.

    Totals are exact for whole UTC days. compare=previous adds the change and what drove it, largest first.
    """
    steward = steward_of(ctx)
    days = resolve_period(period, start_date, end_date)
    subject, notes = await _subject(
        steward.proxy, {"user": user, "team": team, "key": key, "customer": customer, "tag": tag}
    )
    most = COMPLETE if format == "csv" else PAGE
    parts = 1 if compare is None else 2
    ask = partial(spend_by, steward.proxy, subject, group_by, most=most)
    spend = await ask(days, progress=one_of(ctx.report_progress, 0, parts))
    compared = None
    if compare is not None:
        before = await ask(days.previous(), progress=one_of(ctx.report_progress, 1, parts))
        changes = await _changes(steward.proxy, subject, group_by, before, spend, top)
        compared = _comparison(before, spend, changes)
        notes += list(changes.notes)
        notes += [note for note in before.notes if NOT_KNOWN in note and note not in spend.notes]
    if group_by == ["user"]:
        spend = replace(spend, rows=await label_gone_users(steward.proxy, spend.rows, top))
    figures = spend.total
    return SpendReport(
        start_date=days.start_date,
        end_date=days.end_date,
        of=subject.name,
        group_by=list(group_by),
        spend=rounded(figures.spend),
        total_tokens=figures.total_tokens,
        prompt_tokens=figures.prompt_tokens,
        completion_tokens=figures.completion_tokens,
        api_requests=figures.api_requests,
        successful_requests=figures.successful_requests,
        failed_requests=figures.failed_requests,
        rows=usage_rows(spend.rows, figures, top) or [],
        compared=compared,
        csv=_csv(steward, spend, group_by) if format == "csv" else None,
        source=list(spend.source),
        notes=[*notes, *spend.notes],
    )


async def _subject(proxy: Proxy, given: dict[str, str | None]) -> tuple[Subject, list[str]]:
    """The one thing the report is about; without any it is about everything."""
    chosen = [(kind, value.strip()) for kind, value in given.items() if value is not None]
    if len(chosen) > 1:
        names = " and ".join(kind for kind, _ in chosen)
        raise InvalidArgument(
            f"Give one of user, team, key, customer and tag, not {names}: the proxy's rollups do not cross them"
        )
    if not chosen:
        return COMPANY, []
    kind, value = chosen[0]
    if kind == "user":
        user = await resolve_user(proxy, value)
        return Subject("user", user.item.user_id, clean(user.item.user_id)), list(user.notes)
    if kind == "team":
        team = await resolve_team(proxy, value)
        return Subject("team", team.item.team_id, clean(team.item.name)), list(team.notes)
    if kind == "key":
        found = await resolve_key(proxy, value)
        return Subject("key", found.item.token, key_name(found.item.token, found.item.key_alias)), list(found.notes)
    if kind == "customer":
        customer = await resolve_customer(proxy, value)
        return Subject("customer", customer.item.user_id, clean(customer.item.user_id)), []
    if not value or "," in value:
        raise InvalidArgument("tag must be one tag, without a comma")
    return Subject("tag", value, f"tag {clean(value)}"), []


async def _changes(
    proxy: Proxy, subject: Subject, group_by: list[Dimension], before: Spend, after: Spend, top: int
) -> Changes:
    """Lists of keys, and of the whole company's users, can be cut; what they leave out is looked up."""
    cut = [subject.kind, *group_by] in ([None, "user"], [None, "key"], ["team", "key"], ["user", "key"])

    async def lookup(ref: str, spend: Spend) -> Figures:
        return await spending.figures_of_one(proxy, subject, group_by[0], ref, spend.period)

    return await what_changed(before, after, top, lookup if cut else None)


def _comparison(before: Spend, after: Spend, changes: Changes) -> Comparison:
    """Drivers and their rest, rounded so that they add up to the change."""
    start, end = rounded(before.total.spend), rounded(after.total.spend)
    change = Decimal(str(end)) - Decimal(str(start))
    rest = changes.others or abs(changes.rest) >= DUST
    parts = [item.spend for item in changes.largest] + ([changes.rest] if rest else [])
    step = min(quantum_for(amount) for amount in (change, before.total.spend, after.total.spend))
    shown = apportion(parts, change, step) if parts else []
    rows = [
        DriverRow(
            name=item.name,
            change=float(part),
            spend=rounded(item.after.spend),
            previous_spend=rounded(item.before.spend),
        )
        for item, part in zip(changes.largest, shown, strict=False)
    ]
    if rest and shown[-1]:
        name = f"other ({changes.others})" if changes.others else "other"
        rows.append(DriverRow(name=name, change=float(shown[-1]), rest=True))
    period: Period = before.period
    return Comparison(
        start_date=period.start_date,
        end_date=period.end_date,
        spend=start,
        change=float(change),
        change_percent=round(100 * float(change) / start, 1) if start else None,
        drivers=rows,
    )


def _csv(steward: Steward, spend: Spend, group_by: list[Dimension]) -> CsvReport:
    """Every row, unrounded, with what the list leaves out as its last one."""
    rows = usage_rows(spend.rows, spend.total, COMPLETE) or []
    header = [" / ".join(group_by), "id", "spend_usd", "total_tokens", "api_requests"]
    content = as_csv(
        header,
        ((r.name, r.id or "", r.spend, r.total_tokens, r.api_requests) for r in rows),
    )
    return CsvReport(uri=steward.reports.keep(content), rows=len(rows), complete=not spend.rows.unlisted)
