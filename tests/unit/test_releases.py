"""What the steward knows of the releases it was tested with, against what they were recorded to answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from litellm_steward.api.releases import LACKS, learn_release
from litellm_steward.api.teams import SEARCH
from litellm_steward.api.version import Version
from tests.stage import facts_of
from tests.tape import FOLDER, NEW, OLD, VERSIONS, Exchange, Scene, scene, scenes
from tests.unit.playing import playing
from tests.unit.test_api import as_admin

ROUTE_MISSING = {"detail": "Not Found"}
READING = ("get_user_info", "get_team_info", "get_key_info")
MOST_CALLS = 5
BY_TRYING = {"GET /health/readiness/details", "GET /spend/total"}
"""Asked when the release or a failure is found out, not by tools that look something up."""


def recorded(version: str) -> Iterator[Exchange]:
    for file in sorted((FOLDER / version).glob("*.json")):
        for one in scenes(version, file.stem):
            yield from one.exchanges


def lacked(version: str) -> frozenset[str]:
    parsed = Version.parse(version)
    assert parsed is not None
    return LACKS.get(parsed, frozenset())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_names_what_was_recorded_to_be_missing_and_nothing_that_answered(version: str) -> None:
    missing, there = set[str](), set[str]()
    for exchange in recorded(version):
        route = f"{exchange.method} {exchange.path}"
        (missing if exchange.status == 404 and exchange.answer == ROUTE_MISSING else there).add(route)
    assert missing - BY_TRYING <= lacked(version)
    assert not there & lacked(version)


def looked_up(version: str) -> list[Scene]:
    return [one for tool in READING for one in scenes(version, tool) if one.call[0] == tool]


@pytest.mark.asyncio
@pytest.mark.parametrize("one", [*looked_up(OLD), *looked_up(NEW)], ids=lambda one: f"{one.version} {one.name}")
async def test_a_first_call_takes_five_proxy_calls_at_most(one: Scene) -> None:
    readiness = as_admin(scene(one.version, "health", "readiness"))
    tool, arguments = one.call
    async with playing(one, readiness) as stage:
        await learn_release(stage.proxy)
        stage.player.asked.clear()
        result = await stage.call(tool, **arguments)
        if result.is_error:
            return  # it also looked for near misses, or whether something was deleted
        facts_of(result)
        assert len(stage.player.asked) <= MOST_CALLS, [f"{e.method} {e.path}" for e in stage.player.asked]


@pytest.mark.asyncio
async def test_the_oldest_release_is_not_asked_for_what_it_lacks() -> None:
    for one in looked_up(OLD):
        tool, arguments = one.call
        async with playing(one, as_admin(scene(OLD, "health", "readiness"))) as stage:
            await learn_release(stage.proxy)
            stage.player.asked.clear()
            await stage.call(tool, **arguments)
            routes = {f"{exchange.method} {exchange.path}" for exchange in stage.player.asked}
        assert routes
        assert not routes & lacked(OLD)
        assert not any(
            "search" in exchange.params for exchange in stage.player.asked if exchange.path == "/v2/team/list"
        )


@pytest.mark.asyncio
async def test_nothing_is_known_of_a_release_between_the_tested_ones() -> None:
    async with playing(scene(NEW, "health", "readiness")) as stage:
        stage.player.allow("/health/readiness", {"status": "healthy", "litellm_version": "1.90.0"})
        await learn_release(stage.proxy)
        assert not stage.proxy.lacks(SEARCH)
