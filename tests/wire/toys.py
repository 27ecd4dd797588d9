"""A catalog of toy tools, and a command that serves it exactly as the real one is served."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from mcp.types import InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from litellm_steward.errors import InvalidArgument
from litellm_steward.logs import configure_logging
from litellm_steward.server import StewardServer, build_server
from litellm_steward.serving.http import run_http
from litellm_steward.serving.stdio import run_stdio
from litellm_steward.settings import load_settings
from litellm_steward.steward import Steward
from litellm_steward.tools.view import Answer, Name, StewardContext, ToolSpec, View


class Budget(View):
    max_budget: float | None = None
    spend: float = 0


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str
    role: Literal["admin", "user"] = "user"
    budget: float | None = None


class Toy(Answer):
    """What the toys answer with; this docstring is for us."""

    says: Name = Field(description="What it has to say")
    nothing: str | None
    budget: Budget | None = None
    earlier: Budget | None = None
    numbers: list[int | None] = []

    def text(self) -> str:
        return f"It says {self.says}."


async def echo(
    ctx: StewardContext,
    text: Annotated[str | None, Field(description="Anything")] = None,
    title: str = "none",
    models: list[str] | None = None,
    members: list[Member] | None = None,
    metadata: dict[str, float] | None = None,
    limit: Annotated[int, Field(ge=1, le=50, description="How many")] = 10,
    max_budget: Annotated[float | None, Field(ge=0)] = None,
    kind: Literal["internal", "customer"] = "internal",
    api_key: SecretStr | None = None,
) -> Toy:
    """Say back what was said.

    Further lines are kept, without the source's indentation.
    """
    said: dict[str, object] = {
        "text": text,
        "title": title,
        "models": models,
        "members": members and [member.model_dump() for member in members],
        "metadata": metadata,
        "limit": limit,
        "max_budget": max_budget,
        "kind": kind,
        "api_key": api_key and "a secret",
        "proxy": ctx.request_context.lifespan_context.settings.litellm_base_url,
    }
    shown = {name: value for name, value in said.items() if value is not None}
    return Toy(says=repr(shown), nothing=None, budget=Budget(), numbers=[1, None])


async def need(ctx: StewardContext, key: str) -> Toy:
    """Take one required argument."""
    return Toy(says=key, nothing=None)


async def count_up(ctx: StewardContext, to: int = 3) -> Toy:
    """Report progress."""
    for step in range(1, to + 1):
        await ctx.report_progress(step, to, f"step {step}")
    return Toy(says="done", nothing=None)


async def refuse(ctx: StewardContext, text: str = "wrong") -> Toy:
    """Fail as a tool does that knows why."""
    raise InvalidArgument(f"It is {text}", hint="Say something else")


async def crash(ctx: StewardContext, api_key: str = "sk-toy-0123456789") -> Toy:
    """Fail as a tool does that has a bug."""
    raise KeyError(api_key)


async def lie(ctx: StewardContext) -> Toy:
    """Return what is no answer."""
    return {"says": "sk-toy-0123456789"}  # type: ignore[return-value]


async def wait(ctx: StewardContext) -> Toy:
    """Wait until cancelled, and say so on stderr."""
    await ctx.report_progress(1, None, "waiting")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        sys.stderr.write("CANCELLED\n")
        raise
    return Toy(says="never", nothing=None)


async def finish(ctx: StewardContext, file: str) -> Toy:
    """Say on stderr that it has begun, and end when a file appears."""
    sys.stderr.write("BEGUN\n")
    sys.stderr.flush()
    while not Path(file).exists():  # noqa: ASYNC110, ASYNC240 - nobody tells, and a toy may block
        await asyncio.sleep(0.01)
    return Toy(says="finished", nothing=None)


async def chatter(ctx: StewardContext) -> Toy:
    """Print where one must not."""
    sys.stdout.write("this is not JSON\n")
    os.write(1, b"nor is this\n")
    return Toy(says="sorry", nothing=None)


async def wipe(ctx: StewardContext, key: str) -> Toy | InputRequiredResult:
    """Destroy something."""
    return Toy(says=f"{key} is gone", nothing=None)


async def extra(ctx: StewardContext) -> Toy:
    """Belong to another toolset."""
    return Toy(says="extra", nothing=None)


TOYS: tuple[ToolSpec, ...] = (
    ToolSpec(echo, "Echo", "reads"),
    ToolSpec(need, "Need", "reads"),
    ToolSpec(count_up, "Count up", "reads"),
    ToolSpec(refuse, "Refuse", "reads"),
    ToolSpec(crash, "Crash", "creates"),
    ToolSpec(lie, "Lie", "reads"),
    ToolSpec(wait, "Wait", "reads"),
    ToolSpec(finish, "Finish", "creates"),
    ToolSpec(chatter, "Chatter", "reads"),
    ToolSpec(wipe, "Wipe", "destroys"),
    ToolSpec(extra, "Extra", "reads", toolset="more"),
)


def build_toys(steward: Steward) -> StewardServer:
    return build_server(steward, TOYS)


def main() -> int:
    """``stdio``, or ``sse`` or ``streamable-http`` and where; settings come from the environment."""
    settings = load_settings()
    configure_logging(settings.steward_log_level)
    transport = sys.argv[1]
    if transport == "stdio":
        run_stdio(settings, build=build_toys)
    host = sys.argv[2]
    run_http(settings, "sse" if transport == "sse" else "streamable-http", host=host, port=0, build=build_toys)
    return 0


if __name__ == "__main__":
    sys.exit(main())
