"""A tool, or a piece of one, with a recorded proxy behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import respx
from mcp.types import CallToolResult

from litellm_steward.api.proxy import Proxy
from litellm_steward.steward import Steward
from tests.stage import NOTHING, call, facts_of, scene_name, steward_at
from tests.stillness import still
from tests.tape import BASE_URL, Fault, Player, Scene, scene


@dataclass
class Stage:
    """A steward whose proxy answers from a recording, at the time of the recording."""

    steward: Steward
    player: Player

    @property
    def proxy(self) -> Proxy:
        return self.steward.proxy

    async def call(self, tool: str, **arguments: object) -> CallToolResult:
        return await call(self.steward, tool, **arguments)


@asynccontextmanager
async def playing(*played: Scene, settings: Mapping[str, object] = NOTHING) -> AsyncIterator[Stage]:
    """Play scenes, which were recorded on one proxy."""
    player = Player(*played)
    with respx.mock(assert_all_called=False) as router, still(played[0].recorded_at):
        router.route(url__startswith=BASE_URL).mock(side_effect=player)
        steward = steward_at(BASE_URL, settings=settings)
        async with steward.proxy:
            yield Stage(steward, player)


@asynccontextmanager
async def replayed(
    version: str,
    tool: str,
    arguments: Mapping[str, object],
    *,
    fault: Fault | None = None,
    settings: Mapping[str, object] = NOTHING,
) -> AsyncIterator[tuple[Stage, CallToolResult]]:
    """Make a tool call that was recorded, and hold the stage for more questions about it."""
    recorded = scene(version, tool, scene_name(tool, arguments, fault))
    async with playing(recorded, settings=settings) as stage:
        yield stage, await stage.call(tool, **arguments)


async def tell(version: str, tool: str, **arguments: object) -> CallToolResult:
    """What a tool answers to a call that was recorded."""
    async with replayed(version, tool, arguments) as (_, result):
        return result


async def facts(version: str, tool: str, **arguments: object) -> dict[str, Any]:
    """The same, as data."""
    return facts_of(await tell(version, tool, **arguments))
