"""What a release cannot answer truthfully is refused or said: mostly 1.74.9, which ignores ``user_id``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from litellm_steward.api.activity import Day
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.spend_logs import Logged, LogPage
from litellm_steward.errors import Unsupported
from litellm_steward.periods import Period
from litellm_steward.usage.figures import Figures
from litellm_steward.usage.models import NOT_KNOWN
from litellm_steward.usage.readings import Reading
from litellm_steward.usage.scopes import read_team, usage_of_customer, usage_of_team, usage_of_user
from litellm_steward.usage.user_by_keys import DAY_NOT_KNOWN, MOST_KEYS, UserTallies
from tests.scrubbing import invented_team
from tests.stage import steward_at
from tests.tape import BASE_URL, NEW, OLD, Scene, scene
from tests.unit.playing import playing

DAYS = Period(date(2026, 3, 1), date(2026, 3, 2))


@contextmanager
def _proxy(answers: dict[str, Any]) -> Iterator[Proxy]:
    """A made-up 1.74.9: a path that is not given is a route that is missing."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path not in answers:
            return httpx.Response(404, json={"detail": "Not Found"})
        return httpx.Response(200, json=answers[request.url.path])

    with respx.mock() as router:
        router.route(url__startswith=BASE_URL).mock(side_effect=respond)
        yield steward_at(BASE_URL).proxy


def _keys(number: int) -> dict[str, Any]:
    rows = [{"token": f"{n:064x}", "user_id": "busy"} for n in range(number)]
    return {"user_id": "busy", "keys": rows, "teams": []}


@pytest.mark.asyncio
async def test_a_user_with_more_keys_than_can_be_read_one_by_one_is_refused() -> None:
    answers = {
        "/user/info": _keys(MOST_KEYS + 1),
        "/spend/logs": [],
        "/spend/logs/ui": {"data": [], "total": 0},
    }
    with _proxy(answers) as proxy, pytest.raises(Unsupported, match="'busy' has 51 keys") as caught:
        await usage_of_user(proxy, "busy", DAYS)
    assert "upgrade the proxy to 1.83 or newer" in str(caught.value)


@pytest.mark.asyncio
async def test_keys_that_only_the_log_remembers_count_as_well() -> None:
    """Fifty live keys and one deleted one are fifty-one."""
    answers = {
        "/user/info": _keys(MOST_KEYS),
        "/spend/logs": [{"spend": 1, "startTime": "2026-03-01", "models": {}, "ab" * 32: 1.0}],
        "/spend/logs/ui": {"data": [], "total": 0},
    }
    with _proxy(answers) as proxy, pytest.raises(Unsupported, match="51 keys"):
        await usage_of_user(proxy, "busy", DAYS)


@pytest.mark.asyncio
async def test_a_customer_beyond_the_hundred_is_unknown_not_zero() -> None:
    hundred = [{"end_user": f"c{n}", "total_count": 1, "total_spend": 1} for n in range(100)]
    with _proxy({"/global/spend/end_users": hundred}) as proxy:
        with pytest.raises(Unsupported, match="its usage is unknown, not zero"):
            await usage_of_customer(proxy, "acme", DAYS)
        assert (await usage_of_customer(proxy, "c7", DAYS)).total.api_requests == 1
    with _proxy({"/global/spend/end_users": hundred[:99]}) as proxy:
        quiet = await usage_of_customer(proxy, "acme", DAYS)
    assert quiet.total.is_nothing, "all customers were listed, and it is not among them"


def _day(entities: dict[str, int], models: dict[str, int]) -> Day:
    def entries(counts: dict[str, int]) -> dict[str, object]:
        return {name: {"metrics": {"api_requests": n, "spend": n}} for name, n in counts.items()}

    whole = sum(entities.values())
    breakdown = {"entities": entries(entities), "model_groups": entries(models), "models": {}}
    return Day.model_validate(
        {"date": "2026-03-01", "metrics": {"api_requests": whole, "spend": whole}, "breakdown": breakdown}
    )


def test_of_a_shared_day_only_the_users_own_part_counts_and_its_models_are_not_guessed() -> None:
    tallies = UserTallies("maria")
    days = (
        _day({"maria": 2}, {"gpt-4o": 2}),
        _day({"maria": 1, "priya": 4}, {"gpt-4o": 5}),
        _day({"priya": 9}, {"x": 9}),
    )
    tallies.add_key("ab" * 32, Reading(days, "any"))
    assert tallies.by_key["ab" * 32].figures.api_requests == 3
    assert {name: figures.api_requests for name, figures in tallies.by_model.items()} == {"gpt-4o": 2, NOT_KNOWN: 1}
    assert tallies.by_day["2026-03-01"].api_requests == 3
    assert len(tallies.notes) == 1


