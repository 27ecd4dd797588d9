"""Making a team: sent once, and a lost answer is settled by looking."""

from __future__ import annotations

from litellm_steward import errors
from litellm_steward.api import teams
from litellm_steward.api.proxy import Body, Proxy


async def create(proxy: Proxy, team_id: str, body: Body) -> list[str]:
    """Send it once; a lost answer is settled by the id that was chosen here, and noted."""
    try:
        await teams.new(proxy, body)
        return []  # noqa: TRY300 - not worth an else
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
        if await _exists(proxy, team_id):
            return ["The proxy's answer was lost, but the team was created."]
        error.nothing_seen(
            "The team was not created.",
            f"There is no team with the id {team_id} so far, but the proxy may still create it.",
        )
        raise


async def _exists(proxy: Proxy, team_id: str) -> bool:
    try:
        return await teams.by_id(proxy, team_id) is not None
    except errors.ProxyError as error:
        error.write_uncertain = True
        error.hint = f"Whether the team was created is unknown: look for the id {team_id} before trying again."
        raise
