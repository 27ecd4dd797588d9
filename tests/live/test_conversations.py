"""The conversations that must work, as tool calls against a real proxy (models: see test_models.py)."""

from __future__ import annotations

import uuid

import pytest

from tests.live.conftest import Connect
from tests.live.harness import Seeded, declines, types, wait_for

pytestmark = [pytest.mark.live, pytest.mark.asyncio]


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:6]}"


async def test_2_a_key_for_a_team_with_a_monthly_budget(gateway: Seeded, connect: Connect) -> None:
    """ "Generate a new API key for the 'Customer-Service' team with a $50 monthly budget"."""
    async with connect() as steward:
        made = (await steward("generate_key", team="Customer-Service", max_budget=50, budget_duration="monthly")).ok()
        raw = made["key"]
        assert gateway.chat(raw, "gpt-4o-mini").status_code == 200, "the key works at once"
        seen = (await steward("get_key_info", key=raw)).ok()
    assert made["budget"]["max_budget"] == 50
    assert made["budget"]["budget_duration"] == "1mo"
    assert made["budget"]["budget_reset_at"].endswith("Z")
    assert seen["team"] == made["team"] == "Customer-Service"
    assert seen["team_id"] == gateway.ledger.teams["Customer-Service"]
    assert seen["budget"]["max_budget"] == 50
    assert seen["key_id"] == made["key_id"]
    assert seen["status"] == "active"
    ((team_id, budget, duration),) = gateway.sql(
        'select team_id, max_budget, budget_duration from "LiteLLM_VerificationToken" where token = %s', made["key_id"]
    )
    assert (team_id, budget, duration) == (gateway.ledger.teams["Customer-Service"], 50, "1mo")


