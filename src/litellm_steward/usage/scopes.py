"""Usage of one key, user, team or customer: which readings it takes and what has to be said about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from litellm_steward.api import activity, teams, users
from litellm_steward.api.activity import Day, KeyRows, Scope
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import TeamInfo
from litellm_steward.api.users import UserInfo
from litellm_steward.errors import RouteMissing
from litellm_steward.periods import Period
from litellm_steward.together import together
from litellm_steward.usage import report
from litellm_steward.usage.figures import Tally, figures_of, total
from litellm_steward.usage.former_keys import deleted_note, label_former_keys, marked_deleted, moved_or_deleted
from litellm_steward.usage.readings import Reading, read_aggregated, read_whole, read_with_keys
from litellm_steward.usage.report import Breakdown, KeyUsage, Usage

KEY_PAGE: Final = 100


async def usage_of_key(proxy: Proxy, key_hash: str, period: Period, *, with_users: bool = True) -> Usage:
    """One key, by model and by day; ``with_users`` also by those whose it was when it was used."""
    reading, users = await together(
        read_aggregated(proxy, "user", period, api_key=key_hash),
        _users_of_key(proxy, key_hash, period) if with_users else _nobody(),
    )
    usage = _plain(reading, period)
    whole = (total(users.values()) - usage.total).is_nothing  # sums of floats, in another order
    return replace(usage, by_user=report.by_owner(users) if whole else None)


async def _nobody() -> Tally:
    return Tally()


async def _users_of_key(proxy: Proxy, key_hash: str, period: Period) -> Tally:
    """A key's usage by user, from the ranked list or one page; nothing where neither tells it whole."""
    tally = Tally()
    try:
        ranked = await activity.top_users(proxy, period, KEY_PAGE, api_key=key_hash)
    except RouteMissing:
        page = await activity.one_page(proxy, "user", period, size=activity.USER_PAGE, api_key=key_hash)
        return _owners(page.results) if page.metadata.total_pages <= 1 and not page.metadata.has_more else tally
    for row in ranked.users:
        tally.count(report.owner_id(row.user_id), figures_of(row))
    return tally


def _owners(days: Iterable[Day]) -> Tally:
    tally = Tally()
    for day in days:
        for user_id, entry in day.breakdown.entities.items():
            tally.count(report.owner_id(user_id), figures_of(entry.metrics))
    return tally


async def usage_of_user(proxy: Proxy, user_id: str, period: Period) -> Usage:
    """One internal user: everything booked under the id, whichever key made the call."""
    reading = await read_aggregated(proxy, "user", period, entity=user_id, keys=KEY_PAGE)
    found = report.keys_of(reading.days)
    unlisted = max((reading.all_keys or 0) - len(found), 0)
    usage = _plain(reading, period)
    gone = marked_deleted(found)
    notes = (*usage.notes, *deleted_note(found, gone))
    by_key = report.by_key(found, gone, unlisted)
    return replace(usage, by_key=by_key, notes=notes, deleted_known=reading.all_keys is not None)


async def user_with_usage(proxy: Proxy, user_id: str, period: Period) -> tuple[UserInfo | None, Usage]:
    """The same, with the user's keys and teams, read at the same time; keys that are not theirs now are named.

    The keys are ``None`` where the proxy does not tell them.
    """
    usage, info = await together(usage_of_user(proxy, user_id, period), users.info(proxy, user_id))
    return info, label_former_keys(usage, info.keys) if info is not None else usage


async def team_with_usage(proxy: Proxy, team_id: str, period: Period) -> tuple[TeamInfo | None, Usage]:
    """One team as it is now, and its usage. The row takes as long as the figures: both are read at the same time."""
    info, read = await together(teams.info(proxy, team_id), read_team(proxy, team_id, period))
    return info, await usage_of_team(proxy, read, period, info.keys if info else [])


@dataclass(frozen=True)
class TeamReading:
    """A team's days, its keys where the release pages them, and the owners' sums where those are too many to list."""

    reading: Reading
    keys: KeyRows | None
    by_user: Breakdown | None = None

    @property
    def unlisted(self) -> int:
        return max(self.keys.total_api_keys - len(self.keys.api_keys), 0) if self.keys else 0


async def read_team(proxy: Proxy, team_id: str, period: Period) -> TeamReading:
    read = TeamReading(*await read_with_keys(proxy, "team", team_id, period, KEY_PAGE))
    return replace(read, by_user=await _team_by_user(proxy, team_id, period)) if read.unlisted else read


async def usage_of_team(proxy: Proxy, read: TeamReading, period: Period, team_keys: list[Key]) -> Usage:
    """One team, by the owner of the key as well. ``team_keys``: the keys it has now, with their owners."""
    usage = _plain(read.reading, period)
    if read.keys is None:
        found = report.keys_of(read.reading.days)
        gone = frozenset(found) - {key.token for key in team_keys} - set(report.UNNAMED)
        found, gone = await moved_or_deleted(proxy, found, gone)
    else:
        found, gone = _listed(read.keys)
    notes = deleted_note(found, gone)
    if read.by_user is not None:
        notes.append("Keys deleted since are counted in by_user with their last owner.")
    by_user = read.by_user or report.by_user(found, {key.token: key.user_id for key in team_keys}, gone)
    by_key = report.by_key(found, gone, read.unlisted)
    return replace(usage, by_key=by_key, by_user=by_user, notes=(*usage.notes, *notes))


async def plain_usage(proxy: Proxy, scope: Scope, entity: str, period: Period) -> Usage:
    """One team or tag: its total, models, providers and days."""
    return _plain(await read_whole(proxy, scope, period, entity=entity), period)


async def usage_of_customer(proxy: Proxy, customer_id: str, period: Period) -> Usage:
    """One customer, by model and by day."""
    reading = await read_whole(proxy, "customer", period, entity=customer_id)
    usage = _plain(reading, period)
    if reading.all_keys is not None:
        return usage  # the key breakdown is capped; a customer's keys are not what is asked
    found = report.keys_of(reading.days)
    return replace(usage, by_key=report.by_key(found, frozenset()))


def _plain(reading: Reading, period: Period) -> Usage:
    """Total, models and days of a reading that covers exactly one scope."""
    by_model = report.by_model(reading.days)
    return Usage(
        period=period,
        total=total(figures_of(day.metrics) for day in reading.days),
        by_model=by_model,
        by_provider=report.by_provider(reading.days),
        by_day=report.by_day(reading.days),
        source=(reading.source,),
        notes=tuple(report.notes_on(by_model, period)),
    )


def _listed(rows: KeyRows) -> tuple[dict[str, KeyUsage], frozenset[str]]:
    found = {row.api_key: KeyUsage(figures_of(row.metrics), row.metadata) for row in rows.api_keys}
    return found, marked_deleted(found)


async def _team_by_user(proxy: Proxy, team_id: str, period: Period) -> Breakdown:
    """By owner for a team with more keys than can be listed: the proxy's own sum."""
    tally = Tally()
    for row in await activity.team_by_user(proxy, team_id, period):
        tally.count(report.owner_id(row.user_id), figures_of(row))
    return report.by_owner(tally)
