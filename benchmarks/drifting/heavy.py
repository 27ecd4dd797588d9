"""What the heavy reads of a release answer at company size: bytes, and time as a multiple of a common call's.

Times are no times of a clock: the same record is compared with on any machine.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx

from examples.gateway import Running
from examples.gateway.company_size import Company

Json = dict[str, Any]

COMMON: Final = ("/key/list", {"size": 100, "return_full_object": True})
"""The call whose time is the unit: a page of a table, as every release answers it."""

TIMEOUT: Final = 180
ONCE: Final = 3.0
"""What takes so many seconds is asked once, and what takes less three times: the fastest counts."""

MORE_BYTES: Final = 1.3
LONGER: Final = 4.0
SHORT: Final = 0.3
"""A read that takes less than this many seconds is not looked at: on a busy machine chance would be."""


@dataclass(frozen=True)
class Heavy:
    """One read: the status, the bytes of its answer before compression, seconds, and these in units of ``COMMON``."""

    status: int
    size: int
    seconds: float
    ratio: float


def questions(company: Company) -> dict[str, tuple[str, dict[str, str | int | bool]]]:
    """The dozen, by name. Releases before 1.108 do not have all of them."""
    last = dt.date.fromisoformat(company.last_day)

    def days(number: int, **more: str | int | bool) -> dict[str, str | int | bool]:
        return {"start_date": (last - dt.timedelta(days=number - 1)).isoformat(), "end_date": company.last_day, **more}

    user, team, aggregated = company.user_of_many_keys, company.huge_team, "daily/activity/aggregated"
    return {
        "all usage of 30 days, by teams": (f"/team/{aggregated}", days(30, api_key_limit=1)),
        "all usage of a day, by users": (f"/user/{aggregated}", days(1, api_key_limit=1)),
        "usage of one user": (f"/user/{aggregated}", days(30, user_id=user, api_key_limit=100)),
        "usage of one team": (f"/team/{aggregated}", days(30, team_ids=team, api_key_limit=1)),
        "usage of one team, a page": ("/team/daily/activity", days(7, team_ids=team, page_size=15_000)),
        "a page of a day's usage, by teams": ("/team/daily/activity", days(1, page_size=15_000)),
        "keys that spent most": (f"/user/{aggregated}/keys", days(30, limit=100)),
        "users that spent most": (f"/user/{aggregated}/users", days(30, limit=100)),
        "export by team": ("/team/daily/activity/export", days(30, export_type="daily", format="json")),
        "export by customer": ("/customer/daily/activity/export", days(30, export_type="daily", format="json")),
        "one user": ("/user/info", {"user_id": user}),
        "one team": ("/team/info", {"team_id": team}),
        "a page of keys by spend": ("/key/list", {"sort_by": "spend", "size": 100, "return_full_object": True}),
        "a page of users by spend": ("/user/list", {"sort_by": "spend", "page_size": 100}),
        "all users": ("/spend/users", {}),
        "a page of the log": ("/spend/logs/v2", {**_hours(company.last_day), "page_size": 100}),
    }


def _hours(day: str) -> dict[str, str | int | bool]:
    return {"start_date": f"{day} 00:00:00", "end_date": f"{day} 23:59:59"}


def measure(running: Running, company: Company) -> dict[str, Json]:
    """Each question's ``Heavy``, as JSON."""
    headers = {"Authorization": f"Bearer {running.master_key}"}
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=TIMEOUT) as client:
        _ask(client, *COMMON)
        found: dict[str, Json] = {}
        for name, (path, params) in questions(company).items():
            answer, seconds = _ask(client, path, params)
            units = [_ask(client, *COMMON)[1]]  # between the asking, since other work comes and goes
            for _ in range(2 if seconds < ONCE else 0):
                seconds = min(seconds, _ask(client, path, params)[1])
                units.append(_ask(client, *COMMON)[1])
            unit = min(units)
            one = Heavy(answer.status_code, len(answer.content), round(seconds, 2), round(seconds / unit, 1))
            found[name] = asdict(one)
    return found


def _ask(client: httpx.Client, path: str, params: Any) -> tuple[httpx.Response, float]:  # noqa: ANN401 - any query
    began = time.perf_counter()
    answer = client.get(path, params=params)
    return answer, time.perf_counter() - began


def differences(before: dict[str, Json], now: dict[str, Json]) -> Iterator[str]:
    """What is not as it was, in sentences."""
    for name in sorted({*before, *now}):
        if name not in before:
            yield f"{name}: not in the record; record anew."
        elif name in now:
            was, one = Heavy(**before[name]), Heavy(**now[name])
            if was.status != one.status:
                yield f"{name}: was answered with HTTP {was.status} and is with {one.status}."
                continue
            if not 1 / MORE_BYTES <= (one.size + 1000) / (was.size + 1000) <= MORE_BYTES:
                yield f"{name}: answered with {_megabytes(was.size)} and now with {_megabytes(one.size)}."
            if one.seconds >= SHORT and one.ratio > LONGER * was.ratio:
                yield f"{name}: took {was.ratio} times as long as a page of keys and now takes {one.ratio} times."


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
