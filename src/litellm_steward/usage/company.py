"""The whole company's usage by one dimension.

==========  ============================================  =======================================
by          newest                                        older
==========  ============================================  =======================================
model, day  one aggregated answer                         the team route, in windows of days
provider    one aggregated answer                         the team route, in windows of days
key         the keys that spent most, and the total       the team route, in windows of days
user        the users that spent most, and the total      only if each day fits one page
team        the export, a row for each day and team       the team route, in windows of days
tag         the export                                    the tag route, in windows of days
customer    the export                                    the customer route, in windows of days
==========  ============================================  =======================================

The user and the team rollups hold the same requests: those of keys without a team are booked under
an empty team.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from litellm_steward.api import activity
from litellm_steward.api.activity import Activity, Day, Scope
from litellm_steward.api.proxy import Proxy
from litellm_steward.errors import RouteMissing, Unsupported
from litellm_steward.periods import Period
from litellm_steward.progress import Progress, quiet
from litellm_steward.text import clean
from litellm_steward.together import each, together
from litellm_steward.usage import report
from litellm_steward.usage.figures import Figures, Tally, figures_of, total
from litellm_steward.usage.models import models_of, providers_of
from litellm_steward.usage.readings import windows
from litellm_steward.usage.report import Breakdown, Group, KeyUsage, ranked

Dimension = Literal["user", "team", "key", "model", "provider", "tag", "customer", "day"]
PAGE: Final = 100
"""Rows a page of the newest release's ranked lists."""

DAYS_AT_ONCE: Final = 31

NO_TEAM: Final = "(no team)"

TAGS_OVERLAP: Final = "A request with several tags counts in each of them, automatic User-Agent tags included."
ENTITY: Final[Mapping[str, tuple[Scope, str]]] = {
    "team": ("team", NO_TEAM),
    "tag": ("tag", "(no tag)"),
    "customer": ("customer", "(no customer)"),
}


ROWS_OF_DAYS: Final[Mapping[str, Callable[[Iterable[Day]], Breakdown]]] = {
    "model": report.by_model,
    "provider": report.by_provider,
    "day": report.by_day,
}


@dataclass(frozen=True)
class Spend:
    """A table: its total, its rows by spend, and what has to be said about them."""

    period: Period
    total: Figures
    rows: Breakdown
    source: tuple[str, ...]
    notes: tuple[str, ...] = ()


async def company_by(
    proxy: Proxy, by: Dimension, period: Period, *, most: int = PAGE, progress: Progress = quiet
) -> Spend:
    """The company's usage by ``by``; of users and keys at least the ``most`` that spent most."""
    try:
        return await _newest(proxy, by, period, most)
    except RouteMissing:
        return await _older(proxy, by, period, progress)


async def _newest(proxy: Proxy, by: Dimension, period: Period, most: int) -> Spend:
    if by in ENTITY:
        scope, nobody = ENTITY[by]
        rows = await activity.by_entity(proxy, scope, period)
        entities = Entities()
        for row in rows:
            entities.count(row.entity_id, row.entity_alias, figures_of(row))
        return entities.spend(period, by, nobody, f"/{scope}/daily/activity/export")
    if not activity.has_ranked_lists(proxy):
        await activity.top_users(proxy, Period(period.end, period.end), 1)
    source: tuple[str, ...] = ("/team/daily/activity/aggregated",)
    if by == "user":
        days, (groups, in_all) = await together(_all_days(proxy, period), _ranked_users(proxy, period, most))
        source += ("/user/daily/activity/aggregated/users",)
    elif by == "key":
        days, (groups, in_all) = await together(_all_days(proxy, period), _ranked_keys(proxy, period, most))
        source += ("/user/daily/activity/aggregated/keys",)
    else:
        days = await _all_days(proxy, period)
        groups = ROWS_OF_DAYS[by](days).groups
        in_all = len(groups)
    by_model = report.by_model(days)
    return Spend(
        period=period,
        total=total(figures_of(day.metrics) for day in days),
        rows=Breakdown(tuple(groups), max(in_all - len(groups), 0)),
        source=source,
        notes=tuple(report.notes_on(by_model, period)),
    )


async def _all_days(proxy: Proxy, period: Period) -> list[Day]:
    """A month at a time: a large company has megabytes in each."""
    answers = await each([activity.of_everybody(proxy, window) for window in period.windows(DAYS_AT_ONCE)], at_once=2)
    return [day for answer in answers for day in answer.results]


