"""Every figure of the reading tools equals what the proxy's database says, and adds up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from examples.gateway import Call
from tests.live.conftest import Connect
from tests.live.harness import Answered, Seeded
from tests.tokens import tokens

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

Truth = dict[str, Any]

SUMS = (
    "coalesce(sum(spend), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
    "coalesce(sum(api_requests), 0), coalesce(sum(successful_requests), 0), coalesce(sum(failed_requests), 0)"
)


def truth(gateway: Seeded, table: str, column: str, value: str) -> Truth:
    """Figures from the rollup rows, by SQL."""
    ((spend, prompt, completion, requests, good, bad),) = gateway.sql(
        f'select {SUMS} from "{table}" where "{column}" = %s',  # noqa: S608 - names of ours
        value,
    )
    return {
        "spend": spend,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "api_requests": requests,
        "successful_requests": good,
        "failed_requests": bad,
    }


def assert_figures(usage: dict[str, Any], expected: Truth) -> None:
    for name, value in expected.items():
        if name == "spend":
            assert usage["spend"] == pytest.approx(value, abs=5e-7), usage
        else:
            assert usage[name] == value, (name, usage)


def assert_adds_up(usage: dict[str, Any]) -> None:
    """Each breakdown, with its last row, makes exactly the total, in money, tokens and requests."""
    for name in ("by_model", "by_key", "by_user", "by_day"):
        rows = usage.get(name)
        if rows is None:
            continue
        assert sum(Decimal(str(row["spend"])) for row in rows) == Decimal(str(usage["spend"])), (name, rows)
        assert sum(row["total_tokens"] for row in rows) == usage["total_tokens"], (name, rows)
        assert sum(row["api_requests"] for row in rows) == usage["api_requests"], (name, rows)


async def steady(read: Callable[[], Awaitable[Answered]], look: Callable[[], Truth]) -> tuple[Answered, Truth]:
    """An answer, and the truth at that moment: read again if the proxy booked something in between."""
    for _ in range(20):
        before = look()
        answer = await read()
        if look() == before:
            return answer, before
    raise AssertionError("the proxy never stopped booking")


async def test_every_user(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        for user_id, email in gateway.ledger.users.items():
            answer, expected = await steady(
                partial(steward, "get_user_info", user=email, kind="internal", period="today"),
                partial(truth, gateway, "LiteLLM_DailyUserSpend", "user_id", user_id),
            )
            assert answer.ok()["user_id"] == user_id
            assert_figures(answer.data["usage"], expected)
            assert_adds_up(answer.data["usage"])


async def test_every_team(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        for team_id in gateway.ledger.teams.values():
            answer, expected = await steady(
                partial(steward, "get_team_info", team=team_id, period="today", top=50),
                partial(truth, gateway, "LiteLLM_DailyTeamSpend", "team_id", team_id),
            )
            assert_figures(answer.ok()["usage"], expected)
            assert_adds_up(answer.data["usage"])


async def test_every_key(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        for alias, key in gateway.ledger.keys.items():
            answer, expected = await steady(
                partial(steward, "get_key_info", key=key.hash if alias == "departed" else key.raw, period="today"),
                partial(truth, gateway, "LiteLLM_DailyUserSpend", "api_key", key.hash),
            )
            assert_figures(answer.ok()["usage"], expected)
            assert_adds_up(answer.data["usage"])


async def test_every_customer(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        for customer in gateway.ledger.customers:
            answer = (await steward("get_user_info", user=customer, kind="customer", period="today")).ok()
            calls = gateway.ledger.select(customer=customer, ok=True)
            usage = answer["usage"]
            assert usage["spend"] == pytest.approx(sum(call.spend for call in calls), abs=5e-7)
            assert usage["api_requests"] == len(calls)
            assert usage["total_tokens"] == sum(call.total_tokens for call in calls)


async def test_models_of_a_user_by_public_name(gateway: Seeded, connect: Connect) -> None:
    """By what the test itself caused: the seed's ledger of calls."""
    async with connect() as steward:
        answer = (await steward("get_user_info", user="alex_dev", period="today")).ok()
    rows = {row["name"]: row for row in answer["usage"]["by_model"]}
    for model in {call.model for call in gateway.ledger.select(user_id="alex_dev", ok=True)}:
        calls = gateway.ledger.select(user_id="alex_dev", model=model, ok=True)
        assert rows[model]["spend"] == pytest.approx(spent(calls), abs=5e-7)
        assert rows[model]["api_requests"] == len(calls)
        assert rows[model]["total_tokens"] == sum(call.total_tokens for call in calls)


async def test_a_team_by_the_owner_of_the_key(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        answer = (await steward("get_team_info", team="Marketing", period="today")).ok()
    rows = {row["name"]: row["spend"] for row in answer["usage"]["by_user"]}
    team = gateway.ledger.teams["Marketing"]
    departed = gateway.ledger.select(team_id=team, key_alias="departed")
    assert rows["devin"] == pytest.approx(spent(gateway.ledger.select(team_id=team, user_id="devin")), abs=5e-7)
    assert rows["(deleted keys)"] == pytest.approx(spent(departed), abs=5e-7)
    assert rows["(no owner)"] == pytest.approx(
        spent(gateway.ledger.select(team_id=team, key_alias="marketing-newsletter")), abs=5e-7
    )


async def test_an_unpriced_model_is_named(gateway: Seeded, connect: Connect) -> None:
    users = {call.user_id for call in gateway.ledger.select(model="llama-local", ok=True) if call.user_id}
    async with connect() as steward:
        for user_id in users:
            answer = await steward("get_user_info", user=user_id, kind="internal", period="today")
            assert any("No price is known for 'llama-local'" in note for note in answer.ok()["usage"]["notes"])


async def test_other_days_are_empty_and_say_so(gateway: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        answer = await steward(
            "get_user_info", user="alex_dev", start_date="2026-01-01", end_date="2026-01-31", kind="internal"
        )
    usage = answer.ok()["usage"]
    assert (usage["start_date"], usage["end_date"], usage["spend"], usage["api_requests"]) == (
        "2026-01-01",
        "2026-01-31",
        0,
        0,
    )
    assert "2026-01-01 to 2026-01-31 (UTC): $0.00" in answer.text


async def test_answers_are_short(gateway: Seeded, connect: Connect) -> None:
    """At most 1,500 tokens by default, structured and in text."""
    async with connect() as steward:
        answers: list[Answered] = [
            await steward("get_user_info", user="alex_dev"),
            *[await steward("get_team_info", team=t) for t in ("Marketing", "Customer-Service", "Research")],
            await steward("get_key_info", key="cs-bot"),
            await steward("get_model_info"),
        ]
    for answer in answers:
        assert tokens(answer.ok()) <= 1500, answer.text
        assert tokens(answer.text) <= 1500, answer.text


def spent(calls: tuple[Call, ...]) -> float:
    return sum(call.spend for call in calls)
