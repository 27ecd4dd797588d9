"""Audits of what exists: the hygiene of keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from litellm_steward.key_audit import NO_BUDGET, Audit, audit
from litellm_steward.references.matching import if_given
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import resolve_user
from litellm_steward.text import clean, count, named
from litellm_steward.together import together
from litellm_steward.tools.audit_views import KeyAudit, audit_counts, audit_row
from litellm_steward.tools.parameters import TeamRef, UserRef
from litellm_steward.tools.view import StewardContext, steward_of

ROWS: Final = 10


async def audit_keys(
    ctx: StewardContext,
    team: TeamRef | None = None,
    user: UserRef | None = None,
    unused_days: Annotated[int, Field(ge=1, le=3650, description="Unused if not called for so many days")] = 30,
    limit: Annotated[int, Field(ge=1, le=50, description="Rows shown")] = ROWS,
) -> KeyAudit:
    """Key hygiene of the company, a team or a user. Counts keys never used or unused, without budget, expiry or
    owner, of a deleted owner or team, allowed every model, blocked, expired; then shows the worst keys.
    """
    proxy = steward_of(ctx).proxy
    team_match, user_match = await together(if_given(resolve_team, proxy, team), if_given(resolve_user, proxy, user))
    result = await audit(
        proxy,
        team_id=team_match.item.team_id if team_match else None,
        user_id=user_match.item.user_id if user_match else None,
        unused=timedelta(days=unused_days),
        rows=limit,
        progress=ctx.report_progress,
    )
    of_team = f"team {named(clean(team_match.item.name))}" if team_match else ""
    of_user = f"user {named(clean(user_match.item.user_id))}" if user_match else ""
    return KeyAudit(
        scope=" and ".join(filter(None, (of_team, of_user))) or "the company",
        total=result.in_all,
        looked_at=result.seen,
        complete=result.complete,
        unused_days=unused_days,
        counts=audit_counts(result),
        rows=[audit_row(judged) for judged in result.worst],
        notes=[
            *(team_match.notes if team_match else ()),
            *(user_match.notes if user_match else ()),
            *_notes(result),
        ],
    )


def _notes(result: Audit) -> list[str]:
    notes = []
    if not result.complete:
        notes.append(
            f"Time ran out after {count(result.seen, 'key')} of {result.in_all:,}, in no particular order: counts "
            "and rows cover those only. Ask for a team or a user to have all of theirs."
        )
    if result.use_unknown:
        notes.append(
            f"{count(result.use_unknown, 'key')} spent something before the proxy began to record the last use."
        )
    if result.owners_unchecked:
        notes.append(f"{count(result.owners_unchecked, 'owner')} with a comma in the id could not be looked up.")
    if not result.owners_checked:
        notes.append("All users could not be read at once: deleted owners are unknown. A team's audit tells them.")
    if not result.teams_checked:
        notes.append("There are too many teams to look for deleted ones.")
    if result.counts[NO_BUDGET]:
        notes.append("Without budget means of the key's own; its team's budget, if there is one, still limits it.")
    return notes
