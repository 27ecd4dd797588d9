"""What is said of limits that stop every call, and of spending that nothing stops."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_steward.api.budget import BudgetTable
from litellm_steward.api.keys import Key
from litellm_steward.api.teams import Team
from litellm_steward.api.users import User
from litellm_steward.limits_notes import key_without_budget, stopping, team_without_budget, user_without_budget

TEAM = Team(team_id="t1", max_budget=500, budget_duration="30d")
POOR_TEAM = Team(team_id="t2")
OWN = "The key has no budget of its own: what limits its spending is"
OWNER = User(user_id="ada", max_budget=20)


@pytest.mark.parametrize("name", ["rpm_limit", "tpm_limit", "max_parallel_requests"])
def test_a_limit_of_nothing_is_said_to_stop_everything(name: str) -> None:
    assert stopping("key", {name: 0}) == [f"{name} is 0: the proxy refuses every call with the key."]
    assert stopping("key", {name: 1}) == stopping("key", {name: None}) == stopping("key", {}) == []


def test_a_budget_of_nothing_stops_at_once_or_after_the_first_spend() -> None:
    assert stopping("key", {"max_budget": 0.0}) == ["max_budget is 0: the proxy refuses every call with the key."]
    (team,) = stopping("team", {"max_budget": 0})
    assert team == "max_budget is 0: as soon as anything is spent, the proxy refuses every call with a key of the team."
    (user,) = stopping("user", {"max_budget": 0})
    assert user.endswith("a key of the user that is in no team.")


@pytest.mark.parametrize(
    ("key", "around", "said"),
    [
        ({"max_budget": 5}, {}, []),
        ({"budget_limits": [{"max_budget": 5, "budget_duration": "1d"}]}, {}, []),
        ({"litellm_budget_table": {"max_budget": 5}}, {}, []),
        ({}, {}, ["No budget limits what the key spends (it has none)."]),
        ({"rpm_limit": 5}, {}, ["No budget limits what the key spends (it has none), only a rate limit slows it."]),
        (
            {},
            {"team": POOR_TEAM, "owner": OWNER},
            ["No budget limits what the key spends (neither the key nor its team nor its owner has one)."],
        ),
        (
            {},
            {"team": TEAM, "owner": OWNER},
            [f"{OWN} its team's monthly budget of $500.00."],
        ),
        (
            {},
            {"owner": OWNER},
            [f"{OWN} its owner's lifetime budget of $20.00."],
        ),
        (
            {},
            {"team": POOR_TEAM, "owner": OWNER, "member": BudgetTable(max_budget=3, budget_duration="1d")},
            [f"{OWN} its owner's daily budget of $3.00 in the team."],
        ),
    ],
)
def test_what_limits_a_key_without_a_budget(key: dict[str, Any], around: dict[str, Any], said: list[str]) -> None:
    rows: dict[str, Any] = {"team": None, "owner": None, "member": None, **around}
    assert key_without_budget(Key.model_validate(key), **rows) == said


def test_a_team_and_a_user_without_a_budget_say_so() -> None:
    assert team_without_budget(TEAM) == user_without_budget(OWNER) == []
    assert team_without_budget(POOR_TEAM) == [
        "The team has no budget: a key of it that has none of its own spends without limit."
    ]
    (said,) = user_without_budget(User(user_id="ada", tpm_limit=9))
    assert said.endswith("spends without limit, only the rate limit slows it.")
