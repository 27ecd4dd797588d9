"""What an agent sees of key hygiene."""

from __future__ import annotations

from litellm_steward import key_audit as rules
from litellm_steward.key_audit import Audit, Judged
from litellm_steward.text import clean, count, money, short_id, table
from litellm_steward.tools.blocks import iso, note_lines, page_of, rounded
from litellm_steward.tools.view import Answer, Id, Name, View


class AuditCounts(View):
    """Keys with each fault. What is left out this proxy cannot tell."""

    never_used: int | None = None
    unused: int | None = None
    without_budget: int
    without_expiry: int
    without_owner: int
    owner_deleted: int | None = None
    team_deleted: int | None = None
    every_model: int
    blocked: int
    expired: int


class AuditRow(View):
    """A key with its faults. ``id`` where it has no alias."""

    key: Name
    id: str | None = None
    owner: Id | None = None
    team: Name | None = None
    faults: list[str]
    last_active: str | None = None
    spend: float

    def cells(self) -> list[str]:
        owner, team = clean(self.owner or "-", 40), clean(self.team or "-", 40)
        used = self.last_active[:10] if self.last_active else "-"
        return [clean(self.key, 60), owner, team, ", ".join(self.faults), used, money(self.spend)]


class KeyAudit(Answer):
    """Counts over all keys looked at, then the worst of them."""

    scope: Name
    total: int
    looked_at: int
    complete: bool
    unused_days: int
    counts: AuditCounts
    rows: list[AuditRow]
    notes: list[str]

    def text(self) -> str:
        counts = self.counts
        of = f"{count(self.looked_at)} of {count(self.total, 'key')}"
        use = "" if counts.never_used is None else f"{count(counts.never_used)} never used, "
        use += "" if counts.unused is None else f"{count(counts.unused)} unused for {count(self.unused_days, 'day')}, "
        teams = "" if counts.team_deleted is None else f"{count(counts.team_deleted)} of a deleted team, "
        owners = "" if counts.owner_deleted is None else f"{count(counts.owner_deleted)} of a deleted owner, "
        header = ["key", "owner", "team", "faults", "last used", "spend"]
        return page_of(
            f"{count(self.total, 'key') if self.complete else of} of {self.scope}: {use}"
            f"{count(counts.without_budget)} without budget, {count(counts.without_expiry)} without expiry, "
            f"{count(counts.every_model)} allowed every model",
            f"{count(counts.without_owner)} without owner, {owners}{teams}"
            f"{count(counts.blocked)} blocked, {count(counts.expired)} expired",
            table(header, [row.cells() for row in self.rows]) if self.rows else None,
            note_lines(self.notes),
        )


def audit_counts(audit: Audit) -> AuditCounts:
    found = audit.counts
    return AuditCounts(
        never_used=found[rules.NEVER_USED],
        unused=found[rules.UNUSED],
        without_budget=found[rules.NO_BUDGET],
        without_expiry=found[rules.NO_EXPIRY],
        without_owner=found[rules.NO_OWNER],
        owner_deleted=found[rules.OWNER_DELETED] if audit.owners_checked else None,
        team_deleted=found[rules.TEAM_DELETED] if audit.teams_checked else None,
        every_model=found[rules.EVERY_MODEL],
        blocked=found[rules.BLOCKED],
        expired=found[rules.EXPIRED],
    )


def audit_row(judged: Judged) -> AuditRow:
    key = judged.key
    alias = clean(key.key_alias or "")
    return AuditRow(
        key=alias or f"key {short_id(key.token)}",
        id=key.token if alias != key.key_alias else None,
        owner=key.user_id,
        team=judged.team,
        faults=list(judged.faults),
        last_active=iso(key.last_active),
        spend=rounded(key.spend),
    )
