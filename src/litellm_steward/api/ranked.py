"""Lists in a chosen order, a hundred rows a page: ``/key/list``, ``/user/list``, ``/v2/team/list``.

No release breaks ties: pages ordered by a column that repeats may show a row twice and another never.
Ordered by id they are exact. Ascending, rows without a value come last; descending, first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from pydantic import RootModel

from litellm_steward import errors
from litellm_steward.api.keys import KeyPage
from litellm_steward.api.pages import PAGE, in_parts
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team, TeamPage
from litellm_steward.api.users import User, UserPage
from litellm_steward.api.wire import Rows
from litellm_steward.together import each

MOST_AT_ONCE: Final = 15_000
"""Users in one answer of ``/spend/users`` (0.8 kB each)."""

MOST_TEAM_PAGES: Final = 50
TEAM_PAGES_AT_ONCE: Final = 4

KeyOrder = Literal["token", "spend", "max_budget"]
UserOrder = Literal["user_id", "spend"]


async def keys(
    proxy: Proxy,
    number: int,
    *,
    order: KeyOrder = "token",
    descending: bool = False,
    user_id: str | None = None,
    team_id: str | None = None,
) -> KeyPage:
    """``GET /key/list``. 1.83 matches ``user_id`` by substring: compare afterwards."""
    query = {
        "user_id": user_id,
        "team_id": team_id,
        "return_full_object": True,
        "include_team_keys": False,
        "sort_by": order,
        "sort_order": _direction(descending=descending),
    }

    async def read(page: int, size: int) -> KeyPage:
        return await proxy.get("/key/list", KeyPage, {**query, "page": page, "size": size})

    return await in_parts(read, number, "keys")


class AllUsers(RootModel[Rows[User]]):
    pass


async def all_users(proxy: Proxy) -> list[User] | None:
    """``GET /spend/users``: everybody in one answer; ``None`` if they are too many or the route fails.

    Every page of ``/user/list`` counts the keys of its hundred users one by one, which takes a second or two
    where there are many keys, and longer side by side.
    """
    in_all = (await count_users(proxy)).total
    if in_all > MOST_AT_ONCE:
        return None
    try:
        found = (await proxy.get("/spend/users", AllUsers)).root
    except (errors.RouteMissing, errors.BadRequest, errors.RoleRefused, errors.ProxyBroken):
        return None
    return found if len(found) >= in_all else None


async def count_users(proxy: Proxy) -> UserPage:
    """``GET /user/list`` of one row: ``total``."""
    return await proxy.get("/user/list", UserPage, {"page": 1, "page_size": 1})


async def users(proxy: Proxy, number: int, *, order: UserOrder = "user_id", descending: bool = False) -> UserPage:
    """``GET /user/list``; it cannot be ordered by budget."""
    query = {"sort_by": order, "sort_order": _direction(descending=descending)}

    async def read(page: int, size: int) -> UserPage:
        return await proxy.get("/user/list", UserPage, {**query, "page": page, "page_size": size})

    return await in_parts(read, number, "users")


async def teams(proxy: Proxy, number: int) -> TeamPage:
    """``GET /v2/team/list`` by id; it cannot be ordered by figures."""
    query = {"sort_by": "team_id", "sort_order": "asc"}

    async def read(page: int, size: int) -> TeamPage:
        return await proxy.get("/v2/team/list", TeamPage, {**query, "page": page, "page_size": size})

    return await in_parts(read, number, "teams")


@dataclass(frozen=True)
class AllTeams:
    """Every team by id; ``complete`` is false where there are more than are read."""

    teams: tuple[Team, ...]
    in_all: int
    complete: bool


async def all_teams(proxy: Proxy) -> AllTeams:
    """``GET /v2/team/list`` page by page, at most ``MOST_TEAM_PAGES``: there are few, and no order by figures."""
    first = await teams(proxy, 1)
    pages = ceil(first.total / PAGE)
    rest = await each([teams(proxy, n) for n in range(2, min(pages, MOST_TEAM_PAGES) + 1)], at_once=TEAM_PAGES_AT_ONCE)
    found = {team.team_id: team for page in [first, *rest] for team in page.teams}
    return AllTeams(tuple(found.values()), first.total, pages <= MOST_TEAM_PAGES)


def _direction(*, descending: bool) -> str:
    return "desc" if descending else "asc"
