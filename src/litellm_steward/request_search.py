"""Finding requests in the log, whatever filters a release knows.

1.83 ignores the filter by model without a word. Whether it is honoured is tried with a value that
nobody has; where it is not, it is applied here, to a bounded number of rows. Every row is compared with what
was asked in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from litellm_steward.api import activity, request_log
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.request_log import MOST_ROWS, RequestPage, RequestRow
from litellm_steward.periods import Period
from litellm_steward.together import together

Order = Literal["newest", "dearest"]
Filters = dict[str, str | float | None]
MOST_PAGES: Final = 10
"""Pages looked through where a filter has to be applied here."""

NOBODY: Final = "litellm-steward-probe"
"""A value that no request has."""

DEAREST: Final = {"sort_by": "spend", "sort_order": "desc"}
LOG_LACKS: Final = (
    "the request log has none: its rows may be switched off or cleaned up. That none was found does not mean that none "
    "was made."
)


@dataclass(frozen=True)
class Criteria:
    """What is looked for, with ids in place of names."""

    since: datetime
    until: datetime
    user_id: str | None = None
    team_id: str | None = None
    key_hash: str | None = None
    model: str | None = None
    customer: str | None = None
    status: Literal["success", "failure"] | None = None
    min_spend: float | None = None

    def match(self, row: RequestRow, *, provider: bool = False) -> bool:
        """``provider``: compare the provider's model, for a name that is nobody's public one."""
        return (
            self.user_id in (None, row.user)
            and self.team_id in (None, row.team_id)
            and self.key_hash in (None, row.api_key)
            and self.model in (None, row.model if provider else row.model_group or row.model)
            and self.customer in (None, row.end_user)
            and (self.status is None or row.failed == (self.status == "failure"))
            and (self.min_spend is None or row.spend >= self.min_spend)
        )

    @property
    def always(self) -> Filters:
        """Filters that every release honours."""
        return {
            "user_id": self.user_id,
            "team_id": self.team_id,
            "api_key": self.key_hash,
            "status_filter": self.status,
            "end_user": self.customer,
            "min_spend": self.min_spend,
        }


@dataclass
class Found:
    """Rows, and how many there are in all: unknown where not everything was looked through."""

    rows: list[RequestRow]
    total: int | None = None
    capped: bool = False
    more: bool = False
    pageable: bool = False
    notes: list[str] = field(default_factory=list)


class Search:
    """One question to one proxy."""

    def __init__(self, proxy: Proxy, criteria: Criteria, order: Order, limit: int, number: int) -> None:
        self._proxy, self._criteria, self._order = proxy, criteria, order
        self._limit, self._number = limit, number

    async def run(self) -> Found:
        filters = {**self._criteria.always, **(DEAREST if self._order == "dearest" else {})}
        if self._criteria.model is None:
            return await self._page(filters) or await self._walk(filters)
        if await self._filters_models():
            filters["model_group"] = self._criteria.model
            found = await self._page(filters)
            if found is not None:
                return found
        return await self._walk(filters)

    async def _ask(self, filters: Filters, number: int = 1, size: int = MOST_ROWS) -> RequestPage:
        return await request_log.page(
            self._proxy, self._criteria.since, self._criteria.until, filters, number=number, size=size
        )

    async def _filters_models(self) -> bool:
        return (await self._ask({"model_group": NOBODY}, size=1)).total == 0

    async def _page(self, filters: Filters) -> Found | None:
        """The rows as the proxy filters and orders them; ``None`` if they are not what was asked."""
        if "model_group" in filters:
            named = {**filters, "model": filters["model_group"], "model_group": None}
            group, asked = await together(
                self._ask(filters, size=1),
                self._ask({**named, "status_filter": "failure"} if self._may_fail else named),
            )
            refused = [row for row in asked.data if self._criteria.match(row) and not row.model_group]
            if group.total == 0 and not refused:
                filters = named  # nobody's public name: a provider's
            elif refused:
                return await self._with_refused(filters, refused, all_known=asked.total <= MOST_ROWS)
        page = await self._ask(filters, self._number, self._limit)
        provider = filters.get("model") is not None
        if not all(self._criteria.match(row, provider=provider) for row in page.data):
            return None
        more = page.total > self._number * self._limit or page.total_is_capped
        return Found(page.data, page.total, page.total_is_capped, more and bool(page.data), pageable=True)

    @property
    def _may_fail(self) -> bool:
        return self._criteria.status is None

    async def _with_refused(self, filters: Filters, refused: list[RequestRow], *, all_known: bool) -> Found:
        """Calls refused before a deployment was chosen have no public model: they are added here."""
        depth = self._number * self._limit
        if not all_known or depth > MOST_ROWS:
            page = await self._ask(filters, self._number, self._limit)
            more = page.total > depth or page.total_is_capped
            found = Found(page.data, None, more=more and bool(page.data), pageable=True)
            found.notes.append("Calls refused before a deployment was chosen (key, budget, rate) are not among these.")
            return found
        page = await self._ask(filters, 1, depth)
        rows = sorted([*page.data, *refused], key=self._rank)
        total = page.total + len(refused)
        more = total > depth or page.total_is_capped
        pageable = depth + self._limit <= MOST_ROWS  # what comes later is counted in rows of the proxy's
        return Found(rows[depth - self._limit : depth], total, page.total_is_capped, more, pageable)

    def _rank(self, row: RequestRow) -> float:
        if self._order == "dearest":
            return -row.spend
        return -row.started.timestamp() if row.started else 0.0

    async def _walk(self, filters: Filters) -> Found:
        """Page after page, filtered here, until there are enough or the bound is reached."""
        found, otherwise = list[RequestRow](), list[RequestRow]()
        looked = number = in_all = 0
        while number < MOST_PAGES and len(found) <= self._limit:
            number += 1
            page = await self._ask(filters, number)
            looked, in_all = looked + len(page.data), page.total
            found += [row for row in page.data if self._criteria.match(row)]
            otherwise += [row for row in page.data if self._criteria.match(row, provider=True)]
            if looked >= in_all or not page.data:
                break
        everything = looked >= in_all
        found = found or otherwise
        result = Found(found[: self._limit], len(found) if everything else None, more=len(found) > self._limit)
        what = "model" if self._criteria.model is not None else "these"
        if not everything:
            which = "dearest" if self._order == "dearest" else "newest"
            result.notes.append(
                f"This LiteLLM version cannot filter requests by {what}: the {which} {looked:,} of {in_all:,} were "
                "looked through."
            )
        return result


async def log_lacks(proxy: Proxy, criteria: Criteria, period: Period) -> str | None:
    """Whether the rollups have requests where the log has none; only asked when nothing was found."""
    ask = request_log.page(proxy, criteria.since, criteria.until, {}, number=1, size=1)
    log, booked = await together(ask, _booked(proxy, period))
    if booked and log.total == 0:
        return f"Requests are booked in this period, but {LOG_LACKS}"
    if log.total == 0 or criteria.model or criteria.customer or criteria.status or criteria.min_spend:
        return None
    if await _booked_for(proxy, period, criteria):
        return f"Requests of this kind are booked in this period, but {LOG_LACKS}"
    return None


async def _booked_for(proxy: Proxy, period: Period, criteria: Criteria) -> bool:
    chosen = [value for value in (criteria.user_id, criteria.team_id, criteria.key_hash) if value is not None]
    if len(chosen) != 1:
        return False
    if criteria.key_hash is not None:
        return await _booked(proxy, period, api_key=criteria.key_hash)
    if criteria.team_id is not None:
        return await _booked(proxy, period, scope="team", entity=criteria.team_id)
    answer = await activity.aggregated(proxy, "user", period, entity=criteria.user_id)
    return any(day.metrics.api_requests for day in answer.results)


async def _booked(
    proxy: Proxy,
    period: Period,
    *,
    scope: Literal["user", "team"] = "user",
    entity: str | None = None,
    api_key: str | None = None,
) -> bool:
    answer = await activity.one_page(proxy, scope, period, size=1, entity=entity, api_key=api_key)
    return any(day.metrics.api_requests for day in answer.results)
