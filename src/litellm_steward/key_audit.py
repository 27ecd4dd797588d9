"""Key hygiene: every key of a company, team or user looked at once, page by page, and judged.

Pages are ordered by the key's hash, which is unique and says nothing of the key: none comes twice, and
where time runs out, those looked at are a fair sample. Only counters and the worst rows are kept.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Final

from litellm_steward.api import ranked, users
from litellm_steward.api.audited import AuditedKey, audited
from litellm_steward.api.pages import PAGE
from litellm_steward.api.proxy import Proxy
from litellm_steward.periods import utc_now
from litellm_steward.progress import Progress
from litellm_steward.together import each, together

AT_ONCE: Final = 8
ROUND: Final = 16
"""Pages in memory at once."""

SECONDS: Final = 52.0
"""After this long the sweep ends and says how far it got: many hosts give a tool a minute."""

FEW_PAGES: Final = 5
"""Owners of so many pages of keys are looked up by id; of more, all users are read at once."""

NEVER_USED: Final = "never used"
UNUSED: Final = "unused"
NO_BUDGET: Final = "no budget"
NO_EXPIRY: Final = "no expiry"
NO_OWNER: Final = "no owner"
OWNER_DELETED: Final = "owner deleted"
TEAM_DELETED: Final = "team deleted"
EVERY_MODEL: Final = "every model"
BLOCKED: Final = "blocked"
EXPIRED: Final = "expired"
_STOPPED: Final = frozenset({BLOCKED, EXPIRED})
_ALL_MODELS: Final = frozenset({"all-proxy-models", "*"})


@dataclass(frozen=True, slots=True)
class Judged:
    """A key with what is wrong with it."""

    key: AuditedKey
    faults: tuple[str, ...]
    team: str | None

    @property
    def rank(self) -> tuple[bool, int, float]:
        """What still works first, then by the number of faults, then by spend."""
        stopped = bool(_STOPPED & set(self.faults))
        return (not stopped, len(self.faults), self.key.spend)


@dataclass
class Audit:
    """What was found; ``seen`` of ``in_all`` keys were looked at."""

    in_all: int = 0
    seen: int = 0
    complete: bool = True
    use_unknown: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    worst: list[Judged] = field(default_factory=list)
    owners_unchecked: int = 0
    owners_checked: bool = True
    teams_checked: bool = True


@dataclass(frozen=True)
class Teams:
    """Every team's name and whether it allows every model; ``complete`` unless there are too many."""

    names: dict[str, str]
    unlimited: frozenset[str]
    complete: bool


async def audit(
    proxy: Proxy,
    *,
    team_id: str | None,
    user_id: str | None,
    unused: timedelta,
    rows: int,
    progress: Progress,
) -> Audit:
    """Every key of the scope, until ``SECONDS`` are over."""
    started = time.monotonic()
    first, teams = await together(audited(proxy, 1, user_id=user_id, team_id=team_id), _teams(proxy))
    result = Audit(in_all=first.total_count, teams_checked=teams.complete)
    pages = ceil(first.total_count / PAGE)
    everybody = await ranked.all_users(proxy) if pages > FEW_PAGES else None
    judge = _Judge(proxy, teams, unused, result, team_id, user_id)
    if everybody is not None:
        judge.knows(user.user_id for user in everybody)
    elif pages > FEW_PAGES:
        result.owners_checked = False
    await judge.take(first.keys, rows)
    for start in range(2, pages + 1, ROUND):
        if time.monotonic() - started > SECONDS:
            result.complete = False
            break
        numbers = range(start, min(start + ROUND, pages + 1))
        answers = await each([audited(proxy, n, user_id=user_id, team_id=team_id) for n in numbers], at_once=AT_ONCE)
        await judge.take([key for page in answers for key in page.keys], rows)
        if not answers[-1].keys:
            break  # keys were deleted meanwhile, or the count was wrong: there is nothing after an empty page
        await progress(numbers[-1], pages, f"{result.seen:,} of {result.in_all:,} keys looked at")
    if result.complete:
        result.in_all = result.seen  # 1.83 counts users whose id contains this one
    return result


