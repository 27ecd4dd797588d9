"""Usage of one scope: which readings it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from litellm_steward.periods import Period
from litellm_steward.usage.scopes import read_team, usage_of_team
from tests.scrubbing import invented_team
from tests.tape import NEW, Scene, scene
from tests.unit.playing import playing


@pytest.mark.asyncio
async def test_a_team_with_more_keys_than_are_listed_is_summed_by_user_by_the_proxy() -> None:
    """Recorded, but for the number of keys: no example team has more than a hundred."""
    today = scene(NEW, "activity", "team, keys").recorded_at.date()
    days = Period(today - timedelta(days=29), today)
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