async def test_2_the_key_stops_at_its_budget(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        raw = (
            await steward("generate_key", team="Customer-Service", max_budget=0.000001, budget_duration="monthly")
        ).ok()["key"]
    assert gateway.chat(raw, "gpt-4o").status_code == 200

    def refused() -> bool:
        answer = gateway.chat(raw, "gpt-4o")
        return answer.status_code in {400, 422, 429} and "budget" in answer.text.lower()

    wait_for(refused, "the key is over its budget and refused")


async def test_3_what_a_user_spent_today(gateway: Seeded, connect: Connect) -> None:
    """ "How much has user 'alex_dev' spent on LLM tokens today?"."""
    async with connect() as steward:
        answer = await steward("get_user_info", user="alex_dev", period="today")
    data = answer.ok()
    ((spend, tokens, requests),) = gateway.sql(
        'select sum(spend), sum(prompt_tokens + completion_tokens), sum(api_requests) from "LiteLLM_DailyUserSpend" '
        "where user_id = 'alex_dev'"
    )
    assert data["usage"]["spend"] == pytest.approx(spend, abs=5e-7)
    assert (data["usage"]["total_tokens"], data["usage"]["api_requests"]) == (tokens, requests)
    assert data["usage"]["failed_requests"] == len(gateway.ledger.select(user_id="alex_dev", ok=False)) == 1
    assert data["most_used_model"] == "gpt-3.5-turbo"
    assert data["budget"]["max_budget"] == 10
    assert data["budget"]["remaining"] == pytest.approx(10 - data["budget"]["spend"])
    assert data["teams"] == ["Customer-Service"]
    lines = answer.text.splitlines()
    assert lines[0] == "alex_dev (alex@example.com), internal user, team Customer-Service"
    assert f"${spend:.2f}, {tokens:,} tokens, {requests} requests (1 failed)" in lines[1]
    assert lines[2].startswith("Most used: gpt-3.5-turbo, ")
    assert lines[3].startswith("Daily budget $10.00: ")


async def test_4_one_unbudgeted_key_made_most_of_a_teams_spend(gateway: Seeded, connect: Connect) -> None:
    """ "Show me all spending for the Marketing department"."""
    async with connect() as steward:
        answer = await steward("get_team_info", team="marketing")
    data = answer.ok()
    assert data["team_alias"] == "Marketing"
    assert data["top_contributor"]["name"] == "devin"
    assert 65 <= data["top_contributor"]["share_percent"] <= 75
    assert data["usage"]["by_key"][0]["name"] == "devin-experiments"
    assert data["keys"]["without_budget"] >= 1
    assert any("'devin-experiments' of 'devin' has no budget" in note for note in data["notes"])
    assert {member["user_id"] for member in data["members"]} >= {"maria", "devin"}


async def test_7_a_leaked_key_is_shown_agreed_on_and_refused(gateway: Seeded, connect: Connect) -> None:
    """ "This key leaked, kill it": by the raw key, agreed to in a form, in both protocol eras."""
    for era in ("auto", "legacy"):
        alias = unique("leaked")
        questions: list[str] = []

        def person(message: str, alias: str = alias, questions: list[str] = questions):  # type: ignore[no-untyped-def]  # noqa: ANN202
            questions.append(message)
            return types(alias)(message)

        async with connect(person, era) as steward:
            raw = (await steward("generate_key", key_alias=alias, user="newcomer")).ok()["key"]
            assert gateway.chat(raw, "gpt-4o").status_code == 200
            answer = (await steward("delete_key", key=raw)).ok()
        assert answer["status"] == "deleted"
        assert answer["verified"] is True
        assert any("up to 60 s" in note for note in answer["notes"])
        assert alias in questions[0]
        assert "newcomer" in questions[0]
        assert raw not in questions[0]
        assert gateway.chat(raw, "gpt-4o").status_code == 401
        assert gateway.sql('select 1 from "LiteLLM_VerificationToken" where key_alias = %s', alias) == []


async def test_7_a_client_that_cannot_be_asked_gets_a_plan_and_a_token(gateway: Seeded, connect: Connect) -> None:
    alias = unique("leaked")
    async with connect() as steward:
        made = (await steward("generate_key", key_alias=alias, user="newcomer")).ok()
        plan = (await steward("delete_key", key=made["key"])).ok()
        assert plan["status"] == "approval_required"
        assert any("newcomer" in line for line in plan["plan"])
        assert gateway.chat(made["key"], "gpt-4o").status_code == 200, "a plan changes nothing"
        other = await steward("delete_key", key="cs-bot", approval=plan["approval"])
        assert "not valid for this call" in other.error()
        done = (await steward("delete_key", key=made["key"], approval=plan["approval"])).ok()
        assert (done["status"], done["verified"]) == ("deleted", True)
        again = await steward("delete_key", key=made["key"], approval=plan["approval"])
        assert "Nothing was changed" in again.error() or "deleted already" in again.error()
    assert gateway.chat(made["key"], "gpt-4o").status_code == 401


async def test_7_declining_changes_nothing(gateway: Seeded, connect: Connect) -> None:
    for person in (declines, types("something else")):
        async with connect(person) as steward:
            assert "Nothing was changed" in (await steward("delete_key", key="cs-bot")).error()
            assert (await steward("get_key_info", key="cs-bot")).ok()["status"] == "active"


async def test_8_a_user_is_registered_and_every_call_is_reported(gateway: Seeded, connect: Connect) -> None:
    user_id = unique("robin")
    async with connect() as steward:
        made = (
            await steward(
                "create_user",
                user_id=user_id,
                user_email=f"{user_id}@example.com",
                teams=["Research"],
                max_budget=20,
                budget_duration="daily",
            )
        ).ok()
        assert made["teams"] == ["Research"]
        assert "key" not in made
        assert made["budget"]["budget_duration"] == "1d"
        assert gateway.sql('select count(*) from "LiteLLM_VerificationToken" where user_id = %s', user_id) == [(0,)]
        raw = (await steward("generate_key", user=user_id, team="Research")).ok()["key"]
        used = [gateway.chat(raw, model).json()["usage"] for model in ("gpt-4o", "gpt-4o", "claude-sonnet")]
        wait_for(lambda: _booked(gateway, "LiteLLM_DailyUserSpend", "user_id", user_id) == 3, "three calls are booked")
        usage = (await steward("get_user_info", user=f"{user_id}@example.com", period="today")).ok()["usage"]
    assert usage["api_requests"] == usage["successful_requests"] == 3
    assert usage["total_tokens"] == sum(call["total_tokens"] for call in used)
    assert {row["name"]: row["api_requests"] for row in usage["by_model"]} == {"gpt-4o": 2, "claude-sonnet": 1}


async def test_8_likewise_a_customer(gateway: Seeded, connect: Connect) -> None:
    customer = unique("initech")
    async with connect() as steward:
        asked = {"user_id": customer, "kind": "customer", "max_budget": 5}
        planned = (await steward("create_user", **asked)).ok()
        made = (await steward("create_user", **asked, approval=planned["approval"])).ok()
        assert made["kind"] == "customer"
        assert made["budget"]["max_budget"] == 5
        key = gateway.ledger.keys["ci-pipeline"].raw
        used = [gateway.chat(key, "gpt-4o-mini", user=customer).json()["usage"] for _ in range(2)]
        wait_for(
            lambda: _booked(gateway, "LiteLLM_DailyEndUserSpend", "end_user_id", customer) == 2, "two calls are booked"
        )
        usage = (await steward("get_user_info", user=customer, kind="customer", period="today")).ok()["usage"]
    assert usage["api_requests"] == 2
    assert usage["spend"] > 0
    assert usage["total_tokens"] == sum(call["total_tokens"] for call in used)


def _booked(gateway: Seeded, table: str, column: str, value: str) -> int:
    ((number,),) = gateway.sql(
        f'select coalesce(sum(api_requests), 0) from "{table}" where {column} = %s',  # noqa: S608
        value,
    )
    return int(number)
