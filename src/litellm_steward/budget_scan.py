"""Who is near or over budget, found in a bounded number of pages, with a proof of what was not looked at.

Fifty thousand keys are five hundred pages. Two lists are read from their ends instead: the largest
spenders, and the smallest budgets. Whoever stands on neither has spent at most S and has a budget of at
least B; once S is less than the threshold's share of B, nobody unseen can be over it. Where the pages run
out before, S and B say how far the finding reaches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, inf
from typing import Final, Literal, TypeVar

from litellm_steward.api import ranked
from litellm_steward.api.keys import Key
from litellm_steward.api.pages import PAGE
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import Team
from litellm_steward.api.users import User
from litellm_steward.progress import Progress
from litellm_steward.text import count, money
from litellm_steward.together import each, together

Scope = Literal["keys", "teams", "users"]
MOST_PAGES: Final = 32
MOST_KEY_PAGES: Final = 120
"""Keys are many, and a page of them takes a tenth of a second."""

AT_ONCE: Final = 8
SECONDS: Final = 20.0
"""For one scope that has to be read page by page."""

BY_BUDGET: Final = 2
"""Of each round, the pages of the smallest budgets; the others are of the largest spenders."""

T = TypeVar("T")


@dataclass(frozen=True)
class Holder:
    """Somebody with a budget. USD; ``row_id`` is the hash, team id or user id."""

    scope: Scope
    row_id: str
    name: str
    spend: float
    max_budget: float
    budget_duration: str | None = None
    reset_at: datetime | None = None
    created_at: datetime | None = None
    stopped: Literal["blocked", "expired"] | None = None

    @property
    def used(self) -> float:
        """The share of the budget that is spent; a budget of 0 is used up by the first cent."""
        if self.max_budget > 0:
            return self.spend / self.max_budget
        return inf if self.spend > 0 else 1.0


@dataclass
class Scan:
    """The holders at or over the threshold, and how far the finding reaches."""

    scope: Scope
    in_all: int = 0
    seen: int = 0
    complete: bool = True
    found: list[Holder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def scan(proxy: Proxy, scope: Scope, share: float, progress: Progress) -> Scan:
    """Everybody of a scope who has spent at least ``share`` of their budget."""
    if scope == "teams":
        return await _teams(proxy, share, progress)
    return await (_users if scope == "users" else _keys)(proxy, share, progress)


async def _teams(proxy: Proxy, share: float, progress: Progress) -> Scan:
    read = await ranked.all_teams(proxy)
    result = Scan("teams", read.in_all, len(read.teams), read.complete)
    result.found = _over(map(_team_holder, read.teams), share)
    await progress(1, 1, "Teams read")
    if not result.complete:
        result.notes.append(
            f"Of {count(read.in_all, 'team')} only {len(read.teams):,} were looked at, in no order that means anything."
        )
    return result


async def _users(proxy: Proxy, share: float, progress: Progress) -> Scan:
    """Everybody in one answer, or those who spent most for as long as it may take."""
    everybody = await ranked.all_users(proxy)
    if everybody is not None:
        await progress(1, 1, "Users read")
        return Scan("users", len(everybody), len(everybody), found=_over(map(_user_holder, everybody), share))
    started = time.monotonic()
    spenders = Ordered[User](lambda user: user.user_id, lambda user: user.spend)
    in_all = number = 0
    for number in range(1, MOST_PAGES + 1):  # one after the other: the proxy is no faster with several
        page = await ranked.users(proxy, number, order="spend", descending=True)
        in_all = page.total
        spenders.add(page.users)
        await progress(number, MOST_PAGES, "Users, those who spent most first")
        if spenders.last <= 0 or number * PAGE >= in_all or time.monotonic() - started > SECONDS:
            break
    limit = spenders.doubtful
    result = Scan("users", in_all, len(spenders.rows), limit <= 0 or len(spenders.rows) >= in_all)
    result.found = _over(map(_user_holder, spenders.rows.values()), share)
    if not result.complete:
        result.notes.append(
            f"Of {count(in_all, 'user')} the {len(spenders.rows):,} that spent most were looked at. Any other has "
            f"spent at most {money(limit)}, so only one with a budget of {money(limit / share)} or less could be "
            "missing."
        )
    return result


async def _keys(proxy: Proxy, share: float, progress: Progress) -> Scan:
    """All of them if they are few, else from both ends until nobody unseen can be over the threshold."""
    first = await ranked.keys(proxy, 1)
    pages = ceil(first.total_count / PAGE)
    if pages <= MOST_PAGES:
        rest = await each([ranked.keys(proxy, n) for n in range(2, pages + 1)], at_once=AT_ONCE)
        keys = {key.token: key for page in [first, *rest] for key in page.keys}
        return _key_scan(Scan("keys", first.total_count, len(keys)), keys.values(), share)
    ends = _Ends(share)
    started, high, low = time.monotonic(), 0, 0
    while high + low < MOST_KEY_PAGES and time.monotonic() - started < SECONDS and not ends.proven:
        wanted = 0 if ends.budgets.stuck else BY_BUDGET
        spent, budgets = await together(
            each(
                [ranked.keys(proxy, high + n, order="spend", descending=True) for n in range(1, AT_ONCE - wanted + 1)]
            ),
            each([ranked.keys(proxy, low + n, order="max_budget") for n in range(1, wanted + 1)]),
        )
        high, low = high + len(spent), low + len(budgets)
        ends.spenders.add(row for page in spent for row in page.keys)
        ends.budgets.add(row for page in budgets for row in page.keys)
        await progress(min(high + low, MOST_KEY_PAGES), MOST_KEY_PAGES, "Keys, those that spent most first")
    seen = {**ends.budgets.rows, **ends.spenders.rows}
    result = Scan("keys", first.total_count, len(seen), ends.proven)
    result.notes += ends.notes(first.total_count)
    return _key_scan(result, seen.values(), share)


class Ordered(dict[str, T]):
    """Rows as they come from an ordered list without tie-breaks.

    A row that comes twice means that another of the same value may never have come: ``doubtful`` is the
    value from which on rows may be missing.
    """

    def __init__(self, key: Callable[[T], str], value: Callable[[T], float], *, ascending: bool = False) -> None:
        super().__init__()
        self._key, self._value, self._sign = key, value, 1 if ascending else -1
        self.last = -self._sign * inf
        self._first_repeated = self._sign * inf

    @property
    def rows(self) -> dict[str, T]:
        return self

    def add(self, rows: Iterable[T]) -> None:
        for row in rows:
            name, self.last = self._key(row), self._value(row)
            if name in self:
                self._first_repeated = self._nearer(self._first_repeated, self.last)
            self[name] = row

    def _nearer(self, a: float, b: float) -> float:
        return min(a, b) if self._sign > 0 else max(a, b)

    @property
    def stuck(self) -> bool:
        """Among equals, where further pages promise nothing more."""
        return self._first_repeated != self._sign * inf

    @property
    def doubtful(self) -> float:
        return self._nearer(self.last, self._first_repeated)


class _Ends:
    """The largest spenders and the smallest budgets among keys."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.spenders = Ordered[Key](lambda key: key.token, lambda key: key.spend)
        self.budgets = Ordered[Key](
            lambda key: key.token,
            lambda key: inf if key.max_budget is None else key.max_budget,
            ascending=True,
        )

    @property
    def proven(self) -> bool:
        """Nobody unseen has a budget of their own and has spent ``share`` of it."""
        return self.spenders.doubtful <= 0 or self.spenders.doubtful < self.share * self.budgets.doubtful

    def notes(self, in_all: int) -> list[str]:
        spent, budget = self.spenders.doubtful, self.budgets.doubtful
        looked = (
            f"Of {count(in_all, 'key')} the {len(self.spenders):,} that spent most and the {len(self.budgets):,} with "
            "the smallest budgets were looked at."
        )
        if spent <= 0:
            return [f"{looked} No other has spent anything."]
        shared = f"A shared budget or several budget_limits are seen only on keys that spent more than {money(spent)}."
        if self.proven:
            least = "no budget of its own" if budget == inf else f"a budget of {money(budget)} or more"
            return [f"{looked} Any other has spent at most {money(spent)} and has {least}: none is missing.", shared]
        gap = f"one with a budget from {money(budget)} to {money(spent / self.share)} could be missing."
        return [f"{looked} Any other has spent at most {money(spent)}: {gap}", shared]


