"""Deleting a key: only what was agreed to, only as it was, and proved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from litellm_steward.api.proxy import Proxy
from litellm_steward.text import hash_key
from tests.scrubbing import invented_hash, invented_key
from tests.stage import facts_of, refusal_of, scene_name, text_of
from tests.tape import NEW, VERSIONS, Exchange, Scene, scene
from tests.unit.playing import Stage, playing, tell

DOOMED = {"key": "rec-doomed"}


def _scene(version: str, key: str) -> Scene:
    return scene(version, "delete_key", scene_name("delete_key", {"key": key}))


async def _plan(stage: Stage, **arguments: object) -> dict[str, Any]:
    planned = facts_of(await stage.call("delete_key", **arguments))
    assert planned["status"] == "approval_required"
    assert stage.player.sent("/key/delete") == []
    return planned


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_first_the_plan_then_the_deletion(version: str) -> None:
    async with playing(_scene(version, "rec-doomed")) as stage:
        planned = await _plan(stage, **DOOMED)
        done = facts_of(await stage.call("delete_key", **DOOMED, approval=planned["approval"]))
        assert stage.player.sent("/key/delete") == [{"keys": [invented_hash("rec-doomed")]}], "one key, by its hash"
    assert planned["plan"][0] == "Delete the virtual key 'rec-doomed' (sk-...22f5) for good."
    assert planned["plan"][1].startswith("Owner: 'maria'; team: none; status: active, created 2026-")
    assert done["status"] == "deleted"
    assert done["verified"] is True
    assert done["notes"] == ["Other instances of the proxy may honour the key for up to 60 s."]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_leaked_key_is_tried_afterwards_because_it_was_given(version: str) -> None:
    raw = invented_key("rec-leaked")
    async with playing(_scene(version, raw)) as stage:
        planned = await _plan(stage, key=raw)
        result = await stage.call("delete_key", key=raw, approval=planned["approval"])
        assert [exchange.path for exchange in stage.player.asked if exchange.key == raw] == ["/v1/models"]
    assert "A call with the key was refused." in facts_of(result)["notes"]
    assert raw not in result.model_dump_json()


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_that_is_gone_is_not_deleted_again(version: str) -> None:
    said = refusal_of(await tell(version, "delete_key", key="departed"))
    assert said.startswith("This key was deleted already on 2026-")
    assert said.endswith("Nothing was changed.")


@pytest.mark.asyncio
async def test_the_stewards_own_key_is_never_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = scene(NEW, "get_key_info", scene_name("get_key_info", {"key": invented_key("ci-pipeline")}))
    own = invented_key("ci-pipeline")
    monkeypatch.setattr(Proxy, "own_key_id", lambda _: hash_key(own))
    async with playing(recorded) as stage:  # recorded with another admin key than the one that is ours here
        said = refusal_of(await stage.call("delete_key", key=own))
    assert said == "This is the steward's own admin key; deleting it would lock us out."


def _then(recorded: Scene, change: Callable[[dict[str, Any]], None]) -> Scene:
    """From its second reading on, the key's row is another."""
    seen: set[str] = set()
    exchanges: list[Exchange] = []
    for exchange in recorded.exchanges:
        if exchange.path == "/key/list" and exchange.question in seen and exchange.answer["keys"]:
            answer = json.loads(json.dumps(exchange.answer))
            change(answer["keys"][0])
            exchanges.append(replace(exchange, answer=answer))
        else:
            exchanges.append(exchange)
        seen.add(exchange.question)
    assert tuple(exchanges) != recorded.exchanges
    return replace(recorded, exchanges=tuple(exchanges))


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "changed",
    [
        {"key_alias": "rec-DOOMED"},
        {"user_id": "priya"},
        {"team_id": "another"},
        {"max_budget": 99.0},
        {"models": ["gpt-4o"]},
        {"blocked": True},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"token": "ef" * 32},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_what_was_changed_since_the_plan_is_not_deleted(version: str, changed: dict[str, Any]) -> None:
    async with playing(_then(_scene(version, "rec-doomed"), lambda row: row.update(changed))) as stage:
        planned = await _plan(stage, **DOOMED)
        if "team_id" in changed:  # the plan names the team, which was not recorded
            stage.player.allow("/v2/team/list", {"teams": [], "total": 0, "total_pages": 0})
        said = refusal_of(await stage.call("delete_key", **DOOMED, approval=planned["approval"]))
        assert stage.player.sent("/key/delete") == []
    assert said.startswith("This approval is not valid for this call, or its target has changed since.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_leaked_key_that_is_in_use_meanwhile_is_deleted(version: str) -> None:
    def used(row: dict[str, Any]) -> None:
        row.update(spend=row["spend"] + 12.5, last_active="2026-11-21T09:00:00Z", updated_at="2026-11-21T09:00:00Z")

    async with playing(_then(_scene(version, "rec-doomed"), used)) as stage:
        planned = await _plan(stage, **DOOMED)
        result = await stage.call("delete_key", **DOOMED, approval=planned["approval"])
    assert facts_of(result)["status"] == "deleted"


@pytest.mark.asyncio
async def test_a_token_of_one_key_does_not_delete_another() -> None:
    async with playing(_scene(NEW, "rec-doomed"), _scene(NEW, invented_key("rec-leaked"))) as stage:
        planned = await _plan(stage, **DOOMED)
        said = refusal_of(await stage.call("delete_key", key=invented_key("rec-leaked"), approval=planned["approval"]))
        assert stage.player.sent("/key/delete") == []
    assert "not valid for this call" in said


@pytest.mark.asyncio
async def test_a_proxy_that_claims_success_and_keeps_the_key_is_not_believed() -> None:
    recorded = _scene(NEW, "rec-doomed")
    row = next(e for e in recorded.exchanges if e.path == "/key/list").answer["keys"][0]
    kept = tuple(
        replace(e, status=200, answer={"key": row["token"], "info": row}) if e.path == "/key/info" else e
        for e in recorded.exchanges
    )
    async with playing(replace(recorded, exchanges=kept)) as stage:
        planned = await _plan(stage, **DOOMED)
        said = refusal_of(await stage.call("delete_key", **DOOMED, approval=planned["approval"]))
    assert said.startswith("The proxy says that it deleted the key, but still knows it as usable.")


@pytest.mark.asyncio
async def test_the_plan_is_what_a_person_reads() -> None:
    async with playing(_scene(NEW, "rec-doomed")) as stage:
        result = await stage.call("delete_key", **DOOMED)
    lines = text_of(result).splitlines()
    assert lines[0] == "Agreement is needed first; nothing was changed yet:"
    assert lines[5] == "- Gateway: 'http://litellm.test:4000'."
    assert [line.removeprefix("- ") for line in lines[1:6]] == facts_of(result)["plan"]
    assert lines[6].startswith("Show this to the user; if they agree, call again with approval=")
    assert hash_key(invented_key("rec-doomed")) not in text_of(result)
