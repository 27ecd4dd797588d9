"""``team``: an id or an alias. Aliases are not unique, and the proxy takes an alias for an id unchecked."""

from __future__ import annotations

from litellm_steward.api import teams
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.errors import InvalidArgument
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
        exact, containing = await together(teams.by_id(proxy, reference), teams.by_alias(proxy, reference))
        found = [*containing, *([exact] if exact else [])]
    chosen = match("team", reference, map(_candidate, found))
    if chosen is None:
        raise not_found("team", reference, map(_candidate, [*found, *await teams.some(proxy)]))
    return chosen


async def same_alias(proxy: Proxy, alias: str) -> list[Team]:
    """The teams that have this alias already, whatever its case."""
    return [t for t in await teams.by_alias(proxy, alias) if (t.team_alias or "").casefold() == alias.casefold()]
