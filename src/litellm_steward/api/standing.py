"""What the proxy says of itself and of our own key. Reads only, each of a few hundred bytes."""

from __future__ import annotations

from datetime import date

from litellm_steward import errors
from litellm_steward.api import customers, users
from litellm_steward.api.proxy import ATTEMPTS, Proxy
from litellm_steward.api.wire import Strings, Wire


class OwnKey(Wire):
    """Our key's row. ``allowed_routes`` is empty for a key without such limits."""

    user_id: str | None = None
    allowed_routes: Strings = []


class OwnKeyInfo(Wire):
    info: OwnKey


class Licence(Wire):
    """``GET /health/license``: ``community``, or what was bought."""

    license_type: str = ""


class Field(Wire):
    """``GET /config/field/info``."""

    field_value: object = None


class Counted(Wire):
    """A list of which only the fact that it was answered counts."""


async def own_key(proxy: Proxy, *, attempts: int = ATTEMPTS) -> OwnKey | None:
    """``GET /key/info`` without a key means our own; ``None``: accepted, and no virtual key, so the master key."""
    try:
        return (await proxy.get("/key/info", OwnKeyInfo, attempts=attempts)).info
    except errors.Missing:
        return None


async def role_of(proxy: Proxy, user_id: str) -> str:
    """The role of our key's user, as far as our key may ask."""
    try:
        found = await users.by_id(proxy, user_id)
    except errors.RoleRefused:
        return ""
    return (found.user_role or "") if found else ""


async def licence(proxy: Proxy) -> Licence:
    return await proxy.get("/health/license", Licence)


async def stores_models(proxy: Proxy) -> bool | None:
    """Whether models can be added at run time; ``None`` where the release does not tell."""
    try:
        answer = await proxy.get("/config/field/info", Field, {"field_name": "store_model_in_db"})
    except (errors.Missing, errors.BadRequest):
        return None
    return answer.field_value if isinstance(answer.field_value, bool) else None


async def lists_keys(proxy: Proxy) -> None:
    """``GET /key/list``: raises if our key may not."""
    await proxy.get("/key/list", Counted, {"size": 1})


async def lists_users(proxy: Proxy) -> None:
    await proxy.get("/user/list", Counted, {"page_size": 1})


async def lists_teams(proxy: Proxy) -> None:
    await proxy.get("/v2/team/list", Counted, {"page_size": 1})


async def shows_customers(proxy: Proxy) -> None:
    """``GET /customer/info`` of a name nobody has: unknown is as good as known."""
    await customers.info(proxy, "litellm-steward-check")


async def shows_usage(proxy: Proxy, today: date) -> None:
    """``GET /user/daily/activity``."""
    day = today.isoformat()
    await proxy.get("/user/daily/activity", Counted, {"start_date": day, "end_date": day, "page_size": 1})
