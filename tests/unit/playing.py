"""A tool, or a piece of one, with a recorded proxy behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import respx
from mcp.types import CallToolResult

from litellm_steward.api.proxy import Proxy
from litellm_steward.steward import Steward
from tests.stage import call, scene_name, steward_at
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
async def playing(*played: Scene, **settings: object) -> AsyncIterator[Stage]:
    """Play scenes, which were recorded on one proxy."""
    player = Player(*played)
    with respx.mock(assert_all_called=False) as router, still(played[0].recorded_at):
        router.route(url__startswith=BASE_URL).mock(side_effect=player)
        steward = steward_at(BASE_URL, **settings)
        async with steward.proxy:
            yield Stage(steward, player)


@asynccontextmanager
async def replayed(
    version: str, tool: str, fault: Fault | None = None, settings: dict[str, object] | None = None, **arguments: object
) -> AsyncIterator[tuple[Stage, CallToolResult]]:
    """Make a tool call that was recorded, and hold the stage for more questions about it."""
    recorded = scene(version, tool, scene_name(tool, arguments, fault))
    async with playing(recorded, **(settings or {})) as stage:
        yield stage, await stage.call(tool, **arguments)


async def tell(version: str, tool: str, fault: Fault | None = None, **arguments: object) -> CallToolResult:
    """What a tool answered when it was recorded, worked out anew."""
    async with replayed(version, tool, fault, **arguments) as (_, result):
        return result
