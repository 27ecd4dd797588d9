"""The record of changes: complete, without secrets, and no change without it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_steward.settings import SettingsError
from tests.stage import call, facts_of, refusal_of, steward_at, text_of
from tests.tape import BASE_URL, MASTER_KEY

pytestmark = pytest.mark.asyncio
RAW = "sk-new-key-that-must-not-be-recorded"
HASH = "0" * 64


class Gateway(httpx.AsyncBaseTransport):
    """Makes one key; ``down`` breaks the connection with the first write, so that nothing is known after it."""

    def __init__(self, *, down: bool = False, refuses: bool = False) -> None:
        self.down, self.refuses = down, refuses
        self.writes: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down and self.writes:
            raise httpx.ReadError("reset", request=request)
        if request.url.path == "/v2/team/list":
            return httpx.Response(200, json={"teams": [], "total": 0, "page": 1, "total_pages": 0})
        if request.method == "POST" and request.url.path in {"/key/generate", "/key/delete", "/team/new"}:
            self.writes.append(request)
            if self.down:
                raise httpx.ReadError("reset", request=request)
            if self.refuses:
                return httpx.Response(400, json={"error": {"message": "not that one", "code": "400"}})
            asked = json.loads(request.content).get("allowed_routes")
            return httpx.Response(
                200, json={"key": RAW, "token": HASH, "deleted_keys": [HASH], "allowed_routes": asked}
            )
        if request.url.path == "/key/list":
            row = {"token": HASH, "key_alias": "bot", "key_name": "sk-...0001", "user_id": "maria", "spend": 1.0}
            return httpx.Response(200, json={"keys": [] if self.writes else [row], "total_count": 1, "total_pages": 1})
        return httpx.Response(404, json={"error": {"message": "no such key", "code": "404"}})


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_change_is_two_lines_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    gateway = Gateway()
    steward = steward_at(BASE_URL, gateway, {"steward_audit_log": path})
    facts_of(await call(steward, "generate_key", key_alias="bot"))
    tried, outcome = lines_of(path)
    assert (tried["event"], outcome["event"], outcome["outcome"]) == ("tried", "outcome", "done")
    assert tried["change"] == outcome["change"]
    assert tried["requests"] == outcome["requests"] == ["POST /key/generate"]
    assert (tried["tool"], tried["targets"]) == ("generate_key", {"key": "bot"})
    assert outcome["targets"]["key_id"]
    assert RAW not in path.read_text()
    assert MASTER_KEY not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert gateway.writes[0].headers["litellm-changed-by"] == "litellm-steward"


async def test_without_a_record_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    gateway = Gateway()
    steward = steward_at(BASE_URL, gateway, {"steward_audit_log": path})
    path.mkdir()
    told = refusal_of(await call(steward, "generate_key", key_alias="bot"))
    assert "STEWARD_AUDIT_LOG cannot be written" in told
    assert "Nothing was changed" in told
    assert gateway.writes == []


async def test_a_record_that_cannot_be_kept_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="STEWARD_AUDIT_LOG cannot be written"):
        steward_at(BASE_URL, settings={"steward_audit_log": tmp_path / "nowhere" / "audit.jsonl"})


async def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(SettingsError):
        steward_at(BASE_URL, settings={"steward_audit_log": tmp_path / "audit.jsonl"})
    assert not (tmp_path / "victim").exists()


async def test_an_outcome_that_cannot_be_written_is_told_with_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is made: its answer must not be lost with the record."""
    write = os.write
    room = [1]

    def fills_up(descriptor: int, data: bytes) -> int:
        if data.startswith(b"{"):
            if not room:
                raise OSError(28, "No space left on device")
            room.pop()
        return write(descriptor, data)

    monkeypatch.setattr("litellm_steward.audit.os.write", fills_up)
    steward = steward_at(BASE_URL, Gateway(), {"steward_audit_log": tmp_path / "audit.jsonl"})
    result = await call(steward, "generate_key", key_alias="bot")
    told = facts_of(result)
    assert told["key"] == RAW
    assert any("could not be written to STEWARD_AUDIT_LOG (No space left" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("gateway", "outcome", "error"),
    [(Gateway(down=True), "uncertain", "Unreachable"), (Gateway(refuses=True), "failed", "BadRequest")],
)
async def test_what_failed_is_recorded_as_it_ended(gateway: Gateway, outcome: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    steward = steward_at(BASE_URL, gateway, {"steward_audit_log": path})
    await call(steward, "create_team", team_alias="Data")
    assert [(line["event"], line.get("outcome"), line.get("error")) for line in lines_of(path)][-1] == (
        "outcome",
        outcome,
        error,
    )


async def test_a_plan_and_its_approval_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    gateway = Gateway()
    steward = steward_at(BASE_URL, gateway, {"steward_audit_log": path})
    plan = facts_of(await call(steward, "delete_key", key="bot"))
    (asked,) = lines_of(path)
    assert (asked["outcome"], asked["approval"], "requests" in asked) == ("approval_required", "asked", False)
    assert asked["targets"] == {"key": "bot", "key_id": HASH, "user": "maria"}
    assert plan["approval"] not in path.read_text()
    await call(steward, "delete_key", key="bot", approval=f"{plan['approval']}0")
    assert lines_of(path)[-1]["outcome"] == "refused"
    await call(steward, "delete_key", key="bot", approval=plan["approval"])
    *_, tried, done = lines_of(path)
    assert (tried["event"], tried["approval"], done["outcome"]) == ("tried", "token", "done")


async def test_reading_leaves_no_record(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    steward = steward_at(BASE_URL, Gateway(), {"steward_audit_log": path})
    text_of(await call(steward, "get_key_info", key="bot"))
    assert not path.exists()


async def test_a_rotated_record_goes_on_in_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    steward = steward_at(BASE_URL, Gateway(), {"steward_audit_log": path})
    await call(steward, "generate_key", key_alias="one")
    path.rename(tmp_path / "audit.1.jsonl")
    await call(steward, "generate_key", key_alias="two")
    assert (len(lines_of(tmp_path / "audit.1.jsonl")), len(lines_of(path))) == (2, 2)


async def test_a_torn_line_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle of a line; when there is room again, each change has its own."""
    path = tmp_path / "audit.jsonl"
    steward = steward_at(BASE_URL, Gateway(), {"steward_audit_log": path})
    write, full = os.write, [False] * 8 + [True, True]
    monkeypatch.setattr(os, "write", lambda where, line: write(where, line[:40] if full.pop() else line))
    said = refusal_of(await call(steward, "generate_key", key_alias="one"))
    assert "STEWARD_AUDIT_LOG cannot be written" in said
    facts_of(await call(steward, "generate_key", key_alias="two"))
    readable = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    assert [(line["event"], line["targets"]["key"]) for line in readable] == [("tried", "two"), ("outcome", "two")]


async def test_a_line_that_a_former_process_left_torn_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"event": "tried", "cha')
    steward = steward_at(BASE_URL, Gateway(), {"steward_audit_log": path})
    facts_of(await call(steward, "generate_key", key_alias="bot"))
    torn, *lines = path.read_text().splitlines()
    assert torn == '{"event": "tried", "cha'
    assert [json.loads(line)["event"] for line in lines] == ["tried", "outcome"]
