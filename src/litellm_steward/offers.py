"""Which of the tools that a configuration offers this caller can use, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litellm_steward.access import Access
from litellm_steward.approval import can_be_asked
from litellm_steward.callers import WRITE_SCOPE, principal_of
from litellm_steward.settings import KEY_HEADER, Credentials
from litellm_steward.tools.view import StewardContext, ToolSpec

MENDING: Final[Mapping[Credentials, str]] = {
    "steward": "Give the steward the master key, or a key of a proxy_admin user without route limits, as "
    "LITELLM_MASTER_KEY and restart it.",
    "caller": f"Send a key of a proxy_admin user without route limits in {KEY_HEADER}.",
}


def hindrance(spec: ToolSpec, ctx: StewardContext, access: Access | None) -> str | None:
    """The sentence that says why a tool cannot work for this caller. ``access``: of the steward's key, if known."""
    settings = ctx.request_context.lifespan_context.settings  # a caller without a key has no steward
    changes = spec.effect != "reads"
    if changes and not principal_of(ctx).has(WRITE_SCOPE):
        return f"{spec.name} changes the gateway, and this access token lacks the scope {WRITE_SCOPE}."
    if access is not None and (obstacle := access.obstacle(changes=changes)) is not None:
        return f"{spec.name} cannot work: {obstacle}. {MENDING[settings.steward_credentials]}"
    if spec.effect == "destroys" and settings.steward_approval == "elicit" and not can_be_asked(ctx):
        return (
            f"{spec.name} needs a person's agreement (STEWARD_APPROVAL=elicit), and this client cannot be asked. "
            "Use a client with elicitation, or set STEWARD_APPROVAL=auto and restart the steward."
        )
    return None
