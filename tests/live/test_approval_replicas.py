"""Replicas that share STEWARD_APPROVAL_KEY are one, and two gateways are two: forms and tokens, on real proxies."""

from __future__ import annotations

import time
from typing import Any

import pytest
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult
from pydantic import SecretStr

from examples.gateway import UPSTREAM_API_KEY, FakeUpstream
from tests.live.harness import Seeded
from tests.live.replicas import ASKING, SHARED, Replica, asleep, planned, replica, state, target
from tests.stage import facts_of, refusal_of

pytestmark = [pytest.mark.live, pytest.mark.asyncio]


@pytest.mark.parametrize(
    "keys", [(SHARED, SHARED), (SHARED, SHARED[::-1]), (None, None)], ids=["one key", "two", "none"]
)
async def test_a_form_that_one_replica_showed_is_answered_to_another(
    gateway: Seeded, keys: tuple[str | None, str | None]
) -> None:
    """As after a restart. It works once, and only where both have one key."""
    settings: list[dict[str, Any]] = [{"steward_approval_key": SecretStr(key)} if key else {} for key in keys]
    with target(gateway, "delete_key") as aim:
        name = str(aim.arguments["key"])
        before = state(gateway)
        async with replica(gateway, asleep, **settings[0]) as one, replica(gateway, asleep, **settings[1]) as two:
            shown = await one.client.session.call_tool("delete_key", dict(aim.arguments), allow_input_required=True)
            assert isinstance(shown, InputRequiredResult)

            async def answered(to: Replica) -> CallToolResult:
                return await to.client.session.call_tool(
                    "delete_key",
                    dict(aim.arguments),
                    input_responses={"approval": ElicitResult(action="accept", content={"confirm": name})},
                    request_state=shown.request_state,
                )

            done = await answered(two)
            if keys[0] is None or keys[0] != keys[1]:
                assert "all need the same STEWARD_APPROVAL_KEY" in refusal_of(done)
                assert state(gateway) == before
                return
            assert facts_of(done)["status"] == "deleted"
            for again in (await answered(one), await answered(two)):
                assert again.is_error


async def test_an_approval_of_one_gateway_serves_no_other(gateway: Seeded) -> None:
    """Of two names of one proxy, each is another gateway to the steward."""
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    elsewhere = gateway.running.base_url.replace("127.0.0.1", "localhost")
    assert elsewhere != gateway.running.base_url
    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with (
            replica(gateway, **shared) as staging,
            replica(gateway, **shared, litellm_base_url=elsewhere) as production,
        ):
            plan = (await staging("delete_key", **aim.arguments)).ok()
            assert plan["plan"][-1] == f"Gateway: '{gateway.running.base_url}'."
            said = (await production("delete_key", **aim.arguments, approval=plan["approval"])).error()
            assert "not valid for this call" in said
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_two_replicas_that_share_a_key(gateway: Seeded, tool: str) -> None:
    """Each takes the other's token; what one has done, the other does not do again."""
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    with target(gateway, tool) as aim:
        async with replica(gateway, **shared) as one, replica(gateway, **shared) as two:
            token = await planned(one, aim)
            if tool == "create_model":  # what it makes would send the key, which this suite forbids
                wrong = (await two(tool, **aim.others[0], approval=token)).error()
                assert "not valid for this call" in wrong
                return
            done = "created" if tool == "create_user" else "deleted"
            assert (await two(tool, **aim.arguments, approval=token)).ok()["status"] == done
            before = state(gateway)
            assert (await one(tool, **aim.arguments, approval=token)).is_error
            assert (await two(tool, **aim.arguments, approval=token)).is_error
        assert state(gateway) == before


async def test_a_replica_does_not_make_a_second_deployment(gateway: Seeded) -> None:
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    with FakeUpstream() as upstream:
        arguments = {
            "model_name": f"twice-{time.monotonic_ns()}",
            "model": "openai/twice",
            "api_key": UPSTREAM_API_KEY,
            "api_base": upstream.base_url,
        }
        async with replica(gateway, **shared) as one, replica(gateway, **shared) as two:
            plan = (await one("create_model", **arguments)).ok()
            made = (await one("create_model", **arguments, approval=plan["approval"])).ok()
            try:
                before = state(gateway)
                said = (await two("create_model", **arguments, approval=plan["approval"])).error()
                assert "its target has changed since" in said
                assert state(gateway) == before
            finally:
                gateway.admin("POST", "/model/delete", json={"id": made["model_id"]})
