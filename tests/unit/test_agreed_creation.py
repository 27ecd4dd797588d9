"""What is made only once somebody agreed: powers in a team, and limits for whom calls name already."""

from __future__ import annotations

import pytest

from tests.recorded_tools import ADMINISTERED_TEAM, LIMITED_CUSTOMER
from tests.stage import facts_of, scene_name
from tests.tape import NEW, VERSIONS, scene
from tests.unit.playing import playing


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_team_with_an_admin_is_agreed_to_and_who_is_named_twice_keeps_the_stronger_role(version: str) -> None:
    async with playing(scene(version, "create_team", scene_name("create_team", ADMINISTERED_TEAM))) as stage:
        planned = facts_of(await stage.call("create_team", **ADMINISTERED_TEAM))
        assert (planned["status"], planned.get("team_id")) == ("approval_required", None)
        assert planned["plan"][0] == "Create the team 'rec-Led' with 2 members."
        assert planned["plan"][1].startswith("maria will be an admin of it: may add and remove its members, ")
        assert stage.player.sent("/team/new") == []
        made = facts_of(await stage.call("create_team", **ADMINISTERED_TEAM, approval=planned["approval"]))
        (sent,) = stage.player.sent("/team/new")
    assert sent["members_with_roles"] == [{"role": "admin", "user_id": "maria"}, {"role": "user", "user_id": "priya"}]
    assert made["status"] == "created"
    assert "'maria' was named more than once, and is a member as admin." in made["notes"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_customer_with_a_budget(version: str) -> None:
    async with playing(scene(version, "create_user", scene_name("create_user", LIMITED_CUSTOMER))) as stage:
        planned = facts_of(await stage.call("create_user", **LIMITED_CUSTOMER))
        assert stage.player.sent("/customer/new") == []
        assert planned["plan"][0] == "Create the customer 'rec-client' with a monthly budget of $30.00."
        assert planned["plan"][1].startswith("Calls that name 'rec-client' as `user` work today without such limits")
        made = facts_of(await stage.call("create_user", **LIMITED_CUSTOMER, approval=planned["approval"]))
        assert stage.player.sent("/customer/new") == [
            {"user_id": "rec-client", "alias": "Client", "max_budget": 30.0, "budget_duration": "30d"}
        ]
    assert (made["kind"], made["budget"]["max_budget"]) == ("customer", 30.0)
    assert ("budget_reset_at" in made["budget"]) == (version == NEW), "older ones do not tell"