class _Judge:
    """Folds pages into an audit; remembers which owners exist, nothing else."""

    def __init__(
        self, proxy: Proxy, teams: Teams, unused: timedelta, result: Audit, team_id: str | None, user_id: str | None
    ) -> None:
        self._proxy, self._teams, self._result = proxy, teams, result
        self._team_id, self._user_id = team_id, user_id
        self._now = utc_now()
        self._unused_since = self._now - unused
        self._owners: dict[str, bool] = {users.SYSTEM_USER: True}
        self._everybody: frozenset[str] | None = None

    def knows(self, user_ids: Iterable[str]) -> None:
        """All users there are: nobody needs to be looked up."""
        self._everybody = frozenset(user_ids)

    async def take(self, keys: Iterable[AuditedKey], rows: int) -> None:
        mine = [
            key
            for key in keys
            if self._team_id in (None, key.team_id) and self._user_id in (None, key.user_id)  # compared: substrings
        ]
        result = self._result
        if self._everybody is None and result.owners_checked:
            await self._look_up({key.user_id for key in mine if key.user_id})
        judged = [Judged(key, self._faults(key), self._team_of(key)) for key in mine]
        result.seen += len(mine)
        for one in judged:
            result.counts.update(one.faults)
        faulty = [one for one in judged if one.faults]
        result.worst = heapq.nlargest(rows, [*result.worst, *faulty], key=lambda one: one.rank)

    async def _look_up(self, owners: set[str]) -> None:
        """Which of these owners exist. An id with a comma cannot be asked for, and counts as existing."""
        unknown = sorted(owners - self._owners.keys())
        self._result.owners_unchecked += sum(1 for owner in unknown if "," in owner)
        self._owners.update({owner: True for owner in unknown if "," in owner})
        asked = [owner for owner in unknown if "," not in owner]
        batches = [asked[n : n + PAGE] for n in range(0, len(asked), PAGE)]
        found = await each([users.by_ids(self._proxy, batch) for batch in batches], at_once=1)
        existing = {user.user_id for page in found for user in page}
        self._owners.update({owner: owner in existing for owner in asked})

    def _exists(self, user_id: str) -> bool:
        if self._everybody is not None:
            return user_id in self._everybody or user_id == users.SYSTEM_USER
        return self._owners[user_id]

    def _team_of(self, key: AuditedKey) -> str | None:
        return self._teams.names.get(key.team_id, key.team_id) if key.team_id else None

    def _faults(self, key: AuditedKey) -> tuple[str, ...]:
        faults = [*self._use(key)]
        if not key.has_budget:
            faults.append(NO_BUDGET)
        if key.expires is None:
            faults.append(NO_EXPIRY)
        if not key.user_id:
            faults.append(NO_OWNER)
        elif self._result.owners_checked and not self._exists(key.user_id):
            faults.append(OWNER_DELETED)
        if key.team_id and self._teams.complete and key.team_id not in self._teams.names:
            faults.append(TEAM_DELETED)
        if self._allows_every_model(key):
            faults.append(EVERY_MODEL)
        if key.blocked:
            faults.append(BLOCKED)
        if key.expires is not None and key.expires <= self._now:
            faults.append(EXPIRED)
        return tuple(faults)

    def _use(self, key: AuditedKey) -> list[str]:
        """Spend without a last use is older than the proxy's record of it."""
        if key.last_active is not None:
            return [UNUSED] if key.last_active < self._unused_since else []
        if key.spend > 0:
            self._result.use_unknown += 1
            return []
        return [NEVER_USED]

    def _allows_every_model(self, key: AuditedKey) -> bool:
        """An empty list means all, of its team if it has one."""
        if _ALL_MODELS & set(key.models):
            return True
        if key.models and "all-team-models" not in key.models:
            return False
        return not key.team_id or key.team_id in self._teams.unlimited or key.team_id not in self._teams.names


async def _teams(proxy: Proxy) -> Teams:
    read = await ranked.all_teams(proxy)
    return Teams(
        names={team.team_id: team.name for team in read.teams},
        unlimited=frozenset(team.team_id for team in read.teams if not team.models or _ALL_MODELS & set(team.models)),
        complete=read.complete,
    )
