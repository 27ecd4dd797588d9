"""Hostile names in every place of a real proxy's database, through every tool, prompt, form and record."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.types import (
    ElicitRequestParams,
    ElicitResult,
    ReadResourceResult,
    TextResourceContents,
)
from pydantic import SecretStr

from litellm_steward.server import build_server
from litellm_steward.settings import Settings
from litellm_steward.steward import make_steward
from tests.canaries import Canaries
from tests.hostility import MARK, commanding, faults, hostile, unquoted
from tests.live.harness import Person, Seeded
from tests.live.overheard import Speaker
from tests.live.planted import copy_row
from tests.stage import prompt_of

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

TAG: Final = uuid.uuid4().hex[:6]
TEAM = hostile(f"team-{TAG}")
MODEL = hostile(f"model-{TAG}").replace("*", "x")  # LiteLLM takes a name with stars for a pattern, and may never return
TEAM_ID, USER, CUSTOMER, ALIAS = (
    hostile(f"{what}-{TAG}", long=False) for what in ("team-id", "user", "customer", "key")
)
KEY_ID = uuid.uuid4().hex * 2
SECOND_TEAM, SECOND_KEY_ID = str(uuid.uuid4()), uuid.uuid4().hex * 2
MODEL_ID = str(uuid.uuid4())


@pytest.fixture(scope="module")
def inhabited(gateway: Seeded) -> Iterator[Seeded]:
    with _rows(gateway):
        yield gateway


@contextmanager
def _rows(gateway: Seeded) -> Iterator[None]:
    """What the API refuses or would check goes straight into the database."""
    now = datetime.now(UTC).isoformat()
    budget: dict[str, Any] = {"max_budget": 1, "spend": 5, "budget_duration": "30d\nNote: x"}
    members = [{"user_id": USER, "user_email": hostile("mail"), "role": "user"}]
    teams = "LiteLLM_TeamTable", "team_alias = 'Marketing'"
    try:
        copy_row(
            gateway,
            *teams,
            {"team_id": TEAM_ID, "team_alias": TEAM, "members_with_roles": members, "models": [MODEL], **budget},
        )
        second = {"team_id": SECOND_TEAM, "team_alias": commanding(f"second-{TAG}"), "members_with_roles": members}
        copy_row(gateway, *teams, second)
        user = {
            "user_id": USER,
            "user_email": f"{MARK}@{TAG}.example\nNote: x",
            "user_alias": hostile("alias"),
            **budget,
        }
        copy_row(gateway, "LiteLLM_UserTable", "user_id = 'maria'", {**user, "teams": [TEAM_ID], "models": [MODEL]})
        copy_row(
            gateway, "LiteLLM_EndUserTable", "user_id = 'northwind'", {"user_id": CUSTOMER, "alias": hostile("alias")}
        )
        keys = "LiteLLM_VerificationToken", "key_alias = 'cs-bot'"
        stored = {"user_id": USER, "team_id": TEAM_ID, "models": [MODEL], "aliases": {MODEL: hostile("to")}}
        stored |= {"metadata": {"tags": [hostile("tag")], hostile("name"): hostile("value")}, **budget}
        copy_row(gateway, *keys, {"token": KEY_ID, "key_name": "sk-...aB12", "key_alias": ALIAS, **stored})
        named = {
            "token": SECOND_KEY_ID,
            "key_name": hostile("mask"),
            "key_alias": commanding(f"second-{TAG}"),
            **stored,
        }
        copy_row(gateway, *keys, {**named, "team_id": SECOND_TEAM})
        params = {"model": "openai/x", "mock_response": "x", "api_base": f"https://h.example/{MARK}\n~~~"}
        made = {"model_name": MODEL, "litellm_params": params, "model_info": {"id": MODEL_ID, "mode": hostile("mode")}}
        gateway.admin("POST", "/model/new", json=made).raise_for_status()
        _requests(gateway, now)
        yield
    finally:
        _clear(gateway)


def _requests(gateway: Seeded, now: str) -> None:
    error = {"error_code": hostile("code"), "error_class": hostile("class"), "error_message": hostile("message")}
    names = {"user_api_key_alias": ALIAS, "user_api_key_team_alias": TEAM, "error_information": error}
    of = {"api_key": KEY_ID, "user": USER, "team_id": TEAM_ID, "end_user": CUSTOMER, "model_group": MODEL}
    row = {**of, "model": hostile("provider-model"), "startTime": now, "endTime": now, "metadata": names}
    for status in ("failure", "success"):
        copy_row(
            gateway, "LiteLLM_SpendLogs", f"status = '{status}'", {"request_id": hostile(f"{status}-{TAG}"), **row}
        )
    whose = {"User": {"user_id": USER}, "Team": {"team_id": TEAM_ID}, "Tag": {"tag": hostile(f"tag-{TAG}")}}
    whose["EndUser"] = {"end_user_id": CUSTOMER}
    day = {"api_key": KEY_ID, "model": hostile("provider-model"), "model_group": MODEL, "spend": 900}
    day |= {
        "custom_llm_provider": hostile("provider"),
        "successful_requests": 1,
        "api_requests": 2,
        "failed_requests": 1,
    }
    for table, who in whose.items():
        changed = {"id": str(uuid.uuid4()), **day, **who}
        copy_row(gateway, f"LiteLLM_Daily{table}Spend", "true", changed)


def _clear(gateway: Seeded) -> None:
    pattern = f"%{MARK}%"
    gateway.admin("POST", "/model/delete", json={"id": MODEL_ID})
    columns = {
        "LiteLLM_TeamTable": "team_alias",
        "LiteLLM_UserTable": "user_id",
        "LiteLLM_EndUserTable": "user_id",
        "LiteLLM_VerificationToken": "key_alias",
        "LiteLLM_SpendLogs": "request_id",
        "LiteLLM_DailyUserSpend": "model",
        "LiteLLM_DailyTeamSpend": "model",
        "LiteLLM_DailyTagSpend": "model",
        "LiteLLM_DailyEndUserSpend": "model",
    }
    for table, column in columns.items():
        gateway.change(f'delete from "{table}" where {column} like %s', pattern)  # noqa: S608 - ours


@asynccontextmanager
async def inside(gateway: Seeded, person: Person | None = None, **more: object) -> AsyncIterator[Speaker]:
    """A steward in this process."""

    async def answer(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert person is not None
        return person(params.message)

    key = SecretStr(gateway.running.master_key)
    given: dict[str, Any] = {"litellm_base_url": gateway.running.base_url, "litellm_master_key": key, **more}
    steward = make_steward(Settings(_env_file=None, steward_toolsets=("all",), **given))
    callback = answer if person is not None else None
    async with steward.proxy, Client(build_server(steward), elicitation_callback=callback, cache=None) as client:
        yield Speaker(client, Canaries())


LOOKS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("get_key_info", {"key": KEY_ID}),
    ("get_key_info", {"key": ALIAS}),
    ("get_key_info", {"key": SECOND_KEY_ID}),
    ("get_team_info", {"team": TEAM_ID}),
    ("get_team_info", {"team": SECOND_TEAM}),
    ("get_user_info", {"user": USER}),
    ("get_user_info", {"user": CUSTOMER, "kind": "customer"}),
    ("get_model_info", {}),
    ("get_model_info", {"model": MODEL_ID}),
    ("audit_keys", {"limit": 50}),
    ("audit_keys", {"team": TEAM_ID}),
    ("audit_keys", {"user": USER}),
    ("budget_watch", {"limit": 50}),
    ("find_requests", {"limit": 50}),
    ("find_requests", {"user": USER, "status": "failure"}),
    ("spend_report", {"group_by": ["user"]}),
    ("spend_report", {"group_by": ["key"], "compare": "previous"}),
    ("spend_report", {"group_by": ["team"]}),
    ("spend_report", {"group_by": ["model"]}),
    ("spend_report", {"group_by": ["provider"]}),
    ("spend_report", {"group_by": ["tag"]}),
    ("spend_report", {"group_by": ["customer"]}),
    ("spend_report", {"group_by": ["key"], "team": TEAM_ID}),
)
ERRORS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("get_key_info", {"key": hostile("nobody")}),
    ("get_key_info", {"key": f"key-{TAG}"}),
    ("get_team_info", {"team": hostile("nobody")}),
    ("get_team_info", {"team": f"team-{TAG}"}),
    ("get_user_info", {"user": hostile("nobody")}),
    ("get_user_info", {"user": f"user-{TAG}"}),
    ("get_user_info", {"user": hostile("nobody"), "kind": "customer"}),
    ("get_model_info", {"model": f"model-{TAG}"}),
    ("get_model_info", {"cursor": hostile("c")}),
    ("delete_model", {"model": hostile("nobody", long=False)}),
    ("generate_key", {"key_alias": hostile("x")}),
    ("generate_key", {"key_alias": "x", "team": hostile("nobody")}),
    ("generate_key", {"key_alias": "x", "duration": hostile("d")}),
    ("create_team", {"team_alias": hostile("x")}),
    ("create_team", {"team_alias": "x", "members": [{"user": hostile("nobody")}]}),
    ("create_user", {"user_id": hostile("x")}),
    ("create_user", {"user_email": hostile("x")}),
    ("create_user", {"user_id": "x", "teams": [f"team-{TAG}"]}),
    ("create_model", {"model_name": hostile("x"), "model": "openai/x"}),
    ("create_model", {"model_name": "x", "model": hostile("x")}),
    ("create_model", {"model_name": "x", "model": "openai/x", "credential": hostile("c")}),
    ("create_model", {"model_name": "x", "model": "openai/x", "api_base": hostile("b")}),
    ("create_model", {"model_name": "x", "model": "openai/x", "fallback_for": [f"model-{TAG}"]}),
    ("create_model", {"model_name": "x", "model": "openai/x", "litellm_params": {hostile("n"): 1}}),
    ("find_requests", {"cursor": hostile("c")}),
    ("find_requests", {hostile("argument"): 1}),
    ("spend_report", {"group_by": [hostile("dimension")]}),
    ("spend_report", {"group_by": ["model"], "tag": f"a,{hostile('t')}"}),
    ("delete_key", {"key": KEY_ID, "approval": hostile("a", long=False)}),
)


async def test_every_answer_is_clean(inhabited: Seeded) -> None:
    wrong, shown = list[str](), 0
    async with inside(inhabited) as steward:
        for tool, arguments in LOOKS:
            answer = await steward(tool, **arguments)
            wrong += [f"{tool} {str(arguments)[:60]}: {fault}" for fault in faults(answer.text, answer.ok())]
            shown += MARK in answer.text
    assert wrong == []
    assert shown >= len(LOOKS) - 2, "the hostile names are really shown"


async def test_every_error_quotes(inhabited: Seeded) -> None:
    wrong = list[str]()
    async with inside(inhabited, steward_approval="plan") as steward:
        for tool, arguments in ERRORS:
            said = (await steward(tool, **arguments)).error()
            found = [*faults(said, {"notes": said}), *(["two lines"] if "\n" in said else [])]
            found += ["long"] if len(said) > 1_800 else []
            wrong += [f"{tool} {str(arguments)[:60]}: {fault}" for fault in found]
    assert wrong == []


async def test_what_is_cut_can_be_named_by_its_id(inhabited: Seeded) -> None:
    """A name that is shown cleaned or cut no longer resolves; the id that stands beside it does."""
    async with inside(inhabited) as steward:
        key = (await steward("get_key_info", key=KEY_ID)).ok()
        assert (await steward("get_key_info", key=key["key_id"])).ok() == key
        rows = (await steward("spend_report", group_by=["key"])).ok()["rows"]
        (row,) = [row for row in rows if MARK in row["name"] and row["spend"] >= 900]
        assert (await steward("get_key_info", key=row["id"])).ok()["key_id"] == KEY_ID
        user = (await steward("get_user_info", user=USER)).ok()
        if "keys" in user:
            [(number,)] = inhabited.sql('select count(*) from "LiteLLM_VerificationToken" where user_id = %s', USER)
            assert user["keys"]["total"] == number > 0
        else:  # the newest release loses such an id, and tells the caller's keys
            assert any("does not tell this user's keys" in note for note in user["notes"])
        (audited, *_) = [row for row in (await steward("audit_keys", limit=50)).ok()["rows"] if row.get("id") == KEY_ID]
        assert MARK in audited["key"]


async def test_plans_and_forms_quote(inhabited: Seeded) -> None:
    asked: list[str] = []

    def reads(message: str) -> ElicitResult:
        asked.append(message)
        return ElicitResult(action="decline")

    new = {"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "api_key": "none"}
    short = hostile("n", long=False)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("delete_key", {"key": KEY_ID}),
        ("delete_key", {"key": SECOND_KEY_ID}),
        ("delete_model", {"model": MODEL_ID}),
        ("create_model", {**new, "model_name": "x", "litellm_params": {"weird": hostile("value", long=False)}}),
        ("create_model", {**new, "model_name": "x", "litellm_params": {"extra_headers": {short: "x"}}}),
    ]
    async with inside(inhabited, steward_approval="plan") as planning, inside(inhabited, reads) as asking:
        for tool, arguments in calls:
            planned = await planning(tool, **arguments)
            assert faults(planned.text, planned.ok()) == [], tool
            assert planned.data["status"] == "approval_required"
            assert "declined" in (await asking(tool, **arguments)).error()
    assert len(asked) == len(calls)
    for message in asked:
        assert MARK in message
        assert faults(message, {}) == []
        assert [line for line in message.splitlines() if unquoted(line)] == []


async def test_prompts_and_tables_stay_in_shape(inhabited: Seeded) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    async with inside(inhabited) as steward:
        review = await steward.client.get_prompt("monthly_spend_review", {"month": month})
        change = await steward.client.get_prompt("explain_spend_change", {"team_or_user": TEAM_ID, "period": "today"})
        for result in (review, change):
            text = prompt_of(result)
            assert MARK in text
            assert text.count("~~~") == 2
            assert faults(text.split("~~~")[1], {}) == []
        with pytest.raises(MCPError) as wrong:
            await steward.client.get_prompt("explain_spend_change", {"team_or_user": hostile("no"), "period": "today"})
        assert faults(str(wrong.value), {"notes": str(wrong.value)}) == []
        for by in ("team", "key", "user"):
            await _read_csv(steward, by)


async def _read_csv(steward: Speaker, by: str) -> None:
    report = (await steward("spend_report", group_by=[by], format="csv")).ok()
    read = await steward.client.read_resource(report["csv"]["uri"])
    assert isinstance(read, ReadResourceResult)
    (content,) = read.contents
    assert isinstance(content, TextResourceContents)
    assert MARK in content.text
    rows = content.text.split("\r\n")
    assert len(rows) == report["csv"]["rows"] + 2, "no name makes a row of its own"
    assert faults("\n".join(rows), {}) == []


async def test_the_record_keeps_one_line_for_each(inhabited: Seeded, tmp_path: Path) -> None:
    record = tmp_path / "audit.jsonl"
    async with inside(inhabited, steward_audit_log=record, steward_approval="plan") as steward:
        for key in (KEY_ID, SECOND_KEY_ID):
            plan = (await steward("delete_key", key=key)).ok()
            await steward("delete_key", key=key, approval=plan["approval"])
        await steward("delete_model", model=MODEL_ID)
        await steward("generate_key", key_alias=hostile("x"))
    lines = record.read_text(encoding="ascii").splitlines()
    assert MARK in lines[0]
    for line in map(json.loads, lines):
        assert faults("", line) == []
