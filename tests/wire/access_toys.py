"""Tools that show who calls and whose key is used."""

from __future__ import annotations

from mcp.types import InputRequiredResult
from pydantic import BaseModel

from litellm_steward.approval import Plan
from litellm_steward.callers import caller_of
from litellm_steward.tools.planned import Ready, when_agreed
from litellm_steward.tools.view import Answer, Name, StewardContext, ToolSpec, steward_of


class Said(Answer):
    says: Name

    def text(self) -> str:
        return self.says


class Whose(BaseModel):
    whose: str


async def whoami(ctx: StewardContext) -> Said:
    """Say who calls."""
    caller = caller_of(ctx)
    return Said(says=f"{caller.client or '-'} | {caller.subject or '-'}")


async def ask(ctx: StewardContext) -> Said:
    """Ask the proxy whose key it was sent."""
    return Said(says=(await steward_of(ctx).proxy.get("/whose", Whose)).whose)


async def release(ctx: StewardContext) -> Said:
    """Say which release the proxy is."""
    return Said(says=str(await steward_of(ctx).version()))


async def spend_report(ctx: StewardContext, rows: str) -> Said:
    """Keep a table."""
    return Said(says=steward_of(ctx).reports.keep(rows))


class Wiping(Said):
    """What becomes of ``wipe``."""

    plan: list[str] | None = None
    approval: str | None = None

    def text(self) -> str:
        return self.approval or self.says


async def wipe(ctx: StewardContext, approval: str | None = None) -> Wiping | InputRequiredResult:
    """Destroy something, once somebody agreed."""

    async def prepare() -> Ready[Wiping]:
        async def make() -> Wiping:
            return Wiping(says="wiped")

        return Ready(Plan("wipe", ("Wipe it.",), "it", {"it": 1}), Wiping(says="not yet"), make)

    return await when_agreed(ctx, approval, prepare)


TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec(whoami, "Who am I", "reads"),
    ToolSpec(ask, "Ask", "reads"),
    ToolSpec(release, "Release", "reads"),
    ToolSpec(spend_report, "Spend report", "reads"),
    ToolSpec(wipe, "Wipe", "destroys"),
)
