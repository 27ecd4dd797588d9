"""What is said of limits that stop every call, and of spending that nothing stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from litellm_steward.api.budget import Budgeted, BudgetTable
from litellm_steward.api.keys import Key
from litellm_steward.api.teams import Team
from litellm_steward.api.users import User
from litellm_steward.budgets import budget_label
from litellm_steward.text import money, sentence_list

Limited = Literal["key", "team", "user", "customer"]

WHOSE_CALLS: Final[Mapping[Limited, str]] = {
    "key": "every call with the key",
    "team": "every call with a key of the team",
    "user": "every call with a key of the user",
    "customer": "every call that names the customer",
}

_STOPPING: Final = ("rpm_limit", "tpm_limit", "max_parallel_requests")
RATES: Final = "a rate limit"


def stopping(kind: Limited, asked: Mapping[str, object]) -> list[str]:
    """A note for each limit of 0. Measured on 1.83.14 and 1.110.2.

    A budget of 0 is compared before the first call for a key, and for the keys of a user that belong to no team; for a
    team and a customer once their first spend is booked.
    """
    notes = [f"{name} is 0: the proxy refuses {WHOSE_CALLS[kind]}." for name in _STOPPING if _is_zero(asked.get(name))]
    if _is_zero(asked.get("max_budget")):
        notes.append(
            {
                "key": "max_budget is 0: the proxy refuses every call with the key.",
                "user": "max_budget is 0: the proxy refuses every call with a key of the user that is in no team.",
            }.get(kind, f"max_budget is 0: as soon as anything is spent, the proxy refuses {WHOSE_CALLS[kind]}.")
        )
    return notes


def key_without_budget(key: Key, team: Team | None, owner: User | None, member: BudgetTable | None) -> list[str]:
    """What limits the spending of a key that has no budget of its own; ``member``: its owner's budget in the team."""
    if key.has_budget:
        return []
    bounds = [
        *_budget("its team's", team),
        *_budget("its owner's", member, " in the team"),
        *(_budget("its owner's", owner) if team is None else []),
    ]
    if bounds:
        return [f"The key has no budget of its own: what limits its spending is {sentence_list(bounds)}."]
    missing = ["the key", *(["its team"] if team else []), *(["its owner"] if owner else [])]
    whose = f"neither {' nor '.join(missing)} has one" if len(missing) > 1 else "it has none"
    rates = any(_has_rates(row) for row in (key, team, owner) if row is not None)
    return [f"No budget limits what the key spends ({whose}){', only a rate limit slows it' if rates else ''}."]


def team_without_budget(team: Team) -> list[str]:
    if team.max_budget is not None:
        return []
    slowed = ", only the rate limit slows it" if _has_rates(team) else ""
    return [f"The team has no budget: a key of it that has none of its own spends without limit{slowed}."]


def user_without_budget(user: User) -> list[str]:
    if user.max_budget is not None:
        return []
    slowed = ", only the rate limit slows it" if _has_rates(user) else ""
    return [f"The user has no budget: a key of theirs that has none, and is in no team, spends without limit{slowed}."]


def _budget(whose: str, row: Budgeted | BudgetTable | None, where: str = "") -> list[str]:
    if row is None or row.max_budget is None:
        return []
    label = budget_label(row.budget_duration)
    return [f"{whose} {label[:1].lower()}{label[1:]} of {money(row.max_budget)}{where}"]


def _has_rates(row: Budgeted) -> bool:
    return any(getattr(row, name) is not None for name in _STOPPING)


def _is_zero(value: object) -> bool:
    return value is not None and not isinstance(value, bool) and value == 0
