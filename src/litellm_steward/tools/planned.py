"""What a tool answers for as long as the agreement that it needs is not there."""

from __future__ import annotations

from typing import TypeVar

from mcp.types import InputRequiredResult

from litellm_steward.approval import Agreed, Pending, Plan, agreement
from litellm_steward.tools.view import Answer, StewardContext, steward_of

A = TypeVar("A", bound=Answer)


async def unless_agreed(
    ctx: StewardContext, plan: Plan, token: str | None, planned: A
) -> A | InputRequiredResult | None:
    """``None`` to go ahead; else what to return: the question to the user, or ``planned`` with plan and token.

    ``planned`` is the tool's own answer, which says ``approval_required`` and has a ``plan`` and an ``approval``.
    Raises ``Refused`` when the user said no.
    """
    agreed = await agreement(steward_of(ctx).approvals, ctx, plan, token)
    if isinstance(agreed, Agreed):
        return None
    if isinstance(agreed, Pending):
        return planned.model_copy(update={"plan": list(plan.lines), "approval": agreed.approval})
    return agreed
