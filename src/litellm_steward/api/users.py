"""Internal users: ``/user/*``."""

from __future__ import annotations

from math import ceil
from typing import Final

from pydantic import Field

from litellm_steward import errors
from litellm_steward.api.budget import Budgeted
from litellm_steward.api.keys import Key
from litellm_steward.api.pages import PAGE, in_parts
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.teams import Team
from litellm_steward.api.wire import Count, Moment, Rows, Strings, Wire
from litellm_steward.text import quote
from litellm_steward.together import each

MOST_ALIKE: Final = 1_000
"""Of more users whose names contain a text, nobody looks for the one that is the text."""

SYSTEM_USER: Final = "default_user_id"
"""The master key's own user: LiteLLM adds it to every team it creates."""


class User(Budgeted):
    """An internal user. ``teams`` holds team ids."""

    user_id: str
    user_email: str | None = None
    user_alias: str | None = None
    user_role: str | None = None
    teams: Strings = []
    models: Strings = []
    created_at: Moment | None = None


class UserPage(Wire):
    """``GET /user/list``."""

    users: Rows[User]
    total: Count


class UserInfo(Wire):
    """``GET /user/info``: every key of the user, whatever team it belongs to, and the user's teams."""

    user_id: str | None = None
    user: User | None = Field(default=None, alias="user_info")
    keys: Rows[Key]
    teams: Rows[Team] = []


class NewUser(Wire):
    """``POST /user/new``."""

    user_id: str = ""


async def by_id(proxy: Proxy, user_id: str) -> User | None:
    """``GET /user/list?user_ids=ID,ID``: a single id would match as a substring, the doubled one is exact.

    Half a kilobyte on every release, where ``/user/info`` is up to 1.3 MB. That one is needed for an id with
    a comma: the filter is a comma-separated list.
    """
    if not user_id:
        return None
    if "," in user_id:
        return await _with_comma(proxy, user_id)
    page = await proxy.get("/user/list", UserPage, {"user_ids": f"{user_id},{user_id}", "page_size": 25})
    return next((user for user in page.users if user.user_id == user_id), None)


async def _with_comma(proxy: Proxy, user_id: str) -> User | None:
    try:
        found = await info(proxy, user_id)
    except errors.Missing:
        return None
    return found.user if found is not None else None


async def info(proxy: Proxy, user_id: str) -> UserInfo | None:
    """``GET /user/info``: 0.1 to 1.3 MB, but all keys of exactly this user in one call.

    ``None`` where the proxy loses the id on its way (a line break in it does that) and answers for the caller.

    ``/key/list?user_id=`` has pages of a hundred, and on 1.83 finds the keys of everybody whose id contains this one.
    """
    found = await proxy.get("/user/info", UserInfo, {"user_id": user_id})
    return found if found.user_id == user_id else None


async def by_ids(proxy: Proxy, user_ids: list[str]) -> list[User]:
    """``by_id`` for up to a hundred ids at once."""
    wanted = [user_id for user_id in user_ids if user_id and "," not in user_id][:PAGE]
    if not wanted:
        return []
    ids = wanted if len(wanted) > 1 else wanted * 2
    page = await proxy.get("/user/list", UserPage, {"user_ids": ",".join(ids), "page_size": PAGE})
    return page.users


async def containing_id(proxy: Proxy, text: str) -> list[User]:
    """``GET /user/list?user_ids=TEXT``: a page of users whose ids contain the text, in any case."""
    if not text or "," in text:
        return []
    return (await _page(proxy, user_ids=text)).users


async def by_email(proxy: Proxy, email: str) -> list[User]:
    """``GET /user/list?user_email=``: everybody whose e-mail contains the text, in any case.

    Raises ``Undecided`` where those are too many to look at.
    """
    if not email:
        return []
    first = await _page(proxy, user_email=email)
    if first.total <= PAGE:
        return first.users
    if first.total > MOST_ALIKE:
        raise errors.Undecided(f"{first.total:,} users have e-mail addresses that contain {quote(email)}")
    numbers = range(1, ceil(first.total / PAGE) + 1)
    pages = await each([_page(proxy, user_email=email, sort_by="user_id", number=n) for n in numbers], at_once=4)
    return [user for page in pages for user in page.users]


async def everybody(proxy: Proxy) -> list[User] | None:
    """``GET /user/list``: all users, if one page holds them. No release searches aliases."""
    page = await _page(proxy)
    return page.users if page.total <= PAGE else None


async def _page(proxy: Proxy, *, number: int = 1, **query: str | int) -> UserPage:
    async def read(page: int, size: int) -> UserPage:
        pages = {"page": page} if page > 1 or size < PAGE else {}
        return await proxy.get("/user/list", UserPage, {**query, **pages, "page_size": size})

    return await in_parts(read, number, "users")


async def new(proxy: Proxy, body: Body) -> NewUser:
    """``POST /user/new``, without the key that it makes by default and cannot confine. Read back afterwards."""
    return await proxy.post("/user/new", NewUser, {**body, "auto_create_key": False})
