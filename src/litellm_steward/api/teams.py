"""Teams: ``/team/*``. Aliases are not unique, and the list filter matches substrings in any case."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from litellm_steward import errors
from litellm_steward.api.budget import Budgeted, BudgetTable
from litellm_steward.api.keys import Key
from litellm_steward.api.pages import PAGE, in_parts
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.wire import Acknowledged, Count, Moment, Rows, Strings, Wire
from litellm_steward.text import quote

SEARCH: Final = "search of /v2/team/list"


class Member(Wire):
    user_id: str | None = None
    user_email: str | None = None
    role: str = "user"


class Team(Budgeted):
    """A team. ``models == []`` means every model."""

    team_id: str
    team_alias: str | None = None
    models: Strings = []
    blocked: bool = False
    members_with_roles: Rows[Member] = []
    metadata: dict[str, object] = {}
    created_at: Moment | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.team_alias or self.team_id


class TeamPage(Wire):
    """``GET /v2/team/list``."""

    teams: Rows[Team]
    total: Count
    total_pages: Count


class Membership(Wire):
    """What a team gives one member: ``litellm_budget_table`` holds the member's budget there."""

    user_id: str = ""
    litellm_budget_table: BudgetTable | None = None


class TeamInfo(Wire):
    """``GET /team/info``: the row, and every key of the team."""

    team_info: Team
    keys: Rows[Key]
    memberships: Rows[Membership] = Field(default=[], alias="team_memberships")

    def budget_of(self, user_id: str) -> BudgetTable | None:
        """The budget of one member there, if the team gives members one."""
        return next((m.litellm_budget_table for m in self.memberships if m.user_id == user_id), None)


async def by_id(proxy: Proxy, team_id: str) -> Team | None:
    """``GET /v2/team/list?team_id=``: one row of 1 to 2 kB, where ``/team/info`` is 200 kB."""
    if not team_id:
        return None
    found = await proxy.get("/v2/team/list", TeamPage, {"team_id": team_id, "page_size": 10})
    return next((team for team in found.teams if team.team_id == team_id), None)


async def by_alias(proxy: Proxy, alias: str, *, most: int = 1000) -> list[Team]:
    """``GET /v2/team/list?team_alias=``: every team whose alias contains the text, in any case.

    Raises ``Undecided`` where those are too many to look at.
    """
    if not alias:
        return []
    teams: list[Team] = []
    number = 1

    async def read(page: int, size: int) -> TeamPage:
        return await proxy.get(
            "/v2/team/list",
            TeamPage,
            {"team_alias": alias, "page": page, "page_size": size, "sort_by": "team_id"},
        )

    while len(teams) < most:
        page = await in_parts(read, number, "teams")
        teams += page.teams
        if number >= page.total_pages or not page.teams:  # an empty page ends a list, whatever it says of itself
            break
        number += 1
    else:
        raise errors.Undecided(f"The names of more than {most:,} teams contain {quote(alias)}")
    return teams


async def search(proxy: Proxy, text: str) -> list[Team] | None:
    """``GET /v2/team/list?search=``: the team with this id, and all whose alias contains the text, in one call.

    Older releases ignore ``search`` and return every team; that shows in the answer, is remembered, and ``None``.
    """
    if not text or proxy.lacks(SEARCH):
        return None
    page = await proxy.get("/v2/team/list", TeamPage, {"search": text, "page_size": PAGE})
    wanted = text.casefold()
    if any(team.team_id != text and wanted not in (team.team_alias or "").casefold() for team in page.teams):
        proxy.note_lack(SEARCH)
        return None
    return page.teams if page.total_pages <= 1 else None


async def some(proxy: Proxy, *, size: int = PAGE) -> list[Team]:
    """The first teams by alias, for suggesting a near name."""
    page = await proxy.get("/v2/team/list", TeamPage, {"page_size": size, "sort_by": "team_alias"})
    return page.teams


async def info(proxy: Proxy, team_id: str) -> TeamInfo | None:
    """``GET /team/info``."""
    try:
        return await proxy.get("/team/info", TeamInfo, {"team_id": team_id})
    except errors.Missing:
        return None


async def new(proxy: Proxy, body: Body) -> None:
    """``POST /team/new``; read back with ``by_id``."""
    await proxy.post("/team/new", Acknowledged, body)
