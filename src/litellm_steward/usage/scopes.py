"""Usage of one key, user, team or customer: which readings it takes and what has to be said about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from litellm_steward.api import activity, customers, keys, spend_logs, teams, users
from litellm_steward.api.activity import Day, KeyRows, Scope
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.spend_logs import Logged, LogPage
from litellm_steward.api.teams import TeamInfo
from litellm_steward.api.users import UserInfo
from litellm_steward.errors import RouteMissing, Unsupported
from litellm_steward.periods import Period
from litellm_steward.text import clean, count, quote
from litellm_steward.together import each, together
from litellm_steward.usage import report
from litellm_steward.usage.figures import Figures, Tally, figures_of, total
from litellm_steward.usage.models import (
    NO_MODEL,
    NO_PROVIDER,
    NOT_KNOWN,
    PROVIDER_NOT_KNOWN,
    models_of,
    providers_of,
)
from litellm_steward.usage.readings import (
    Reading,
    read_aggregated,
    read_pages,
    read_whole,
    read_with_keys,
)
from litellm_steward.usage.report import Breakdown, KeyUsage, Usage

MOST_KEYS: Final = 50
"""Keys of one user that are read one by one, on a release that cannot filter by user."""

KEY_PAGE: Final = 100
KEPT: Final = Decimal("0.99")
"""The part of a day's spend that a log holds which was not cleared: the two are summed in another order."""

DAY_NOT_KNOWN: Final = "(day not known)"
FORMER: Final = " (not theirs now)"
NO_FAILURES: Final = "This LiteLLM version does not book failed calls under their key: they are not counted here."


async def usage_of_key(proxy: Proxy, key_hash: str, period: Period, *, with_users: bool = True) -> Usage:
    """One key, by model and by day; ``with_users`` also by those whose it was when it was used."""
    try:
        reading, users = await together(
            read_aggregated(proxy, "user", period, api_key=key_hash),
            _users_of_key(proxy, key_hash, period) if with_users else _nobody(),
        )
    except RouteMissing:
        reading = await read_pages(proxy, "user", period, api_key=key_hash)
        usage = _plain(reading, period)
        by_user = report.by_owner(_owners(reading.days))
        return replace(usage, by_user=by_user, failures_known=False, notes=(*usage.notes, NO_FAILURES))
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
    try:
        return await _user_by_filter(proxy, user_id, period)
    except RouteMissing:
        return (await _user_by_keys(proxy, user_id, period))[1]


async def user_with_usage(proxy: Proxy, user_id: str, period: Period) -> tuple[UserInfo | None, Usage]:
    """The same, with the user's keys and teams, read at the same time; keys that are not theirs now are named.

    The keys are ``None`` where the proxy does not tell them.
    """
    try:
        usage, info = await together(_user_by_filter(proxy, user_id, period), users.info(proxy, user_id))
    except RouteMissing:
        info, usage = await _user_by_keys(proxy, user_id, period)
    return info, _label_former_keys(usage, info.keys) if info is not None else usage


async def _user_by_filter(proxy: Proxy, user_id: str, period: Period) -> Usage:
    """On releases whose aggregate can be filtered by user; raises ``RouteMissing`` on the others."""
    reading = await read_aggregated(proxy, "user", period, entity=user_id, keys=KEY_PAGE)
    found = report.keys_of(reading.days)
    unlisted = max((reading.all_keys or 0) - len(found), 0)
    usage = _plain(reading, period)
    gone = _deleted(found)
    notes = (*usage.notes, *_deleted_note(found, gone))
    by_key = report.by_key(found, gone, unlisted)
    return replace(usage, by_key=by_key, notes=notes, deleted_known=reading.all_keys is not None)


def _label_former_keys(usage: Usage, owned: list[Key]) -> Usage:
    """Name the keys that made a user's calls and are not among ``owned``, which are all that the user has now."""
    if usage.by_key is None:
        return usage
    theirs = {key.token for key in owned}
    former = [g for g in usage.by_key.groups if g.ref and g.ref not in theirs and not g.deleted]
    if not former:
        return usage
    groups = [replace(g, name=f"{g.name}{FORMER}") if g in former else g for g in usage.by_key.groups]
    why = "given to somebody else since" if usage.deleted_known else "deleted or given to somebody else since"
    spent = total(group.figures for group in former)
    note = f"{count(len(former), 'key')} {why} made {count(spent.api_requests, 'request')} of this."
    return replace(usage, by_key=replace(usage.by_key, groups=tuple(groups)), notes=(*usage.notes, note))


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
        found, gone = await _moved_or_deleted(proxy, found, gone)
    else:
        found, gone = _listed(read.keys)
    notes = _deleted_note(found, gone)
    if read.by_user is not None:
        notes.append("Keys deleted since are counted in by_user with their last owner.")
    by_user = read.by_user or report.by_user(found, {key.token: key.user_id for key in team_keys}, gone)
    by_key = report.by_key(found, gone, read.unlisted)
    return replace(usage, by_key=by_key, by_user=by_user, notes=(*usage.notes, *notes))


