"""Customers (end users): ``/customer/*``. They appear by themselves when a call names them as ``user``."""

from __future__ import annotations

from litellm_steward import errors
from litellm_steward.api.budget import BudgetTable
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.wire import Acknowledged, Wire


class Customer(Wire):
    """A customer. ``spend`` is USD in the current budget window."""

    user_id: str
    alias: str | None = None
    blocked: bool = False
    spend: float = 0
    litellm_budget_table: BudgetTable | None = None


async def info(proxy: Proxy, user_id: str) -> Customer | None:
    """``GET /customer/info``: unknown is a 404."""
    if not user_id:
        return None
    try:
        return await proxy.get("/customer/info", Customer, {"end_user_id": user_id})
    except errors.Missing:
        return None


async def new(proxy: Proxy, body: Body) -> None:
    """``POST /customer/new``; read back with ``info``."""
    await proxy.post("/customer/new", Acknowledged, body)
