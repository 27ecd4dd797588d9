"""One user's usage on a release that ignores ``user_id``: put together from that of their keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from litellm_steward.api import spend_logs, users
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.spend_logs import Logged, LogPage
from litellm_steward.api.users import UserInfo
from litellm_steward.errors import Unsupported
from litellm_steward.periods import Period
from litellm_steward.text import clean, count, quote
from litellm_steward.together import each, together
from litellm_steward.usage import report
from litellm_steward.usage.figures import Figures, Tally, total
from litellm_steward.usage.former_keys import deleted_note, moved_or_deleted
from litellm_steward.usage.models import (
    NO_MODEL,
    NO_PROVIDER,
    NOT_KNOWN,
    PROVIDER_NOT_KNOWN,
    models_of,
    providers_of,
)
from litellm_steward.usage.readings import Reading, read_pages
from litellm_steward.usage.report import KeyUsage, Usage

MOST_KEYS: Final = 50
"""Keys of one user that are read one by one, on a release that cannot filter by user."""

KEPT: Final = Decimal("0.99")
"""The part of a day's spend that a log holds which was not cleared: the two are summed in another order."""

DAY_NOT_KNOWN: Final = "(day not known)"


@dataclass(frozen=True)
class Known:
    """A user as the proxy knows them now, and what the request log holds of them in the period."""

    info: UserInfo | None
    logged: Logged


async def read_known(proxy: Proxy, user_id: str, period: Period) -> Known:
    """The two calls that tell which keys have to be read."""
    return Known(*await together(users.info(proxy, user_id), spend_logs.of_user(proxy, user_id, period)))


async def usage_by_keys(proxy: Proxy, user_id: str, period: Period, known: Known) -> Usage:
    """The keys that may have made the user's calls, one by one.

    Of each key's figures only the user's own part counts: a key may have changed hands. Failed calls
    are booked without a key there, and are taken from the request log.
    """
    info, logged = known.info, known.logged
    if info is None:
        raise Unsupported(f"The proxy does not tell the keys of {quote(user_id)}, whose figures are read by key")
    hashes = sorted({key.token for key in info.keys} | logged.key_hashes)
    if len(hashes) > MOST_KEYS:
        raise Unsupported(
            f"This LiteLLM version cannot filter usage by user, and {quote(user_id)} has {len(hashes)} keys; "
            f"at most {MOST_KEYS} are read one by one",
            hint="Ask for single keys or for the team, or upgrade the proxy to 1.83 or newer.",
        )
    readings, failures = await together(
        each([read_pages(proxy, "user", period, api_key=key_hash) for key_hash in hashes]),
        spend_logs.failures_of_user(proxy, user_id, period) if logged.keyless else _no_failures(),
    )
    tallies = UserTallies(user_id)
    for key_hash, reading in zip(hashes, readings, strict=True):
        tallies.add_key(key_hash, reading)
    tallies.refuse_without_log(logged)
    tallies.add_failures(failures)
    gone = frozenset(tallies.by_key) - {key.token for key in info.keys} - set(report.UNNAMED)
    per_key, gone = await moved_or_deleted(proxy, tallies.by_key, gone)
    by_model = report.breakdown(tallies.by_model)
    return Usage(
        period=period,
        total=total(usage.figures for usage in per_key.values()),
        by_model=by_model,
        by_provider=report.breakdown(tallies.by_provider),
        by_key=report.by_key(per_key, gone),
        by_day=report.breakdown(tallies.by_day),
        source=(f"/user/daily/activity per key ({len(hashes)})", "/spend/logs"),
        notes=(*report.notes_on(by_model, period), *deleted_note(per_key, gone), *tallies.notes),
    )


async def _no_failures() -> LogPage:
    return LogPage(data=[], total=0)


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