async def plain_usage(proxy: Proxy, scope: Scope, entity: str, period: Period) -> Usage:
    """One team or tag: its total, models, providers and days."""
    return _plain(await read_whole(proxy, scope, period, entity=entity), period)


async def usage_of_customer(proxy: Proxy, customer_id: str, period: Period) -> Usage:
    """One customer; 1.74.9 knows only spend and requests."""
    try:
        reading = await read_whole(proxy, "customer", period, entity=customer_id)
    except RouteMissing:
        return await _customer_from_logs(proxy, customer_id, period)
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


def _deleted(found: dict[str, KeyUsage]) -> frozenset[str]:
    """The keys that the newest release marks as gone."""
    return frozenset(h for h, usage in found.items() if usage.metadata.key_exists is False and h not in report.UNNAMED)


def _listed(rows: KeyRows) -> tuple[dict[str, KeyUsage], frozenset[str]]:
    found = {row.api_key: KeyUsage(figures_of(row.metrics), row.metadata) for row in rows.api_keys}
    return found, _deleted(found)


def _deleted_note(found: dict[str, KeyUsage], gone: frozenset[str]) -> list[str]:
    if not gone:
        return []
    spent = total(found[key_hash].figures for key_hash in gone)
    owners = sorted({quote(found[h].metadata.user_id or "") for h in gone if found[h].metadata.user_id})
    whose = f" (last owner {', '.join(owners[:3])})" if owners else ""
    return [f"{count(len(gone), 'key')} deleted since made {count(spent.api_requests, 'request')} of this{whose}."]


async def _moved_or_deleted(
    proxy: Proxy, found: dict[str, KeyUsage], missing: frozenset[str]
) -> tuple[dict[str, KeyUsage], frozenset[str]]:
    """Keys in the figures that the team or user does not have now: moved elsewhere, or deleted.

    One call for all of them. Where its rows come without their hash, a key is known by its alias, which is unique.
    """
    live = await keys.existing(proxy, sorted(missing))
    by_hash = {key.token: key for key in live if key.token}
    by_alias = {key.key_alias: key for key in live if not key.token and key.key_alias}
    moved = set()
    for key_hash in missing:
        usage = found[key_hash]
        key = by_hash.get(key_hash) or by_alias.get(usage.metadata.key_alias or "")
        if key is not None and key.deleted_at is None:
            update = {"user_id": key.user_id, "key_alias": key.key_alias or usage.metadata.key_alias}
            found[key_hash] = KeyUsage(usage.figures, usage.metadata.model_copy(update=update))
            moved.add(key_hash)
    return found, missing - moved


async def _team_by_user(proxy: Proxy, team_id: str, period: Period) -> Breakdown:
    """By owner for a team with more keys than can be listed: the proxy's own sum."""
    tally = Tally()
    for row in await activity.team_by_user(proxy, team_id, period):
        tally.count(report.owner_id(row.user_id), figures_of(row))
    return report.by_owner(tally)


async def _user_by_keys(proxy: Proxy, user_id: str, period: Period) -> tuple[UserInfo, Usage]:
    """One user on a release that ignores ``user_id``: the keys that may have made their calls, one by one.

    Of each key's figures only the user's own part counts: a key may have changed hands. Failed calls
    are booked without a key there, and are taken from the request log.
    """
    info, logged, failures = await together(
        users.info(proxy, user_id),
        spend_logs.of_user(proxy, user_id, period),
        spend_logs.failures_of_user(proxy, user_id, period),
    )
    if info is None:
        raise Unsupported(f"The proxy does not tell the keys of {quote(user_id)}, whose figures are read by key")
    hashes = sorted({key.token for key in info.keys} | logged.key_hashes)
    if len(hashes) > MOST_KEYS:
        raise Unsupported(
            f"This LiteLLM version cannot filter usage by user, and {quote(user_id)} has {len(hashes)} keys; "
            f"at most {MOST_KEYS} are read one by one",
            hint="Ask for single keys or for the team, or upgrade the proxy to 1.83 or newer.",
        )
    readings = await each([read_pages(proxy, "user", period, api_key=key_hash) for key_hash in hashes])
    tallies = UserTallies(user_id)
    for key_hash, reading in zip(hashes, readings, strict=True):
        tallies.add_key(key_hash, reading)
    tallies.refuse_without_log(logged)
    tallies.add_failures(failures)
    gone = frozenset(tallies.by_key) - {key.token for key in info.keys} - set(report.UNNAMED)
    per_key, gone = await _moved_or_deleted(proxy, tallies.by_key, gone)
    by_model = report.breakdown(tallies.by_model)
    return info, Usage(
        period=period,
        total=total(usage.figures for usage in per_key.values()),
        by_model=by_model,
        by_provider=report.breakdown(tallies.by_provider),
        by_key=report.by_key(per_key, gone),
        by_day=report.breakdown(tallies.by_day),
        source=(f"/user/daily/activity per key ({len(hashes)})", "/spend/logs"),
        notes=(*report.notes_on(by_model, period), *_deleted_note(per_key, gone), *tallies.notes),
    )


