"""A write whose outcome is not told: it is looked up, never repeated, and what is found is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from mcp.types import CallToolResult

from litellm_steward.text import hash_key
from tests.recorded_tools import FULL_KEY, FULL_TEAM, FULL_USER
from tests.stage import facts_of, refusal_of, scene_name, text_of
from tests.stillness import chosen_id
from tests.tape import NEW, VERSIONS, Fault, scene
from tests.unit.playing import Stage, playing, replayed

LOST: Fault = "answer lost"
UNSENT: Fault = "never arrived"


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_made_without_an_answer_has_to_be_replaced(version: str) -> None:
    async with replayed(version, "generate_key", {"key_alias": "rec-lost"}, fault=LOST) as (stage, result):
        assert len(stage.player.sent("/key/generate")) == 1
    said = refusal_of(result)
    assert said.endswith(
        "A key 'rec-lost' was made all the same, but its secret is lost with the answer: "
        "delete it with delete_key and generate another."
    ), "and not: trying again may help"


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_that_was_not_made_may_be_tried_again(version: str) -> None:
    async with replayed(version, "generate_key", {"key_alias": "rec-unsent"}, fault=UNSENT) as (stage, result):
        assert len(stage.player.sent("/key/generate")) == 1
    assert refusal_of(result).endswith("No key 'rec-unsent' was made. Trying again may help.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_team_made_without_an_answer_is_a_team(version: str) -> None:
    async with replayed(version, "create_team", {"team_alias": "rec-lost"}, fault=LOST) as (stage, result):
        assert len(stage.player.sent("/team/new")) == 1
    assert facts_of(result)["team_id"] == chosen_id(1)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_user_made_without_an_answer_is_a_user_and_its_key_is_lost(version: str) -> None:
    arguments = {"user_id": "rec-lost", "create_key": True}
    async with replayed(version, "create_user", arguments, fault=LOST) as (stage, result):
        assert [len(stage.player.sent(path)) for path in ("/user/new", "/key/generate")] == [1, 1]
    said = refusal_of(result)
    assert said.startswith("The user 'rec-lost' was created, but got no key (generate_key makes one): ")
    assert said.endswith("its secret is lost with the answer: delete it with delete_key and generate another.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("tool", "name"), [("create_team", "team_alias"), ("create_user", "user_id")])
async def test_what_was_not_made_is_said_to_be_not_made(version: str, tool: str, name: str) -> None:
    async with replayed(version, tool, {name: "rec-unsent"}, fault=UNSENT) as (_, result):
        assert "was not created. Trying again may help." in refusal_of(result)


@asynccontextmanager
async def _dying(
    version: str, tool: str, path: str, arguments: Mapping[str, object], fault: Fault | None = None
) -> AsyncIterator[Stage]:
    """A proxy that takes the write and is gone before anything can be read back."""
    async with playing(scene(version, tool, scene_name(tool, arguments, fault))) as stage:
        stage.player.dies_after = path
        yield stage


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_new_key_is_handed_over_even_if_it_cannot_be_read_back(version: str, pauses: list[float]) -> None:
    async with _dying(version, "generate_key", "/key/generate", FULL_KEY) as stage:
        made = facts_of(await stage.call("generate_key", **FULL_KEY))
    assert made["key_id"] == hash_key(made["key"])
    assert made["key_masked"] == f"sk-...{made['key'][-4:]}"
    assert made["user"] == "alex_dev"
    assert made["notes"] == ["The key could not be read back: its limits and its expiry are as asked for, unconfirmed."]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_new_user_is_told_even_if_they_cannot_be_read_back(version: str, pauses: list[float]) -> None:
    arguments = {"user_email": "rec-new@example.com"}
    async with _dying(version, "create_user", "/user/new", arguments) as stage:
        made = facts_of(await stage.call("create_user", **arguments))
    assert made["user_email"] == "rec-new@example.com"
    assert made["notes"] == ["The user could not be read back: its settings are as asked for, unconfirmed."]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_new_user_without_the_key_that_was_asked_for_is_told(version: str, pauses: list[float]) -> None:
    async with _dying(version, "create_user", "/user/new", FULL_USER) as stage:
        said = refusal_of(await stage.call("create_user", **FULL_USER))
    assert said.startswith("The user 'rec-dana' was created, but got no key (generate_key makes one): No connection")
    assert "Trying again may help" not in said, "the user exists now"


@pytest.mark.asyncio
async def test_a_team_that_cannot_be_read_back_is_said_to_exist(pauses: list[float]) -> None:
    async with _dying(NEW, "create_team", "/team/new", FULL_TEAM) as stage:
        said = refusal_of(await stage.call("create_team", **FULL_TEAM))
    assert f"The team was created (id {chosen_id(1)}), but could not be read back." in said


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tool", "path", "arguments", "said"),
    [
        ("generate_key", "/key/generate", {"key_alias": "rec-lost"}, "Its alias would be 'rec-lost'"),
        ("create_team", "/team/new", {"team_alias": "rec-lost"}, "Whether the team was created is unknown"),
        (
            "create_user",
            "/user/new",
            {"user_id": "rec-lost", "create_key": True},
            "Whether the user 'rec-lost' was created is unknown",
        ),
        (
            "create_user",
            "/customer/new",
            {"user_id": "rec-client-lost", "kind": "customer"},
            "Whether the customer 'rec-client-lost' was created is unknown",
        ),
    ],
)
async def test_what_cannot_be_looked_up_stays_uncertain(
    tool: str, path: str, arguments: dict[str, object], said: str, pauses: list[float]
) -> None:
    async with _dying(NEW, tool, path, arguments, LOST) as stage:
        error = refusal_of(await stage.call(tool, **arguments))
    assert said in error
    assert error.endswith("The change may or may not have been made; look before trying again.")
    assert "Trying again may help" not in error


async def _agreed(stage: Stage, key: str) -> CallToolResult:
    """The key's deletion, agreed to."""
    token = facts_of(await stage.call("delete_key", key=key))["approval"]
    return await stage.call("delete_key", key=key, approval=token)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_deletion_that_cannot_be_proved_is_not_called_proved(version: str, pauses: list[float]) -> None:
    async with _dying(version, "delete_key", "/key/delete", {"key": "rec-doomed"}) as stage:
        result = await _agreed(stage, "rec-doomed")
    assert facts_of(result)["verified"] is False
    assert text_of(result).startswith("The proxy says it deleted rec-doomed (sk-...22f5)\n")
    assert "look at it with get_key_info" in text_of(result)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_deletion_without_an_answer_is_settled_by_the_keys_state(version: str) -> None:
    name = scene_name("delete_key", {"key": "rec-doomed-lost"}, LOST)
    async with playing(scene(version, "delete_key", name)) as stage:
        done = facts_of(await _agreed(stage, "rec-doomed-lost"))
        assert len(stage.player.sent("/key/delete")) == 1
    assert done["verified"] is True
    assert "The proxy's answer was lost, but the key is gone." in done["notes"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_deletion_that_did_not_happen_is_said_not_to_have(version: str) -> None:
    name = scene_name("delete_key", {"key": "rec-doomed-unsent"}, UNSENT)
    async with playing(scene(version, "delete_key", name)) as stage:
        said = refusal_of(await _agreed(stage, "rec-doomed-unsent"))
    assert "The key still exists: it was not deleted." in said


@pytest.mark.asyncio
async def test_a_deletion_of_which_nothing_can_be_learned_stays_uncertain(pauses: list[float]) -> None:
    async with _dying(NEW, "delete_key", "/key/delete", {"key": "rec-doomed-lost"}, LOST) as stage:
        said = refusal_of(await _agreed(stage, "rec-doomed-lost"))
    assert said.endswith("The change may or may not have been made; look before trying again.")
