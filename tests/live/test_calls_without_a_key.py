"""What is booked without a key or without a model is told as that, on every release: nobody's key was deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.live.conftest import Connect
from tests.live.harness import Answered, Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

DAY: Final = "2026-02-03"
"""Long before anything was seeded: only what is booked here."""

TABLES: Final = {"LiteLLM_DailyUserSpend": "user_id", "LiteLLM_DailyTeamSpend": "team_id"}
USER, TEAM = "alex_dev", "Marketing"
NO_KEY: Final = "(no key)"
KEY: Final = f"coalesce(nullif(api_key, ''), '{NO_KEY}')"
PROVIDER: Final = "coalesce(nullif(custom_llm_provider, ''), '(no provider)')"
MODEL: Final = (
    "coalesce(nullif(model_group, ''), case model when '' then '(no model)' "
    "when 'unknown-model' then '(unknown model)' else model end)"
)


@dataclass(frozen=True)
class Row:
    """A row of the rollups."""

    key: str
    model: str
    group: str
    good: int = 0
    bad: int = 0
    spend: float = 0.0


@pytest.fixture
def rows(gateway: Seeded) -> Iterator[list[Row]]:
    """Booked for one user and one team, whatever made the calls."""
    booked = [
        Row("", "", "", bad=7),
        Row("", "unknown-model", "", bad=3),
        Row("", "openai/gpt-4o", "gpt-4o", good=2, spend=0.5),
        Row(gateway.ledger.keys["cs-bot"].hash, "openai/gpt-4o", "gpt-4o", good=5, spend=1.25),
        Row(gateway.ledger.keys["cs-bot"].hash, "", "", good=1, spend=0.25),
        Row("unattributed", "openai/gpt-4o", "gpt-4o", good=4, spend=0.125),
        Row("raw:y", "openai/gpt-4o", "gpt-4o", good=6, spend=0.0625),
        Row("raw:x", "openai/gpt-4o", "gpt-4o", good=1, spend=0.03125),
    ]
    yield from _book(gateway, booked)


@pytest.fixture
def namesakes(gateway: Seeded) -> Iterator[list[Row]]:
    """Models that are really called so."""
    key = gateway.ledger.keys["cs-bot"].hash
    booked = [
        Row(key, "openai/unknown-model", "unknown-model", good=2, spend=0.5),
        Row(key, "openai/x", "unknown-model-group", bad=3),
    ]
    yield from _book(gateway, booked)


def _book(gateway: Seeded, booked: list[Row]) -> Iterator[list[Row]]:
    owners = {"user_id": USER, "team_id": gateway.ledger.teams[TEAM]}
    for table, owner in TABLES.items():
        for number, row in enumerate(booked):
            gateway.change(
                f'insert into "{table}" (id, {owner}, date, api_key, model, model_group, custom_llm_provider, spend, '  # noqa: S608 - ours
                "prompt_tokens, completion_tokens, api_requests, successful_requests, failed_requests, updated_at) "
                "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, now())",
                *(f"keyless-{number}", owners[owner], DAY, row.key, row.model, row.group),
                *("openai" if row.good else "", row.spend, 10 * row.good, row.good + row.bad, row.good, row.bad),
            )
    try:
        yield booked
    finally:
        for table in TABLES:
            gateway.change(f'delete from "{table}" where date = %s', DAY)  # noqa: S608 - ours


def _requests(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["name"]: row["api_requests"] for row in rows}


def _truth(gateway: Seeded, column: str) -> dict[str, int]:
    """Requests by an expression over the rollups, by SQL."""
    figures = f"select {column}, sum(api_requests)::int"
    return dict(gateway.sql(f'{figures} from "LiteLLM_DailyUserSpend" where date = %s group by 1', DAY))


def _assert_nothing_false(answer: Answered) -> None:
    """The three keys that were never made are gone keys; what has no key is not among them."""
    for name in ("Every call to", "unknown-model", "Unattributed"):
        assert name not in answer.text
    gone = re.search(r"(\d+) keys? deleted since made (\d+) requests", answer.text)
    assert gone is None or gone.groups() == ("3", "11"), answer.text


@pytest.mark.parametrize("tool", ["get_user_info", "get_team_info"])
async def test_of_a_user_and_of_a_team(gateway: Seeded, connect: Connect, rows: list[Row], tool: str) -> None:
    who = {"user": USER, "kind": "internal"} if tool == "get_user_info" else {"team": TEAM}
    async with connect() as steward:
        answer = await steward(tool, **who, start_date=DAY, end_date=DAY, top=50)
    usage = answer.ok()["usage"]
    _assert_nothing_false(answer)
    assert usage["api_requests"] == sum(row.good + row.bad for row in rows)
    by_key = _requests(usage["by_key"])
    without_key = by_key.get(NO_KEY, by_key.get("other (1)"))  # 1.108 leaves these calls out of a user's keys
    assert without_key == _truth(gateway, KEY)[NO_KEY] == 12
    assert _requests(usage["by_model"]) == _truth(gateway, MODEL)


@pytest.mark.parametrize(("by", "column"), [("key", KEY), ("model", MODEL), ("provider", PROVIDER)])
async def test_of_the_company(gateway: Seeded, connect: Connect, rows: list[Row], by: str, column: str) -> None:
    async with connect(STEWARD_TOOLSETS="default,spend") as steward:
        answer = await steward("spend_report", group_by=[by], start_date=DAY, end_date=DAY, top=50)
    table, expected = _requests(answer.ok()["rows"]), _truth(gateway, column)
    _assert_nothing_false(answer)
    assert table.pop(NO_KEY, None) == expected.pop(NO_KEY, None)
    assert sorted(table.values()) == sorted(expected.values())  # keys have names of their own
    assert table == expected or by == "key"
    assert answer.data["api_requests"] == sum(row.good + row.bad for row in rows)
    assert answer.data["spend"] == pytest.approx(sum(row.spend for row in rows))


async def test_models_that_are_really_called_so(connect: Connect, namesakes: list[Row]) -> None:
    async with connect(STEWARD_TOOLSETS="default,spend") as steward:
        answer = await steward("spend_report", group_by=["model"], start_date=DAY, end_date=DAY)
    assert _requests(answer.ok()["rows"]) == {row.group: row.good + row.bad for row in namesakes}
    assert "Every call to 'unknown-model-group' (3) failed." in answer.text
