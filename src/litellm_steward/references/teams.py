"""``team``: an id or an alias. Aliases are not unique, and the proxy takes an alias for an id unchecked."""

from __future__ import annotations

from collections.abc import Coroutine

from litellm_steward.api import teams
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.errors import InvalidArgument, Undecided
from litellm_steward.references.matching import Candidate, Match, label, match, not_found
from litellm_steward.together import together


def _candidate(team: Team) -> Candidate[Team]:
    names = (team.team_alias,) if team.team_alias else ()
    return Candidate(team, team.team_id, names, label(team.team_alias, team.team_id))


async def resolve_team(proxy: Proxy, reference: str) -> Match[Team]:
    """The team meant, by id or alias: one read of ``/v2/team/list``, or two at the same time on older releases."""
    reference = reference.strip()
    if not reference:
        raise InvalidArgument("team must not be empty")
    found = await teams.search(proxy, reference)
    if found is None:
        found = await _by_either(proxy, reference)
    chosen = match("team", reference, map(_candidate, found))
    if chosen is None:
        raise not_found("team", reference, map(_candidate, [*found, *await teams.some(proxy)]))
    return chosen


async def _by_either(proxy: Proxy, reference: str) -> list[Team]:
    """The team with this id, and those whose alias contains it; an id is enough where those cannot be counted."""
    exact, containing = await together(teams.by_id(proxy, reference), _attempted(teams.by_alias(proxy, reference)))
    if isinstance(containing, Undecided):
        if exact is None:
            raise containing
        containing = []
    return [*containing, *([exact] if exact else [])]


async def _attempted(read: Coroutine[object, object, list[Team]]) -> list[Team] | Undecided:
    try:
        return await read
    except Undecided as error:
        return error


async def taken_by(proxy: Proxy, alias: str) -> tuple[list[Team], Team | None]:
    """The teams that have this alias already, whatever its case, and the team that has it as its id."""
    alike, exact = await together(teams.by_alias(proxy, alias), teams.by_id(proxy, alias))
    return [t for t in alike if (t.team_alias or "").casefold() == alias.casefold()], exact
