"""Whom a company-size gateway knows, by SQL: scopes to ask about, and how each of them is called."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from examples.gateway.company_size import Company
from litellm_steward.text import clean
from tests.live.harness import Booted

NOBODYS: Final = {
    "user": "(no owner)",
    "team": "(no team)",
    "customer": "(no customer)",
    "tag": "(no tag)",
    "provider": "(no provider)",
}
"""What stands for an empty id."""

DEAR: Final = 25


@dataclass(frozen=True)
class KeyCard:
    """A key as the proxy knows it now, or knew it last."""

    token: str
    alias: str | None
    user_id: str
    team_id: str
    alive: bool


@dataclass
class Filled(Booted):
    """A gateway that holds the company, and its special cases."""

    company: Company
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def keys(self) -> dict[str, KeyCard]:
        """Every key that there is or was, by its hash."""
        columns = "token, key_alias, coalesce(user_id, ''), coalesce(team_id, '')"
        found = {}
        for row in self.sql(f'select {columns} from "LiteLLM_DeletedVerificationToken"'):  # noqa: S608 - ours
            found[row[0]] = KeyCard(row[0], row[1], row[2], row[3], alive=False)
        for row in self.sql(f'select {columns} from "LiteLLM_VerificationToken"'):  # noqa: S608 - ours
            found[row[0]] = KeyCard(row[0], row[1], row[2], row[3], alive=True)
        return found

    @cached_property
    def teams(self) -> dict[str, str]:
        return dict(self.sql('select team_id, team_alias from "LiteLLM_TeamTable" order by team_id'))

    @cached_property
    def emails(self) -> dict[str, str | None]:
        """Every user's e-mail address, by user id."""
        return dict(self.sql('select user_id, user_email from "LiteLLM_UserTable" order by user_id'))

    @cached_property
    def customers(self) -> list[str]:
        return [row[0] for row in self.sql('select user_id from "LiteLLM_EndUserTable" order by user_id')]

    @cached_property
    def tags(self) -> list[str]:
        return [row[0] for row in self.sql('select distinct tag from "LiteLLM_DailyTagSpend" order by tag')]

    @cached_property
    def aliases(self) -> Counter[str]:
        """How many keys and teams answer to an alias, whatever its case."""
        live = [key.alias for key in self.keys.values() if key.alias]
        return Counter(name.strip().casefold() for name in [*live, *self.teams.values()])

    def dearest(self, kind: str) -> list[str]:
        """Those that spent most in all sixty days."""
        table, column = {
            "user": ("LiteLLM_DailyUserSpend", "user_id"),
            "team": ("LiteLLM_DailyTeamSpend", "team_id"),
            "key": ("LiteLLM_DailyUserSpend", "api_key"),
            "customer": ("LiteLLM_DailyEndUserSpend", "end_user_id"),
        }[kind]
        if kind not in self._cache:
            rows = self.sql(
                f'select "{column}" from "{table}" where "{column}" <> \'\' '  # noqa: S608 - ours
                f"group by 1 order by sum(spend) desc, 1 limit {DEAR}"
            )
            self._cache[kind] = [row[0] for row in rows]
        known: dict[str, Any] = {
            "user": self.emails,
            "team": self.teams,
            "key": self.keys,
            "customer": set(self.customers),
        }
        return [ref for ref in self._cache[kind] if ref in known[kind]]

    def names(self, dimension: str, ref: str) -> frozenset[str]:
        """What a row about this may be called."""
        if dimension == "key":
            return self._key_names(ref)
        if not ref and dimension in NOBODYS:
            return frozenset({NOBODYS[dimension]})
        shown = self.teams.get(ref, ref) if dimension == "team" else ref
        if dimension == "user" and ref not in self.emails:
            return frozenset({clean(ref), f"{clean(ref)} (no such user now)"})
        return frozenset({clean(shown)})

    def _key_names(self, token: str) -> frozenset[str]:
        """A live key is never called deleted; of a deleted one not every release tells the alias."""
        if token == self.company.health_check_key:
            return frozenset({"(health checks)"})
        if not token:
            return frozenset({"(no key)"})
        if token in self.masters:
            return frozenset({"(master key)", f"key {token[:8]}…", f"key {token[:8]}… (deleted)"})
        card = self.keys.get(token)
        if card is not None and card.alive:
            shown = clean(card.alias or "") or f"key {token[:8]}…"
            return frozenset({shown, f"{shown} (not theirs now)"})
        known = {clean(card.alias)} if card is not None and card.alias else set()
        marks = ("", " (deleted)", *([" (not theirs now)"] if self.is_oldest else []))
        return frozenset(f"{shown}{mark}" for shown in (*known, f"key {token[:8]}…") for mark in marks)

    @cached_property
    def masters(self) -> frozenset[str]:
        """What is booked as the key of the administrator's own calls."""
        return frozenset({"litellm_proxy_master_key", hashlib.sha256(self.running.master_key.encode()).hexdigest()})

    def owner(self, token: str) -> str:
        """Whom a team's breakdown by user books a key's usage under."""
        if token == self.company.health_check_key:
            return "(health checks)"
        if not token:
            return "(no key)"
        card = self.keys.get(token)
        if card is None or not card.alive:
            return "(deleted keys)"
        return card.user_id or NOBODYS["user"]

    def owner_names(self, token: str) -> frozenset[str]:
        """The same as it is shown: of an owner deleted since that may be said."""
        owner = self.owner(token)
        card = self.keys.get(token)
        return self.names("user", owner) if card is not None and owner == card.user_id else frozenset({owner})


Finder = Callable[[Filled], list[str]]

SPECIAL: Final[dict[str, Finder]] = {
    "user": lambda f: [
        f.company.logged_user,
        f.company.user_of_many_keys,
        f.company.user_with_commas,
        f.company.user_without_keys,
        f.company.idle_user,
        f.company.user_who_is_a_customer,
        *f.company.users_alike_by_prefix,
        *[user for key in f.company.moved[:8] for user in (key.before, key.after) if user in f.emails],
        *[key.user_id for key in f.company.deleted[:6] if key.user_id in f.emails],
    ],
    "team": lambda f: [
        f.company.huge_team,
        f.company.surging_team,
        f.company.idle_team,
        *f.company.twins_by_case,
        *f.company.twins,
        *f.company.twins_by_accent,
        *f.company.hostile_teams,
        *[key.team_after for key in f.company.moved[:4] if key.team_after in f.teams],
        *[key.team_id for key in f.company.deleted[:4] if key.team_id in f.teams],
    ],
    "key": lambda f: [
        *[key.token for key in f.company.moved],
        *[key.token for key in f.company.deleted],
        *f.company.ownerless_keys,
        *f.company.keys_of_nobody_left,
        *f.company.keys_of_no_team_left,
        *f.company.keys_without_model,
    ],
    "customer": lambda f: [f.company.user_who_is_a_customer, f.company.customer_with_commas, "Acme", "u5"],
}
"""The odd ones of each kind."""
