"""What a key may do decides what is offered, and changes leave a record: with real keys on real proxies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live.conftest import Connect
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]
READING = ["get_key_info", "get_model_info", "get_team_info", "get_user_info"]


async def test_the_master_key_is_offered_everything(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        assert len((await steward.client.list_tools()).tools) == 10


async def test_a_viewers_key_is_offered_what_reads(gateway: Seeded, connect: Connect) -> None:
    async with connect(LITELLM_MASTER_KEY=gateway.ledger.keys["viewer-key"].raw) as steward:
        assert [tool.name for tool in (await steward.client.list_tools()).tools] == READING
        said = (await steward("delete_key", key="cs-bot")).error()
    assert "delete_key cannot work" in said
    assert gateway.sql("select count(*) from \"LiteLLM_VerificationToken\" where key_alias = 'cs-bot'") == [(1,)]


async def test_somebodys_own_key_is_offered_nothing(gateway: Seeded, connect: Connect) -> None:
    """The proxy would show it a part of the company as if it were all."""
    async with connect(LITELLM_MASTER_KEY=gateway.ledger.keys["alex-personal"].raw) as steward:
        assert (await steward.client.list_tools()).tools == []
        assert "not an admin's" in (await steward("get_team_info", team="Marketing")).error()


async def test_a_key_made_and_deleted_leaves_a_record(gateway: Seeded, connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    async with connect(STEWARD_AUDIT_LOG=str(path)) as steward:
        made = (await steward("generate_key", key_alias="recorded", user="alex_dev")).ok()
        plan = (await steward("delete_key", key="recorded")).ok()
        (await steward("delete_key", key="recorded", approval=plan["approval"])).ok()
        (await steward("get_key_info", key="cs-bot")).ok()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["tool"], line["event"], line.get("outcome"), line.get("approval")) for line in lines] == [
        ("generate_key", "tried", None, None),
        ("generate_key", "outcome", "done", None),
        ("delete_key", "outcome", "approval_required", "asked"),
        ("delete_key", "tried", None, "token"),
        ("delete_key", "outcome", "done", "token"),
    ]
    assert lines[-1]["requests"] == ["POST /key/delete"]
    assert lines[-1]["targets"] == {"key": "recorded", "key_id": made["key_id"], "user": "alex_dev"}
    assert lines[-1]["client"].startswith("mcp")
    for secret in (made["key"], plan["approval"], gateway.running.master_key):
        assert secret not in path.read_text()
