"""Customers (end users): ``/customer/*``. They appear by themselves when a call names them as ``user``."""

from __future__ import annotations

from typing import Final

from pydantic import RootModel

from litellm_steward import errors
from litellm_steward.api.budget import BudgetTable
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.wire import Acknowledged, Count, Rows, Usd, Wire

MOST: Final = 100
"""Customers that ``/global/spend/end_users`` tells of: those that spent most."""


class Customer(Wire):
    """A customer. ``spend`` is USD in the current budget window."""

    user_id: str
    alias: str | None = None
    blocked: bool = False
    spend: float = 0
    litellm_budget_table: BudgetTable | None = None


class CustomerSpend(Wire):
    """One row of ``POST /global/spend/end_users``."""

    end_user: str = ""
    total_count: Count
    total_spend: Usd


class CustomerSpends(RootModel[Rows[CustomerSpend]]):
    pass


async def info(proxy: Proxy, user_id: str) -> Customer | None:
    """``GET /customer/info``: unknown is a 404, on 1.74.9 a 400."""
    if not user_id:
        return None
    try:
        return await proxy.get("/customer/info", Customer, {"end_user_id": user_id})
    except errors.Missing:
        return None


async def new(proxy: Proxy, body: Body) -> None:
    """``POST /customer/new``; read back with ``info``."""
    await proxy.post("/customer/new", Acknowledged, body)


async def spends(proxy: Proxy, start_date: str, end_date_exclusive: str) -> list[CustomerSpend]:
    """``POST /global/spend/end_users``: all that 1.74.9 knows of a customer's usage."""
    answer = await proxy.query(
        "/global/spend/end_users", CustomerSpends, {"startTime": start_date, "endTime": end_date_exclusive}
    )
    return answer.root