async def _ranked_users(proxy: Proxy, period: Period, most: int) -> tuple[tuple[Group, ...], int]:
    first = await activity.top_users(proxy, period, min(most, PAGE))
    offsets = range(PAGE, min(most, first.total_users), PAGE)
    pages = [first, *await each([activity.top_users(proxy, period, PAGE, offset) for offset in offsets], at_once=4)]
    owned = Tally()
    for row in (row for page in pages for row in page.users):
        owned.count(report.owner_id(row.user_id), figures_of(row))
    return report.by_owner(owned).groups, first.total_users


async def _ranked_keys(proxy: Proxy, period: Period, most: int) -> tuple[tuple[Group, ...], int]:
    first = await activity.top_keys(proxy, "user", None, period, min(most, PAGE))
    offsets = range(PAGE, min(most, first.total_api_keys), PAGE)
    reads = [activity.top_keys(proxy, "user", None, period, PAGE, offset) for offset in offsets]
    pages = [first, *await each(reads, at_once=4)]
    groups = [
        report.key_group(
            row.api_key,
            row.metadata.key_alias,
            figures_of(row.metrics),
            deleted=row.metadata.key_exists is False and row.api_key not in report.UNNAMED,
        )
        for page in pages
        for row in page.api_keys
    ]
    return ranked(groups), first.total_api_keys


async def _older(proxy: Proxy, by: Dimension, period: Period, progress: Progress) -> Spend:
    if by == "user":
        return await _users_by_day(proxy, period, progress)
    scope, nobody = ENTITY.get(by, ("team", ""))
    folded = Folded()
    async for answer in windows(proxy, scope, period, progress=progress):
        folded.add(answer)
    source = f"/{scope}/daily/activity"
    if by in ENTITY:
        return folded.entities.spend(period, by, nobody, source)
    rows = {
        "model": report.breakdown(folded.by_model),
        "provider": report.breakdown(folded.by_provider),
        "day": report.breakdown(folded.by_day),
        "key": report.by_key(folded.keys, frozenset()),
    }
    return Spend(
        period=period,
        total=total(folded.by_day.values()),
        rows=rows[by],
        source=(source,),
        notes=tuple(report.notes_on(rows["model"], period)),
    )


async def _users_by_day(proxy: Proxy, period: Period, progress: Progress) -> Spend:
    """By user where there is no ranked list: exact as long as each window of days fits one page."""
    folded = Folded()
    try:
        async for answer in windows(proxy, "user", period, progress=progress):
            folded.add(answer)
    except Unsupported as error:
        raise Unsupported(
            "This LiteLLM version cannot tell a company this size apart by user: a day has more rows than it "
            "returns at once, and its pages repeat and skip rows",
            hint="Ask for one user or one team, group by team or key, or upgrade the proxy.",
        ) from error
    by_model = report.breakdown(folded.by_model)
    return Spend(
        period=period,
        total=total(folded.by_day.values()),
        rows=report.by_owner(folded.entities.by_id),
        source=("/user/daily/activity",),
        notes=tuple(report.notes_on(by_model, period)),
    )


@dataclass
class Entities:
    """Figures of teams, tags or customers, with the names that came along."""

    by_id: Tally = field(default_factory=Tally)
    aliases: dict[str, str] = field(default_factory=dict)

    def count(self, entity_id: str, alias: str | None, figures: Figures) -> None:
        entity_id = "" if entity_id == report.UNASSIGNED else entity_id
        self.by_id.count(entity_id, figures)
        if alias:
            self.aliases[entity_id] = alias

    def spend(self, period: Period, by: Dimension, nobody: str, source: str) -> Spend:
        groups = [
            Group(
                clean(self.aliases.get(entity_id) or entity_id) or nobody,
                figures,
                entity_id if self.aliases.get(entity_id) else report.whole_id(entity_id),
                entity_id,
            )
            for entity_id, figures in self.by_id.items()
        ]
        notes = report.notes_on(None, period)
        return Spend(
            period=period,
            total=total(self.by_id.values()),
            rows=Breakdown(ranked(groups)),
            source=(source,),
            notes=(*notes, *((TAGS_OVERLAP,) if by == "tag" else ())),
        )


@dataclass
class Folded:
    """Windows of days, added up as they come; the answers themselves are let go."""

    by_model: Tally = field(default_factory=Tally)
    by_provider: Tally = field(default_factory=Tally)
    by_day: Tally = field(default_factory=Tally)
    keys: dict[str, KeyUsage] = field(default_factory=dict)
    entities: Entities = field(default_factory=Entities)

    def add(self, answer: Activity) -> None:
        for day in answer.results:
            self.by_day.count(day.date, figures_of(day.metrics))
            self.by_model.count_all(models_of(day))
            self.by_provider.count_all(providers_of(day))
            for entity_id, entry in day.breakdown.entities.items():
                self.entities.count(entity_id, entry.metadata.team_alias, figures_of(entry.metrics))
        report.add_keys(self.keys, answer.results)