def _key_scan(result: Scan, keys: Iterable[Key], share: float) -> Scan:
    windows = 0
    holders = []
    for key in keys:
        holder = _key_holder(key)
        if holder is not None:
            holders.append(holder)
        windows += bool(key.budget_limits)
    result.found = _over(holders, share)
    if windows:
        result.notes.append(
            f"{count(windows, 'key')} with several budget_limits: what is spent of those the proxy does not tell, so "
            "only max_budget was judged."
        )
    return result


def _over(holders: Iterable[Holder | None], share: float) -> list[Holder]:
    """Those at or over the threshold; a budget of 0 that nothing was spent of is a lock, not a worry."""
    return [h for h in holders if h is not None and h.used >= share and (h.spend > 0 or h.max_budget > 0)]


def _key_holder(key: Key) -> Holder | None:
    budget = key.own_budget
    if budget.max_budget is None:
        return None
    status = key.status()
    return Holder(
        scope="keys",
        row_id=key.token,
        name=key.key_alias or "",
        spend=key.spend,
        max_budget=budget.max_budget,
        budget_duration=budget.budget_duration or None,
        reset_at=key.budget_reset_at or budget.budget_reset_at,
        created_at=key.created_at,
        stopped=status if status in ("blocked", "expired") else None,
    )


def _team_holder(team: Team) -> Holder | None:
    if team.max_budget is None:
        return None
    return Holder(
        scope="teams",
        row_id=team.team_id,
        name=team.team_alias or "",
        spend=team.spend,
        max_budget=team.max_budget,
        budget_duration=team.budget_duration,
        reset_at=team.budget_reset_at,
        created_at=team.created_at,
        stopped="blocked" if team.blocked else None,
    )


def _user_holder(user: User) -> Holder | None:
    if user.max_budget is None:
        return None
    return Holder(
        scope="users",
        row_id=user.user_id,
        name=user.user_email or "",
        spend=user.spend,
        max_budget=user.max_budget,
        budget_duration=user.budget_duration,
        reset_at=user.budget_reset_at,
        created_at=user.created_at,
    )
