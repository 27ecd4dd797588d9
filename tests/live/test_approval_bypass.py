"""Every way around an agreement that we could think of, on real proxies: refused, and nothing is changed there."""

from __future__ import annotations

from typing import Final

import anyio
import pytest
from mcp import MCPError
from mcp.types import METHOD_NOT_FOUND, ElicitRequestParams, ElicitResult

from litellm_steward import approval
from litellm_steward.approval import LIFETIME
from tests.live.harness import Answered, Era, Seeded
from tests.live.replicas import ASKING, Person, asleep, planned, replica, state, target

pytestmark = [pytest.mark.live, pytest.mark.asyncio]


@pytest.mark.parametrize("tool", ASKING)
async def test_tokens_that_nobody_was_given(gateway: Seeded, tool: str) -> None:
    """None, invented, changed by a character, stretched, of another process, and expired."""
    with target(gateway, tool) as aim:
        before = state(gateway)
        async with replica(gateway) as steward, replica(gateway) as stranger:
            assert (await steward(tool, **aim.arguments)).ok()["status"] == "approval_required"
            assert (await steward(tool, **aim.arguments, approval="")).ok()["status"] == "approval_required"
            token = await planned(steward, aim)
            expires, nonce, seal = token.split(".")
            later = f"{int(expires, 16) + 3600:x}"
            forged = [
                "yes",
                "approved",
                "..",
                f"{expires}.{nonce}.",
                f"{expires}.{nonce}.{'0' * len(seal)}",
                f"{later}.{nonce}.{seal}",
                f"{expires}.{nonce[::-1]}.{seal}",
                f"{token}0",
                token.upper() if token.upper() != token else f"{token}x",
                f"{expires}.{nonce}.{seal}.{seal}",
                "\u202e" + token,
                "0" * 200,  # the longest that is taken at all
                await planned(stranger, aim),
            ]
            for attempt in forged:
                said = (await steward(tool, **aim.arguments, approval=attempt)).error()
                assert "Nothing was changed" in said, attempt
            steward.clock[0] = LIFETIME + 1
            assert "has expired" in (await steward(tool, **aim.arguments, approval=token)).error()
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_a_token_serves_no_other_call(gateway: Seeded, tool: str) -> None:
    with target(gateway, tool) as aim, target(gateway, "delete_key") as key, target(gateway, "delete_model") as model:
        before = state(gateway)
        async with replica(gateway) as steward:
            token = await planned(steward, aim)
            for other in aim.others:
                assert "Nothing was changed" in (await steward(tool, **other, approval=token)).error()
            for another in (key, model):
                said = (await steward(another.tool, **another.arguments, approval=token)).error()
                assert "not valid for this call" in said
        assert state(gateway) == before


async def test_a_token_is_spent_once(gateway: Seeded) -> None:
    """Also when a key with the same alias is made anew: it is another key."""
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            token = await planned(steward, aim)
            assert (await steward("delete_key", **aim.arguments, approval=token)).ok()["status"] == "deleted"
            gateway.admin("POST", "/key/generate", json={"key_alias": aim.arguments["key"]}).raise_for_status()
            before = state(gateway)
            said = (await steward("delete_key", **aim.arguments, approval=token)).error()
            assert "Nothing was changed" in said
        assert state(gateway) == before


@pytest.mark.parametrize(
    "change", [{"key_alias": "moved-elsewhere"}, {"user_id": "maria"}, {"max_budget": 5}, {"models": ["gpt-4o"]}]
)
async def test_a_target_that_changed_since_is_not_what_was_agreed_to(
    gateway: Seeded, change: dict[str, object]
) -> None:
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            plan = (await steward("delete_key", **aim.arguments)).ok()
            plan = (await steward("delete_key", key=plan["key_id"])).ok()  # its alias may be another one soon
            moved = {"key": plan["key_id"], **change}
            gateway.admin("POST", "/key/update", json=moved).raise_for_status()
            before = state(gateway)
            said = (await steward("delete_key", key=plan["key_id"], approval=plan["approval"])).error()
            assert "its target has changed since" in said
            assert state(gateway) == before
        gateway.admin("POST", "/key/delete", json={"keys": [plan["key_id"]]})


async def test_spend_and_use_do_not_make_a_token_void(gateway: Seeded) -> None:
    """A leaked key is in use while it is being revoked."""
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            plan = (await steward("delete_key", **aim.arguments)).ok()
            body = {"key": plan["key_id"], "spend": 12.5}
            gateway.admin("POST", "/key/update", json=body).raise_for_status()
            done = await steward("delete_key", **aim.arguments, approval=plan["approval"])
            assert done.ok()["status"] == "deleted"


def answers(action: str, word: str | None = None) -> Person:
    async def person(params: ElicitRequestParams) -> ElicitResult:
        content = None if word is None else {"confirm": word}
        return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    return person


UNWILLING: Final[dict[str, tuple[Person, str]]] = {
    "declined": (answers("decline"), "The user declined"),
    "closed": (answers("cancel"), "closed the form"),
    "a wrong word": (answers("accept", "yes"), "is not"),
    "nothing typed": (answers("accept", ""), "is not"),
    "accepted without the word": (answers("accept"), "is not"),
}


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("tool", ASKING)
async def test_a_person_who_does_not_agree(gateway: Seeded, tool: str, era: Era) -> None:
    with target(gateway, tool) as aim:
        before = state(gateway)
        for person, words in UNWILLING.values():
            async with replica(gateway, person, era) as steward:
                said = (await steward(tool, **aim.arguments)).error()
                assert words in said
                assert "Nothing was changed" in said
        assert state(gateway) == before


async def _does_not_know_forms(params: ElicitRequestParams) -> ElicitResult:
    raise MCPError(code=METHOD_NOT_FOUND, message="Method not found")


@pytest.mark.parametrize("mode", ["auto", "elicit"])
@pytest.mark.parametrize(("person", "said"), [(asleep, "Nobody answered"), (_does_not_know_forms, "with an error")])
async def test_a_client_that_says_that_it_shows_forms_and_does_not(
    gateway: Seeded, mode: str, person: Person, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call ends all the same, and there is no token with which the agent could agree by itself."""
    monkeypatch.setattr(approval, "FORM_WAITS", 0.2)
    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with replica(gateway, person, "legacy", steward_approval=mode) as steward:
            answer = (await steward("delete_key", **aim.arguments)).error()
        assert said in answer
        assert "so nobody agreed. Nothing was changed." in answer
        assert state(gateway) == before


async def test_a_call_that_is_given_up_while_the_form_is_open(gateway: Seeded) -> None:
    opened, ended = anyio.Event(), list[Answered]()

    async def asleep(params: ElicitRequestParams) -> ElicitResult:
        opened.set()
        await anyio.sleep_forever()
        raise AssertionError

    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with replica(gateway, asleep, "legacy") as steward, anyio.create_task_group() as tasks:

            async def call() -> None:
                ended.append(await steward("delete_key", **aim.arguments))

            tasks.start_soon(call)
            with anyio.fail_after(30):
                await opened.wait()
            tasks.cancel_scope.cancel()
        assert ended == []
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_a_mode_that_takes_a_persons_word_only(gateway: Seeded, tool: str) -> None:
    with target(gateway, tool) as aim:
        before = state(gateway)
        async with replica(gateway) as planning, replica(gateway, steward_approval="elicit") as steward:
            token = await planned(planning, aim)
            for attempt in ({}, {"approval": token}, {"approval": "yes"}):
                assert (await steward(tool, **aim.arguments, **attempt)).is_error
        assert state(gateway) == before