@dataclass
class UserTallies:
    """One user's figures, put together from those of several keys."""

    user_id: str
    by_model: Tally = field(default_factory=Tally)
    by_provider: Tally = field(default_factory=Tally)
    by_day: Tally = field(default_factory=Tally)
    by_key: dict[str, KeyUsage] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_key(self, key_hash: str, reading: Reading) -> None:
        """The user's part of a key's days; models only of days that are the user's alone."""
        known = report.keys_of(reading.days).get(key_hash, KeyUsage())
        self.by_key[key_hash] = KeyUsage(report.entity_total(reading.days, self.user_id), known.metadata)
        for day in reading.days:
            part = report.entity_figures(day, self.user_id)
            self.by_day.count(day.date, part)
            if set(day.breakdown.entities) == {self.user_id}:
                self.by_model.count_all(models_of(day))
                self.by_provider.count_all(providers_of(day))
            elif not part.is_nothing:
                self.by_model.count(NOT_KNOWN, part)
                self.by_provider.count(PROVIDER_NOT_KNOWN, part)
                self._note(f"While a key changed hands this LiteLLM version does not tell models by user: {NOT_KNOWN}.")

    def refuse_without_log(self, logged: Logged) -> None:
        """Of a day that the log does not hold nobody knows the failed calls, nor the keys that were given away.

        The log is cleared of old days, or is not kept at all. The last day's may still be on its way.
        """
        gone = [
            day
            for day, figures in sorted(self.by_day.items())
            if figures.successful_requests
            and (day not in logged.by_day or (day < max(self.by_day) and logged.by_day[day] < figures.spend * KEPT))
        ]
        if gone:
            raise Unsupported(
                f"This LiteLLM version knows a user's failed calls and former keys from the request log only, and the "
                f"log does not hold all that {quote(self.user_id)} did on {gone[0]}"
                + (f" and {count(len(gone) - 1, 'other day')}" if gone[1:] else ""),
                hint="Ask for later days, for single keys or for the team, or upgrade the proxy to 1.83 or newer.",
            )

    def add_failures(self, failures: LogPage) -> None:
        """Failed calls that no key has; beyond one page of the log their models and days are not known."""
        keyless = [row for row in failures.data if not row.api_key]
        unseen = failures.total - len(failures.data)
        for row in keyless:
            one = Figures(api_requests=1, failed_requests=1)
            self.by_model.count(clean(row.model_group or row.model) or NO_MODEL, one)
            self.by_provider.count(clean(row.custom_llm_provider or "") or NO_PROVIDER, one)
            self.by_day.count(row.started.date().isoformat() if row.started is not None else DAY_NOT_KNOWN, one)
        if unseen > 0:
            more = Figures(api_requests=unseen, failed_requests=unseen)
            self.by_model.count(NOT_KNOWN, more)
            self.by_provider.count(PROVIDER_NOT_KNOWN, more)
            self.by_day.count(DAY_NOT_KNOWN, more)
            self._note(f"Of the failed calls the last {len(failures.data)} are told apart by model and by day.")
        lost = len(keyless) + max(unseen, 0)
        self.by_key[""] = KeyUsage(Figures(api_requests=lost, failed_requests=lost))

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


async def _customer_from_logs(proxy: Proxy, customer_id: str, period: Period) -> Usage:
    """All that 1.74.9 knows of a customer: spend and requests, among the hundred that spent most."""
    rows = await customers.spends(proxy, period.start_date, (period.end + timedelta(days=1)).isoformat())
    row = next((row for row in rows if row.end_user == customer_id), None)
    if row is None and len(rows) >= customers.MOST:
        raise Unsupported(
            f"This LiteLLM version reports only the {customers.MOST} customers that spent most, "
            f"and {quote(customer_id)} is not among them: its usage is unknown, not zero",
            hint="Ask for a shorter period, or upgrade the proxy to 1.83 or newer.",
        )
    spend, requests = (row.total_spend, row.total_count) if row else (Decimal(0), 0)
    notes = ["This LiteLLM version tells a customer's spend and requests only: no tokens, models or days."]
    return Usage(
        period=period,
        total=Figures(spend=spend, api_requests=requests),
        source=("/global/spend/end_users",),
        notes=(*notes, *report.notes_on(None, period)),
        complete=False,
    )
