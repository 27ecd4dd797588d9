"""What somebody agrees to before a new team gives powers, or takes a name from another."""

from __future__ import annotations

from collections.abc import Sequence

from litellm_steward.api.teams import Team
from litellm_steward.approval import Plan, typeable
from litellm_steward.text import count, named, quote, sentence_list


def new_team_plan(alias: str, admins: Sequence[str], members: Sequence[str], twins: Sequence[Team]) -> Plan | None:
    """``None`` where nothing has to be agreed to: members without powers, and a name that is free.

    ``admins`` and ``members`` are user ids, ``twins`` the teams that have the alias already.
    """
    if not admins and not twins:
        return None
    lines = [f"Create the team {quote(alias)} with {count(len(admins) + len(members), 'member')}."]
    if admins:
        lines.append(
            f"{sentence_list([named(admin) for admin in admins], len(admins))} will be an admin of it: may add and "
            "remove its members, and make, change and delete its keys."
        )
    if twins:
        ids = sentence_list([quote(team.team_id) for team in twins], 5)
        lines.append(
            f"There is a team of this name already (id {ids}): from then on the name alone means neither, "
            "and whoever uses it has to use an id."
        )
    identity = {"admins": list(admins), "members": list(members), "twins": [team.team_id for team in twins]}
    return Plan("create_team", tuple(lines), typeable(alias, otherwise="team"), identity)
