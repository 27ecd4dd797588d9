"""The newest requests of one key, from ``/spend/logs/v2``: only figures are read."""

from __future__ import annotations

from datetime import datetime

from litellm_steward.api.proxy import Proxy, Query
from litellm_steward.api.wire import Count, Rows, Wire


class LogRow(Wire):
    total_tokens: Count = 0


class LogPage(Wire):
    """``total`` counts all matching rows; ``data`` is one page of them."""

    data: Rows[LogRow]
    total: Count


async def recent(proxy: Proxy, key_hash: str, since: datetime, until: datetime, size: int = 100) -> LogPage:
    """``GET /spend/logs/v2``: one key's requests in a span of UTC time."""
    query: Query = {
        "api_key": key_hash,
        "start_date": f"{since:%Y-%m-%d %H:%M:%S}",
        "end_date": f"{until:%Y-%m-%d %H:%M:%S}",
        "page_size": size,
    }
    return await proxy.get("/spend/logs/v2", LogPage, query)
