"""The toolset ``spend`` on real proxies: its figures and findings are those of the proxy's database."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp import MCPError

from examples.gateway.company import HOSTILE_ON_ONE_LINE
from tests.live.conftest import Connect
from tests.live.harness import Answered, Seeded, Steward
from tests.stage import prompt_of
from tests.tokens import tokens

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

SPEND = {"STEWARD_TOOLSETS": "default,spend"}
TABLES = {
    "keys": '"LiteLLM_VerificationToken"',
    "users": '"LiteLLM_UserTable"',
    "teams": '"LiteLLM_TeamTable"',
}
MONTH = f"{datetime.now(UTC):%Y-%m}"


async def steady(
    read: Callable[[], Awaitable[Answered]], look: Callable[[], list[tuple[Any, ...]]]
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """An answer, and the truth at that moment."""
    for _ in range(20):
        before = look()
        answer = await read()
        if look() == before:
            return answer.ok(), before
    raise AssertionError("the proxy never stopped booking")


async def test_everyone_over_a_threshold(gateway: Seeded, connect: Connect) -> None:
    """With a threshold low enough that the seed's small spend is over it."""
    ids = {"keys": "token", "users": "user_id", "teams": "team_id"}

    async with connect(**SPEND) as steward:
        for scope, table in TABLES.items():

            def look(scope: str = scope, table: str = table) -> list[tuple[Any, ...]]:
                return gateway.sql(
                    f"select {ids[scope]}, spend, max_budget from {table} "  # noqa: S608 - names of ours
                    "where max_budget > 0 and spend >= 0.001 * max_budget"
                )

            def read(scope: str = scope) -> Awaitable[Answered]:
                return steward("budget_watch", scope=scope, threshold=0.1, limit=50)

            answer, expected = await steady(read, look)
            (looked,) = answer["looked"]
            assert looked["complete"]
            assert looked["near_budget"] + looked["over_budget"] == len(expected)
            assert sorted(row["spend"] for row in answer["rows"]) == pytest.approx(
                sorted(spend for _, spend, _ in expected), abs=1e-6
            )
            for row in answer["rows"]:
                assert row["remaining"] == pytest.approx(row["max_budget"] - row["spend"], abs=1e-5)
                assert row["used_percent"] == pytest.approx(100 * row["spend"] / row["max_budget"], abs=0.06)


async def test_the_burn_rate_is_that_of_the_rollups(gateway: Seeded, connect: Connect) -> None:
    """Everything was made today, so the rate is what was spent so far."""
    key = gateway.ledger.keys["cs-bot"]
    async with connect(**SPEND) as steward:
        answer, [(spend,)] = await steady(
            lambda: steward("budget_watch", scope="keys", threshold=0.1),
            lambda: gateway.sql('select sum(spend) from "LiteLLM_DailyUserSpend" where api_key = %s', key.hash),
        )
    (row,) = [row for row in answer["rows"] if row["name"] == "cs-bot"]
    assert row["burn_per_day"] == pytest.approx(spend, rel=0.01)
    assert row["runs_out"] == "not before the reset"


async def test_keys_are_audited_as_the_database_has_them(gateway: Seeded, connect: Connect) -> None:
    ((total, without_budget, without_expiry, without_owner, blocked),) = gateway.sql(
        "select count(*), count(*) filter (where max_budget is null), count(*) filter (where expires is null), "
        "count(*) filter (where user_id is null), count(*) filter (where blocked) "
        "from \"LiteLLM_VerificationToken\" where coalesce(team_id, '') <> 'litellm-dashboard'"
    )
    async with connect(**SPEND) as steward:
        answer = (await steward("audit_keys")).ok()
        team = (await steward("audit_keys", team="Marketing")).ok()
        user = (await steward("audit_keys", user="alex_dev")).ok()
    counts = answer["counts"]
    assert (answer["total"], answer["looked_at"], answer["complete"]) == (total, total, True)
    assert counts["without_budget"] == without_budget
    assert counts["without_expiry"] == without_expiry
    assert counts["without_owner"] == without_owner
    assert counts["blocked"] == blocked
    assert counts["expired"] == 1
    assert counts["team_deleted"] == 0
    assert "never_used" in counts
    for scoped, column, value in (
        (team, "team_id", gateway.ledger.teams["Marketing"]),
        (user, "user_id", "alex_dev"),
    ):
        ((expected,),) = gateway.sql(
            f'select count(*) from "LiteLLM_VerificationToken" where {column} = %s',  # noqa: S608 - ours
            value,
        )
        assert scoped["total"] == scoped["looked_at"] == expected


async def test_a_deleted_owner_is_found(gateway: Seeded, connect: Connect) -> None:
    """The proxy takes any owner for a key."""
    made = gateway.admin("POST", "/key/generate", json={"key_alias": "orphan", "user_id": "never-existed"})
    try:
        async with connect(**SPEND) as steward:
            answer = (await steward("audit_keys", limit=50)).ok()
    finally:
        gateway.admin("POST", "/key/delete", json={"key_aliases": ["orphan"]})
    assert made.status_code == 200
    (row,) = [row for row in answer["rows"] if row["key"] == "orphan"]
    assert "owner deleted" in row["faults"]
    assert answer["counts"]["owner_deleted"] >= 1


QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"user": "alex@example.com"}, "\"user\" = 'alex_dev'"),
    ({"user": "alex_dev", "status": "failure"}, "\"user\" = 'alex_dev' and status = 'failure'"),
    ({"team": "Marketing"}, "team_id = (select team_id from \"LiteLLM_TeamTable\" where team_alias = 'Marketing')"),
    ({"model": "gpt-4o"}, "coalesce(nullif(model_group, ''), model) = 'gpt-4o'"),
    ({"customer": "acme-corp"}, "end_user = 'acme-corp'"),
    ({"model": "claude-sonnet", "user": "devin"}, "model_group = 'claude-sonnet' and \"user\" = 'devin'"),
    ({"min_spend": 0.03}, "spend >= 0.03"),
]


@pytest.mark.parametrize("order", ["newest", "dearest"])
async def test_requests_are_those_of_the_log(gateway: Seeded, connect: Connect, order: str) -> None:
    column = '"startTime"' if order == "newest" else "spend"
    async with connect(**SPEND) as steward:
        for question, where in QUESTIONS:

            def look(where: str = where) -> list[tuple[Any, ...]]:
                return gateway.sql(
                    f'select request_id, {column}, spend from "LiteLLM_SpendLogs" '  # noqa: S608 - ours
                    f"where {where} and \"startTime\" > now() - interval '29 days' order by {column} desc"
                )

            def read(question: dict[str, Any] = question) -> Awaitable[Answered]:
                return steward("find_requests", order=order, limit=50, **question)

            answer, expected = await steady(read, look)
            shown = answer["requests"]
            assert answer["total"] == len(expected), question
            assert len(shown) == min(50, len(expected)), question
            assert {row["request_id"] for row in shown} <= {request_id for request_id, _, _ in expected}
            booked = {request_id: spend for request_id, _, spend in expected}
            for row in shown:
                assert row["spend"] == pytest.approx(booked[row["request_id"]], abs=1e-6)
            if order == "dearest":
                spends = [spend for _, _, spend in expected]
                assert [row["spend"] for row in shown] == pytest.approx(spends[: len(shown)], abs=1e-6)
            else:
                times = [row["time"] for row in shown]
                assert times == sorted(times, reverse=True)
                assert times == [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for _, moment, _ in expected][: len(shown)]


async def test_a_failure_says_why_and_nothing_else(gateway: Seeded, connect: Connect) -> None:
    async with connect(**SPEND) as steward:
        answer = await steward("find_requests", status="failure", user="alex_dev")
    (row, *_) = answer.ok()["requests"]
    assert row["status"] == "failure"
    assert row["model"] == "legacy-assistant"
    assert row["key"] == "alex-laptop"
    assert row["error"]["message"] == "Connection error."
    for private in ("Traceback", "site-packages", "127.0.0.1", "Say hello"):
        assert private not in answer.text
        assert private not in str(answer.data)


async def test_nothing_found_is_nothing_made(gateway: Seeded, connect: Connect) -> None:
    quiet = f"quiet-{uuid.uuid4().hex[:6]}"  # other tests may make calls for the users of the seed
    async with connect(**SPEND) as steward:
        (await steward("create_user", user_id=quiet)).ok()
        answer = (await steward("find_requests", user=quiet)).ok()
        slip = (await steward("find_requests", model="gpt-4oo", customer=quiet)).ok()
    assert answer["requests"] == []
    assert answer["total"] == 0
    assert not any("does not mean" in note for note in answer["notes"])
    assert slip["total"] == 0
    assert {note[:15] for note in slip["notes"]} >= {"There is no mod", "There is no cus"}


async def test_answers_are_short_and_names_clean(gateway: Seeded, connect: Connect) -> None:
    async with connect(**SPEND) as steward:
        answers = [
            await steward("budget_watch", threshold=0.01),
            await steward("audit_keys"),
            await steward("find_requests"),
            await steward("find_requests", status="failure"),
        ]
    for answer in answers:
        assert tokens(answer.ok()) <= 1_500
        assert tokens(answer.text) <= 1_500
        assert HOSTILE_ON_ONE_LINE not in answer.text
        assert "\u202e" not in str(answer.data)


async def told(steward: Steward, name: str, **arguments: str) -> str:
    return prompt_of(await steward.client.get_prompt(name, arguments))


async def test_prompts_bring_their_figures(gateway: Seeded, connect: Connect) -> None:
    async with connect(**SPEND) as steward:
        listed = [prompt.name for prompt in (await steward.client.list_prompts()).prompts]
        review = await told(steward, "monthly_spend_review", month=MONTH)
        change = await told(steward, "explain_spend_change", team_or_user="Marketing", period="last_7_days")
        with pytest.raises(MCPError, match="There is no team and no user"):
            await told(steward, "explain_spend_change", team_or_user="nobody-of-that-name", period="today")
    assert listed == ["monthly_spend_review", "explain_spend_change"]
    ((spend,),) = gateway.sql(
        'select sum(spend) from "LiteLLM_DailyTeamSpend" where team_id = %s', gateway.ledger.teams["Marketing"]
    )
    assert f"${spend:,.2f}" in change
    assert "devin" in change
    for text in (review, change):
        assert tokens(text) <= 1_500
        assert "\u202e" not in text
        assert text.count("\n~~~") == 2


async def test_none_of_it_by_default(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        assert "STEWARD_TOOLSETS" in (await steward("find_requests")).error()
        assert not (await steward.client.list_prompts()).prompts
