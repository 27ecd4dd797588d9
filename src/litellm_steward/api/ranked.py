"""Lists in a chosen order, a hundred rows a page: ``/key/list``, ``/user/list``, ``/v2/team/list``.

No release breaks ties: pages ordered by a column that repeats may show a row twice and another never.
Ordered by id they are exact. Ascending, rows without a value come last; descending, first.
"""

from __future__ import annotations

from typing import Final, Literal

from litellm_steward import errors
from litellm_steward.api.keys import KeyPage
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import TeamPage
from litellm_steward.api.users import UserPage

PAGE: Final = 100

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
    if "" in (user_id, team_id):
        raise errors.InvalidArgument("user and team must not be empty")  # an empty filter means every key
    return await proxy.get(
        "/key/list",
        KeyPage,
        {
            "user_id": user_id,
            "team_id": team_id,
            "return_full_object": True,
            "include_team_keys": False,
            "sort_by": order,
            "sort_order": _direction(descending=descending),
            "page": number,
            "size": PAGE,
        },
    )


async def users(proxy: Proxy, number: int, *, order: UserOrder = "user_id", descending: bool = False) -> UserPage:
    """``GET /user/list``; it cannot be ordered by budget."""
    return await proxy.get(
        "/user/list",
        UserPage,
        {
            "sort_by": order,
            "sort_order": _direction(descending=descending),
            "page": number,
            "page_size": PAGE,
        },
    )


async def teams(proxy: Proxy, number: int) -> TeamPage:
    """``GET /v2/team/list`` by id; it cannot be ordered by figures."""
    return await proxy.get(
        "/v2/team/list", TeamPage, {"sort_by": "team_id", "sort_order": "asc", "page": number, "page_size": PAGE}
    )


def _direction(*, descending: bool) -> str:
    return "desc" if descending else "asc"
