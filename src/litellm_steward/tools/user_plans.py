"""What somebody agrees to before a user has powers, or a customer limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from litellm_steward import errors
from litellm_steward.access import ADMIN, VIEWER
from litellm_steward.api.teams import Team
from litellm_steward.approval import Plan, typeable
from litellm_steward.budgets import budget_label
from litellm_steward.limits_notes import stopping
from litellm_steward.text import money, quote, sentence_list

_POWERS: Final[Mapping[str, str]] = {
    ADMIN: "can change and delete everything there, like the holder of the master key",
    VIEWER: "can see everything there: what everybody spends, and what the proxy logs of their calls",
}


def limited_customer_plan(customer_id: str, limits: Mapping[str, object]) -> Plan:
    """Whoever names the customer in calls does so without limits today."""
    amount, duration = limits.get("max_budget"), limits.get("budget_duration")
    parts = (
        [f"a {budget_label(str(duration) if duration else None).lower()} of {money(float(str(amount)))}"]
        if (amount is not None)
        else []
    )
    parts += [f"{value:,} {what} a minute" for what, value in _rates(limits)]
    name = quote(customer_id)
    today = f"Calls that name {name} as `user` work today without such limits, whichever key makes them."
    lines = (
        f"Create the customer {name} with {sentence_list(parts, len(parts))}.",
        f"{today} From then on the proxy refuses what is above them.",
        *stopping("customer", limits),
    )
    return Plan("create_user", lines, typeable(customer_id, otherwise="customer"), {"limits": dict(limits)})


def _rates(limits: Mapping[str, object]) -> list[tuple[str, int]]:
    named = (("requests", limits.get("rpm_limit")), ("tokens", limits.get("tpm_limit")))
    return [(what, value) for what, value in named if isinstance(value, int)]


def powerful_user_plan(
    role: str,
    user_id: str | None,
    user_email: str | None,
    teams: Sequence[Team],
    *,
    with_key: bool,
) -> Plan:
    """Bound to the teams as they were found; acting on it makes it void everywhere: the name is taken then."""
    if user_id is None and user_email is None:
        raise errors.InvalidArgument(f"A {role} needs a user_id or a user_email; nothing was created")
    name = user_id or user_email or ""
    mail = f" ({quote(user_email)})" if user_id and user_email else ""
    powers = _POWERS.get(role, "has powers that the steward does not know")
    lines = [
        f"Create the user {quote(name)}{mail} as a {role}.",
        f"Whoever logs in to the proxy as this user {powers}.",
    ]
    if teams:
        lines.append(f"The user joins {sentence_list([quote(team.name) for team in teams], len(teams))}.")
    if with_key:
        lines.append("The user gets a key.")
    identity = {"teams": [team.team_id for team in teams]}
    return Plan("create_user", tuple(lines), typeable(user_id, user_email, otherwise=role), identity)
