"""The base of every view model, and the description of a tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Literal, cast

from mcp.server.mcpserver import Context
from mcp.types import InputRequiredResult, ResourceLink
from pydantic import AfterValidator, BaseModel, ConfigDict

from litellm_steward.callers import principal_of
from litellm_steward.steward import Steward
from litellm_steward.text import MAX_ID, clean

StewardContext = Context[Steward]
"""The MCP request in which a tool runs; ``steward_of`` takes the ``Steward`` out of it."""

Effect = Literal["reads", "creates", "destroys"]


def steward_of(ctx: StewardContext) -> Steward:
    """The process's steward; where callers bring their own keys, the one that works with this caller's."""
    steward = ctx.request_context.lifespan_context
    if steward.settings.steward_credentials == "steward":
        return steward
    caller = principal_of(ctx)
    if caller.key is None:
        steward.settings.master_key.read()  # says what is missing
        raise AssertionError("there is no key to fall back on")
    return steward.of_caller(caller.identity, caller.key)


Name = Annotated[str, AfterValidator(clean)]
"""Text that somebody else wrote: cleaned whenever a view is built."""


def _clean_id(text: str) -> str:
    return clean(text, MAX_ID)


Id = Annotated[str, AfterValidator(_clean_id)]
"""The same for an id, which has to be whole to be of use."""


class View(BaseModel):
    """A result, or a block of one: small, ordered, names before ids, ``None`` left out.

    Every ``str`` that came from the proxy is a ``Name``; a test feeds hostile text through each view.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Answer(View):
    """A whole result: what a person reads is made from the same facts as the structured content."""

    def text(self) -> str:
        raise NotImplementedError

    def links(self) -> list[ResourceLink]:
        """Resources that hold more than the answer shows."""
        return []


ToolFunction = Callable[..., Awaitable[Answer | InputRequiredResult]]


@dataclass(frozen=True)
class Late:
    """A function by name: the tools of an opt-in toolset are imported only where it is enabled.

    Everybody would pay for them at every start.
    """

    module: str
    name: str

    def load(self) -> ToolFunction:
        return cast("ToolFunction", getattr(import_module(self.module), self.name))


@dataclass(frozen=True)
class ToolSpec:
    """One tool: its function, what it does to the world, and the toolset it belongs to.

    The function's name is the tool's name, its docstring the description an agent reads, its
    annotations the schemas. The first parameter is the ``StewardContext``. It returns an ``Answer``, or
    the question of ``approval.agreement`` as it is.
    """

    implementation: ToolFunction | Late
    title: str
    effect: Effect
    toolset: str = "default"

    @property
    def function(self) -> ToolFunction:
        return self.implementation.load() if isinstance(self.implementation, Late) else self.implementation

    @property
    def name(self) -> str:
        return self.implementation.name if isinstance(self.implementation, Late) else self.implementation.__name__
