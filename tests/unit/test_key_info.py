"""What ``get_key_info`` says beyond the row: the current minute, and which budget applies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.stage import facts_of, scene_name, text_of
from tests.tape import NEW, VERSIONS, Exchange, Scene, scene
from tests.unit.playing import facts, playing, tell

LEFT_OUT = "current_minute is left out: the request log could not be read whole."
SO_FAR = "current_minute is what is booked so far; bookings lag by seconds."
Change = Callable[[Exchange], Exchange]


def _changed(version: str, key: str, change: Change, **more: object) -> Scene:
    recorded = scene(version, "get_key_info", scene_name("get_key_info", {"key": key, **more}))
    changed = tuple(change(exchange) for exchange in recorded.exchanges)
    assert changed != recorded.exchanges
    return replace(recorded, exchanges=changed)


async def _told(played: Scene, key: str) -> dict[str, Any]:
    async with playing(played) as stage:
        return facts_of(await stage.call("get_key_info", key=key))


def _logs(**answer: object) -> Change:
    def change(exchange: Exchange) -> Exchange:
        if not exchange.path.startswith("/spend/logs") or exchange.status != 200:
            return exchange
        return replace(exchange, answer={**exchange.answer, **answer})

    return change


def _row(**fields: object) -> Change:
    """The key's own row is another."""

    def change(exchange: Exchange) -> Exchange:
        if exchange.path != "/key/list":
            return exchange
        answer = json.loads(json.dumps(exchange.answer))
        for row in answer["keys"]:
            row.update(fields)
        return replace(exchange, answer=answer)

    return change


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_current_minute_is_counted_from_the_log(version: str) -> None:
    rows = [{"api_key": "any", "total_tokens": 273}, {"api_key": "any", "total_tokens": 27}]
    told = await _told(_changed(version, "cs-bot", _logs(data=rows, total=2)), "cs-bot")
    assert told["current_minute"] == {"requests": 2, "tokens": 300}
    assert SO_FAR in told["notes"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_more_than_a_page_in_a_minute_is_left_out_rather_than_counted_in_part(version: str) -> None:
    rows = [{"api_key": "any", "total_tokens": 273}] * 100
    told = await _told(_changed(version, "cs-bot", _logs(data=rows, total=101)), "cs-bot")
    assert "current_minute" not in told
    assert LEFT_OUT in told["notes"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_log_that_records_nothing_does_not_look_like_a_quiet_minute(version: str) -> None:
    """The rollups have calls of today, the log has none: it is switched off."""
    async with playing(_changed(version, "cs-bot", _logs(data=[], total=0))) as stage:
        stage.player.allow("/spend/logs/v2", {"data": [], "total": 0})
        told = facts_of(await stage.call("get_key_info", key="cs-bot"))
    assert "current_minute" not in told
    assert LEFT_OUT in told["notes"]


@pytest.mark.asyncio
async def test_a_key_without_calls_today_has_a_quiet_minute() -> None:
    told = await facts(NEW, "get_key_info", key="trial-key")
    assert told["current_minute"] == {"requests": 0, "tokens": 0}


def _refuse_logs(exchange: Exchange) -> Exchange:
    if not exchange.path.startswith("/spend/logs"):
        return exchange
    return replace(exchange, status=401, answer={"error": {"message": "Prisma Client is not initialized"}})


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_everything_else_is_told_without_a_log(version: str) -> None:
    told = await _told(_changed(version, "cs-bot", _refuse_logs), "cs-bot")
    assert "current_minute" not in told
    assert told["usage"]["api_requests"] == 28


@pytest.mark.asyncio
async def test_everything_else_is_told_if_the_log_fails_the_second_time(pauses: list[float]) -> None:
    empty = _logs(data=[], total=0)
    async with playing(_changed(NEW, "cs-bot", empty)) as stage:  # the second question was never recorded
        stage.player.refuse_unknown(500)
        told = facts_of(await stage.call("get_key_info", key="cs-bot"))
    assert "current_minute" not in told
    assert told["usage"]["api_requests"] == 28


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_teams_budget_is_named_where_the_key_has_none(version: str) -> None:
    told = await facts(version, "get_key_info", key="alex-laptop")
    assert told["notes"][0] == "It has no budget of its own; the team's $500.00 applies ($499.24 left)."
    assert "max_budget" not in told["budget"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "own",
    [
        {"budget_limits": [{"budget_duration": "1d", "max_budget": 5.0}]},
        {"litellm_budget_table": {"budget_id": "b1", "max_budget": 5.0, "budget_duration": "1d"}},
    ],
    ids=["several windows", "a budget row of its own"],
)
async def test_a_budget_may_stand_elsewhere_than_in_the_row(version: str, own: dict[str, object]) -> None:
    async with playing(_changed(version, "alex-laptop", _row(**own))) as stage:
        result = await stage.call("get_key_info", key="alex-laptop")
    assert not [note for note in facts_of(result)["notes"] if "no budget of its own" in note]
    assert "Daily budget $5.00" in text_of(result)
    assert "No budget" not in text_of(result)


@pytest.mark.asyncio
async def test_limits_that_surprise_are_noted() -> None:
    told = await _told(_changed(NEW, "alex-laptop", _row(max_budget=0)), "alex-laptop")
    assert "A max_budget of 0 rejects every call." in told["notes"]
    assert told["budget"]["remaining"] <= 0
    assert "used_percent" not in told["budget"]


@pytest.mark.asyncio
async def test_a_team_that_does_not_exist_limits_nothing() -> None:
    """The proxy takes any text for a team's id."""

    def orphaned(exchange: Exchange) -> Exchange:
        none: dict[str, Any] = {"teams": [], "total": 0, "total_pages": 0}
        return replace(exchange, answer=none) if exchange.path == "/v2/team/list" else exchange

    told = await _told(_changed(NEW, "alex-laptop", orphaned), "alex-laptop")
    assert told["notes"][0].endswith("does not exist: no team budget applies.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_nothing_is_said_of_the_limits_of_a_key_that_is_gone(version: str) -> None:
    result = await tell(version, "get_key_info", key="departed")
    assert not [note for note in facts_of(result)["notes"] if "budget" in note]


@pytest.mark.asyncio
async def test_tags_and_aliases_are_shown_and_bounded() -> None:
    many = {"metadata": {"tags": [f"t{n}" for n in range(50)]}, "aliases": {f"a{n}": "gpt-4o" for n in range(50)}}
    told = await _told(_changed(NEW, "alex-laptop", _row(**many)), "alex-laptop")
    assert told["tags"] == [f"t{n}" for n in range(20)]
    assert len(told["aliases"]) == 20
