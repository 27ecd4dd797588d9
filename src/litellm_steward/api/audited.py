"""Keys as an audit reads them: a few fields each, for many thousands."""

from __future__ import annotations

from litellm_steward.api.budget import OwnBudgets
from litellm_steward.api.pages import in_parts
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.wire import Count, Moment, Rows, Strings, Wire


class AuditedKey(OwnBudgets):
    """One row of ``/key/list``. ``token`` is the hash;"""

    token: str = ""
    key_alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    models: Strings = []
    blocked: bool = False
    spend: float = 0
    expires: Moment | None = None
    created_at: Moment | None = None
    last_active: Moment | None = None


class AuditedPage(Wire):
    keys: Rows[AuditedKey]
    total_count: Count


async def audited(proxy: Proxy, number: int, *, user_id: str | None, team_id: str | None) -> AuditedPage:
    """``GET /key/list`` by hash. 1.83 matches ``user_id`` by substring: compare afterwards."""
    query = {
        "user_id": user_id,
        "team_id": team_id,
        "return_full_object": True,
        "include_team_keys": False,
        "sort_by": "token",
        "sort_order": "asc",
    }

    async def read(page: int, size: int) -> AuditedPage:
        return await proxy.get("/key/list", AuditedPage, {**query, "page": page, "size": size})

    return await in_parts(read, number, "keys")
