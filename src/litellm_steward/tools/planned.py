"""Changes that need somebody's agreement: prepared, agreed to, and made as they were agreed to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

import anyio
from mcp.types import InputRequiredResult

from litellm_steward.addresses import MAX_ADDRESS, one_spelling
from litellm_steward.approval import UNCHANGED, Agreed, Asking, Pending, Plan, agreement, changed_since
from litellm_steward.errors import Refused
from litellm_steward.steward import Steward
from litellm_steward.text import quote
from litellm_steward.tools.view import StewardContext, steward_of


class Planned(Protocol):
    """An ``Answer`` of a tool that may need agreement: until then what would be done, and the token to send back."""

    @property
    def plan(self) -> list[str] | None: ...
    @property
    def approval(self) -> str | None: ...
    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


A = TypeVar("A", bound=Planned)


@dataclass(frozen=True)
class Ready(Generic[A]):
    """A change as it would be made now, by what was just read of its target.

    ``plan``: what has to be agreed to, ``None`` where nothing has. ``planned``: the tool's own answer as long as
    that is missing, which says ``approval_required``. ``make``: makes the change.
    """

    plan: Plan | None
    planned: A
    make: Callable[[], Awaitable[A]]


async def when_agreed(
    ctx: StewardContext, token: str | None, prepare: Callable[[], Awaitable[Ready[A]]], turn: anyio.Lock | None = None
) -> A | InputRequiredResult:
    """Make the change, or answer what is missing for it.

    ``prepare`` reads the target. While somebody fills in a form it may change, so it is read again then, and what is
    not as it was agreed to is refused. ``turn`` is held from reading to the last write, and not while a form is open:
    two calls at the same time would each leave to the other what their plans say.

    Raises ``Refused`` when the answer is no, or the turn does not come.
    """
    steward = steward_of(ctx)
    patience = steward.settings.steward_timeout
    async with held(turn, patience):
        ready = await prepare()
        if ready.plan is None:
            return await ready.make()
        plan = _at_gateway(steward, ready.plan)
        agreed = agreement(steward.approvals, ctx, plan, token)
        if isinstance(agreed, Agreed):
            return await ready.make()
    if isinstance(agreed, Asking):
        await agreed.answer()
        async with held(turn, patience):
            now = await prepare()
            if now.plan is None or now.plan.fingerprint != ready.plan.fingerprint:
                raise changed_since()
            return await now.make()
    if isinstance(agreed, Pending):
        return ready.planned.model_copy(update={"plan": list(plan.lines), "approval": agreed.approval})
    return agreed


def _at_gateway(steward: Steward, plan: Plan) -> Plan:
    """Bound to this gateway, which the plan names, and to our key there: many are at ``localhost``."""
    gateway = one_spelling(steward.proxy.base_url)
    lines = (*plan.lines, f"Gateway: {quote(gateway, MAX_ADDRESS)}.")
    return replace(plan, lines=lines, gateway=f"{gateway} {steward.proxy.own_key_id()}")


@asynccontextmanager
async def held(turn: anyio.Lock | None, seconds: float) -> AsyncIterator[None]:
    """Until the end of the block nobody else changes what ``turn`` is for. Only the proxy may be waited for in it.

    Raises ``Refused`` if it is not free within ``seconds``.
    """
    if turn is None:
        yield
        return
    with anyio.move_on_after(seconds) as waiting:
        await turn.acquire()
    if waiting.cancelled_caught:
        raise Refused(f"Other changes of models are under way. {UNCHANGED}", hint="Call again.")
    try:
        yield
    finally:
        turn.release()
