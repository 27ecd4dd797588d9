"""Request logs: ``/spend/logs*``. Rows hold prompts, addresses and tracebacks; only figures are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import Field, RootModel

from litellm_steward.api.proxy import Proxy, Query
from litellm_steward.api.request_log import log_page
from litellm_steward.api.wire import Count, Moment, Rows, Wire
from litellm_steward.periods import Period
from litellm_steward.text import is_key_hash


class LogRow(Wire):
    api_key: str = ""
    model: str = ""
    model_group: str = ""
    custom_llm_provider: str | None = None
    total_tokens: Count = 0
    started: Moment | None = Field(default=None, alias="startTime")


class LogPage(Wire):
    """``total`` counts all matching rows; ``data`` is one page of them."""

    data: Rows[LogRow]
    total: Count


class SummaryRow(RootModel[dict[str, object]]):
    """One day of ``/spend/logs?user_id=``: figures under fixed names, spend per key under the key's hash."""

    @property
    def key_hashes(self) -> set[str]:
        return {name for name in self.root if is_key_hash(name)}

    @property
    def keyless(self) -> bool:
        """Whether calls were booked without a key."""
        return "" in self.root

    @property
    def day(self) -> str | None:
        """The day; none of a row that only fills up the period."""
        return str(self.root.get("startTime", ""))[:10] if self.root.get("users") else None

    @property
    def spend(self) -> Decimal:
        spend = self.root.get("spend")
        return Decimal(str(spend)) if isinstance(spend, int | float) else Decimal(0)


class SummaryRows(RootModel[Rows[SummaryRow]]):
    pass


@dataclass(frozen=True)
class Logged:
    """What the request log holds of one user: the keys that made the calls, and the spend of each day with any.

    ``keyless``: some calls have no key, as failed ones do there.
    """

    key_hashes: frozenset[str] = frozenset()
    keyless: bool = False
    by_day: Mapping[str, Decimal] = field(default_factory=dict)


async def recent(proxy: Proxy, key_hash: str, since: datetime, until: datetime, size: int = 100) -> LogPage:
    """One key's requests in a span of UTC time, by ``log_page``."""
    query: Query = {
        "api_key": key_hash,
        "start_date": f"{since:%Y-%m-%d %H:%M:%S}",
        "end_date": f"{until:%Y-%m-%d %H:%M:%S}",
        "page_size": size,
    }
    answer, _ = await log_page(proxy, LogPage, query)
    return answer


async def failures_of_user(proxy: Proxy, user_id: str, period: Period, size: int = 100) -> LogPage:
    """``GET /spend/logs/ui?status_filter=failure``: the failed calls of one user, newest first."""
    query: Query = {
        "user_id": user_id,
        "status_filter": "failure",
        "start_date": f"{period.start_date} 00:00:00",
        "end_date": f"{period.end + timedelta(days=1)} 00:00:00",
        "page_size": size,
    }
    return await proxy.get("/spend/logs/ui", LogPage, query)


async def of_user(proxy: Proxy, user_id: str, period: Period) -> Logged:
    """A user's days and keys, deleted ones too: ``GET /spend/logs?user_id=``.

    The route answers with one row a day whose unnamed columns are key hashes. Its end date is that
    midnight, so the next day is asked for.
    """
    if not user_id:
        return Logged()
    query = {
        "user_id": user_id,
        "start_date": period.start_date,
        "end_date": (period.end + timedelta(days=1)).isoformat(),
    }
    rows = (await proxy.get("/spend/logs", SummaryRows, query)).root
    hashes: set[str] = set().union(*(row.key_hashes for row in rows))
    return Logged(frozenset(hashes), any(row.keyless for row in rows), {row.day: row.spend for row in rows if row.day})
