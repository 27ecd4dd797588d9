"""What deleting a key means, and when it is refused."""

from __future__ import annotations

from litellm_steward import errors
from litellm_steward.api.keys import Key
from litellm_steward.api.teams import Team
from litellm_steward.approval import Plan, typeable
from litellm_steward.steward import Steward
from litellm_steward.text import is_masked_key, money, quote
from litellm_steward.tools.blocks import iso, spoken_time


def masked(key: Key) -> str:
    """LiteLLM's ``sk-...a1b2``, which the proxy can be told not to keep."""
    return key.key_name if is_masked_key(key.key_name) else "sk-..."


def refuse_own_or_gone(steward: Steward, key: Key) -> None:
    if key.status() == "deleted":
        when = f" on {spoken_time(iso(key.deleted_at) or '')}" if key.deleted_at else ""
        raise errors.Refused(f"This key was deleted already{when}. Nothing was changed.")
    if key.token == steward.proxy.own_key_id():
        raise errors.Refused("This is the steward's own admin key; deleting it would lock us out.")


def _code(key: Key) -> str:
    """What is typed for a key without an alias that can be: its masked form, else the first of its id."""
    return key.key_name if is_masked_key(key.key_name) else key.token[:6]


def deletion_plan(key: Key, team: Team | None, notes: tuple[str, ...]) -> Plan:
    """The dry run. Bound to what only a deliberate change alters, never to spend or last use."""
    name = quote(key.key_alias) if key.key_alias else "without alias"
    owner = quote(key.user_id) if key.user_id else "nobody"
    where = quote(team.name) if team else quote(key.team_id) if key.team_id else "none"
    used = f", last used {spoken_time(iso(key.last_active) or '')}" if key.last_active else ""
    made = f", created {spoken_time(iso(key.created_at) or '')}" if key.created_at else ""
    return Plan(
        tool="delete_key",
        lines=(
            f"Delete the virtual key {name} ({masked(key)}) for good.",
            f"Owner: {owner}; team: {where}; status: {key.status()}{made}{used}.",
            f"Spent {money(key.spend)} in its current budget window.",
            "Every call with it will be refused. This cannot be undone.",
            *notes,
        ),
        typed=typeable(key.key_alias, otherwise=_code(key)),
        identity={
            "token": key.token,
            "key_alias": key.key_alias,
            "user_id": key.user_id,
            "team_id": key.team_id,
            "blocked": key.blocked,
            "expires": key.expires,
            "models": key.models,
            "max_budget": key.max_budget,
            "budget_duration": key.budget_duration,
            "created_at": key.created_at,
        },
    )