def test_failed_calls_that_no_key_has_are_counted_once_and_those_unseen_without_a_model() -> None:
    rows = [
        {"api_key": "", "model_group": "gpt-4o", "startTime": "2026-03-01T10:00:00"},
        {"api_key": "", "model": "", "startTime": None},
        {"api_key": "ab" * 32, "model_group": "gpt-4o", "startTime": "2026-03-01T10:00:00"},
    ]
    tallies = UserTallies("maria")
    tallies.add_failures(LogPage.model_validate({"data": rows, "total": 10}))
    assert tallies.by_key[""].figures.failed_requests == 9, "the third is in its key's figures already"
    assert {name: figures.api_requests for name, figures in tallies.by_model.items()} == {
        "gpt-4o": 1,
        "(no model)": 1,
        NOT_KNOWN: 7,
    }
    assert {name: figures.api_requests for name, figures in tallies.by_day.items()} == {
        "2026-03-01": 1,
        DAY_NOT_KNOWN: 8,
    }
    assert tallies.notes == ["Of the failed calls the last 3 are told apart by model and by day."]


def test_without_the_days_of_the_log_nobody_knows_the_failed_calls() -> None:
    """The last day's rows may still be on their way; an earlier day is held in full, or was cleared."""
    tallies = UserTallies("maria")
    for number, spend in ((1, 4), (2, 2), (3, 7)):
        tallies.by_day.count(f"2026-03-0{number}", Figures(spend=Decimal(spend), successful_requests=1))
    held = {"2026-03-01": Decimal(4), "2026-03-02": Decimal("1.999"), "2026-03-03": Decimal(1)}
    tallies.refuse_without_log(Logged(by_day=held))
    for logged, told in (
        ({}, "did on 2026-03-01 and 2 other days"),
        ({**held, "2026-03-01": Decimal(3)}, r"did on 2026-03-01\."),
        ({day: held[day] for day in ("2026-03-01", "2026-03-02")}, r"did on 2026-03-03\."),
    ):
        with pytest.raises(Unsupported, match=told):
            tallies.refuse_without_log(Logged(by_day=logged))


@pytest.mark.asyncio
async def test_a_team_with_more_keys_than_are_listed_is_summed_by_user_by_the_proxy() -> None:
    """Recorded, but for the number of keys: no example team has more than a hundred."""
    days = Period(date.fromisoformat("2026-10-23"), date.fromisoformat("2026-11-21"))
    played = [_as_asked(scene(NEW, "activity", name)) for name in ("team, by user", "team, aggregated")]
    keys = scene(NEW, "activity", "team, keys").only
    many = replace(keys, answer={**keys.answer, "total_api_keys": 150})
    played.append(_as_asked(replace(scene(NEW, "activity", "team, keys"), exchanges=(many,))))
    async with playing(*played) as stage:
        read = await read_team(stage.proxy, invented_team(2), days)
        usage = await usage_of_team(stage.proxy, read, days, [])
    assert usage.by_key is not None
    assert usage.by_key.unlisted == 150 - len(keys.answer["api_keys"])
    assert usage.by_user is not None
    by_user = {group.name: group.figures.api_requests for group in usage.by_user.groups}
    assert by_user["devin"] == 16
    assert sum(by_user.values()) == usage.total.api_requests == 36
    assert "Keys deleted since are counted in by_user with their last owner." in usage.notes


def _as_asked(recorded: Scene) -> Scene:
    """The steward asks for the first page by name; the fixed list of calls did not."""
    exchange = recorded.only
    if not exchange.path.endswith("/aggregated/keys"):
        return recorded
    return replace(recorded, exchanges=(replace(exchange, params={**exchange.params, "offset": "0"}),))


@pytest.mark.parametrize("version", [OLD, NEW])
def test_why_users_are_read_by_key_on_the_oldest_release(version: str) -> None:
    """Asked for one user, it answers with everybody."""
    answer = scene(version, "activity", "user, one page").only.answer
    whole = sum(day["metrics"]["api_requests"] for day in answer["results"])
    assert (whole == 45) == (version == NEW)
