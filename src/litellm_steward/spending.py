"""Answering "who spent what": of the company, or of one user, team, key or customer; by one or two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from litellm_steward.api import activity, users
from litellm_steward.api.activity import Scope
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import InvalidArgument, ProxyError, Unsupported
from litellm_steward.periods import Period
from litellm_steward.progress import Progress, quiet
from litellm_steward.text import quote
from litellm_steward.together import each
from litellm_steward.usage import report
from litellm_steward.usage.company import Dimension, Spend, company_by
from litellm_steward.usage.figures import Figures, figures_of, total
from litellm_steward.usage.report import Breakdown, Group, Usage, ranked
from litellm_steward.usage.scopes import plain_usage, team_with_usage, usage_of_customer, usage_of_key, usage_of_user

OUTER: Final[tuple[Dimension, ...]] = ("team", "user", "customer", "tag", "key", "day")
"""Of two dimensions the first in this list is broken down by the other; a model or provider is never broken down."""

OUTER_GROUPS: Final = 10
"""Groups of the outer dimension that are broken down: each is a reading of its own."""

LISTS: Final[tuple[Dimension, ...]] = ("team", "customer", "tag")
"""The proxy takes these for comma-separated lists."""

GONE: Final = " (no such user now)"


@dataclass(frozen=True)
class Subject:
    """Whose spend: everybody's, or that of one user, team, key, customer or tag, by the proxy's own id."""

    kind: Dimension | None = None
    ref: str = ""
    name: str = "All usage"


COMPANY: Final = Subject()


async def spend_by(
    proxy: Proxy, subject: Subject, by: Sequence[Dimension], period: Period, *, most: int, progress: Progress = quiet
) -> Spend:
    """The table; ``most`` groups of a long list are enough."""
    if len(by) == 1:
        return await _by_one(proxy, subject, by[0], period, most, progress)
    return await _by_two(proxy, subject, (by[0], by[1]), period, progress)


async def _by_one(
    proxy: Proxy, subject: Subject, by: Dimension, period: Period, most: int, progress: Progress
) -> Spend:
    if subject.kind is None:
        return await company_by(proxy, by, period, most=most, progress=progress)
    usage = await _usage_of(proxy, subject, by, period)
    rows = _rows(usage, by)
    if rows is None:
        raise Unsupported(
            f"The proxy's rollups do not tell the usage of one {subject.kind} apart by {by}",
            hint="Group by another dimension, or ask about the other side.",
        )
    return Spend(period, usage.total, rows, usage.source, usage.notes)


async def _usage_of(proxy: Proxy, subject: Subject, by: Dimension, period: Period) -> Usage:
    """One subject's usage, without reading more than ``by`` takes."""
    match subject.kind:
        case "user":
            return await usage_of_user(proxy, subject.ref, period)
        case "team" if by in ("user", "key"):
            return (await team_with_usage(proxy, subject.ref, period))[1]
        case "key":
            return await usage_of_key(proxy, subject.ref, period, with_users=by == "user")
        case "customer":
            return await usage_of_customer(proxy, subject.ref, period)
        case "team" | "tag":
            return await plain_usage(proxy, subject.kind, subject.ref, period)
        case _:
            raise AssertionError(subject.kind)


async def label_gone_users(proxy: Proxy, rows: Breakdown, most: int) -> Breakdown:
    """Name the users among the first rows that the proxy does not know now: ``/user/list``, one call."""
    asked = [group.ref for group in rows.groups[:most] if group.ref and "," not in group.ref]
    try:
        gone = set(asked) - {user.user_id for user in await users.by_ids(proxy, asked)}
    except ProxyError:
        return rows  # the figures are worth more than this word beside them
    groups = [replace(g, name=f"{g.name}{GONE}") if g.ref in gone else g for g in rows.groups]
    return replace(rows, groups=tuple(groups))


def _rows(usage: Usage, by: Dimension) -> Breakdown | None:
    return {
        "model": usage.by_model,
        "provider": usage.by_provider,
        "key": usage.by_key,
        "user": usage.by_user,
        "day": usage.by_day,
    }.get(by)


async def _by_two(
    proxy: Proxy, subject: Subject, by: tuple[Dimension, Dimension], period: Period, progress: Progress
) -> Spend:
    """Pairs of the outer dimension's largest groups; what they do not cover is left to the rest."""
    if by[0] == by[1]:
        raise InvalidArgument("group_by takes one dimension, or two different ones")
    outer = next((dimension for dimension in OUTER if dimension in by), None)
    if outer is None:
        raise Unsupported("The proxy's rollups do not cross models with providers", hint="Group by one of them.")
    inner = by[1] if by[0] == outer else by[0]
    if subject.kind is not None and outer != "day":
        raise Unsupported(
            f"The usage of one {subject.kind} can be grouped by one dimension, or by one and day", hint="Group by one."
        )
    first = await _by_one(proxy, subject, outer, period, OUTER_GROUPS, progress)
    groups = [group for group in first.rows.groups if _can_be_asked(outer, group)][:OUTER_GROUPS]
    tables = await each([_inner(proxy, subject, outer, group, inner, period) for group in groups], at_once=4)
    pairs = [
        Group(
            f"{group.name} / {row.name}" if by[0] == outer else f"{row.name} / {group.name}",
            row.figures,
            ref=f"{group.ref}\n{row.ref or row.name}",
        )
        for group, table in zip(groups, tables, strict=True)
        for row in table.rows.groups
    ]
    left = len(first.rows.groups) - len(groups) + first.rows.unlisted
    notes = [f"Pairs are of the {len(groups)} largest by {outer}; the rest is in the last row."] if left else []
    if outer in LISTS and any("," in group.ref for group in first.rows.groups):
        notes.append(f"A {outer} with a comma in its name cannot be asked for: it is in the last row.")
    if hidden := [group.name for group in first.rows.groups if not group.ref]:
        notes.append(f"{' and '.join(map(quote, hidden[:3]))} cannot be broken down: in the last row.")
    told = any(note.startswith(report.EVERY_CALL) for note in first.notes)
    of_pairs = [n for table in tables for n in table.notes if not (told and n.startswith(report.EVERY_CALL))]
    notes += [note for note in dict.fromkeys(of_pairs) if note not in first.notes and note not in notes][:3]
    return replace(first, rows=Breakdown(ranked(pairs), left), notes=(*first.notes, *notes))


def _can_be_asked(outer: Dimension, group: Group) -> bool:
    """Whether one group can be asked for: nobody's usage has no name, and an empty filter means everybody."""
    if outer in LISTS and "," in group.ref:
        return False
    return bool(group.ref)


async def _inner(
    proxy: Proxy, subject: Subject, outer: Dimension, group: Group, inner: Dimension, period: Period
) -> Spend:
    if outer == "day":
        day = Period(*(2 * (period.start.fromisoformat(group.ref),)))
        return await _by_one(proxy, subject, inner, day, OUTER_GROUPS, quiet)
    return await _by_one(proxy, Subject(outer, group.ref, group.name), inner, period, OUTER_GROUPS, quiet)


async def figures_of_one(proxy: Proxy, subject: Subject, kind: Dimension, ref: str, period: Period) -> Figures:
    """The total of one user of the company, or of one key of the company, a team or a user."""
    scope: Scope = "team" if subject.kind == "team" else "user"
    entity, key = (ref, None) if kind == "user" else (subject.ref or None, ref)
    answer = await activity.aggregated(proxy, scope, period, entity=entity, api_key=key)
    return total(figures_of(day.metrics) for day in answer.results)
