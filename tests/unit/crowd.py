"""A stand-in proxy with any number of keys, users, teams and requests: recorded rows, multiplied.

It filters, orders and pages as each release does, with its faults: 1.83 finds users by a part of their
id, only the newest filters requests by public model, and nobody breaks ties.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import httpx
import respx
from pydantic import SecretStr

from litellm_steward.api.proxy import Proxy
from litellm_steward.approval import Approvals
from litellm_steward.secret import ConstantSecret
from litellm_steward.settings import Settings
from litellm_steward.steward import Steward
from litellm_steward.text import hash_key
from litellm_steward.tools.view import StewardContext
from tests.tape import BASE_URL, MASTER_KEY, NEW, OLD, scene

Row = dict[str, Any]
NOT_FOUND = httpx.Response(404, json={"detail": "Not Found"})


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


@dataclass
class Crowd:
    """``spent`` is what every rollup says of a day, by the id it is asked for."""

    version: str
    keys: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    teams: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    deployments: list[Row] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    capped_at: int | None = None
    tells_all_users: bool = True

    # ---- making rows ---------------------------------------------------------------------------

    def key(self, name: str, **fields: object) -> Row:
        row = _like(_recorded(self.version, "keys", "list all")["keys"][0])
        row |= {"token": hash_key(f"sk-{name}"), "key_alias": name, "spend": 0.0, "max_budget": None, "metadata": {}}
        row |= {"user_id": None, "team_id": None, "models": [], "blocked": None, "expires": None}
        row |= {"budget_duration": None, "budget_reset_at": None, **fields}
        self.keys.append(row)
        return row

    def user(self, name: str, **fields: object) -> Row:
        row = _like(_recorded(self.version, "users", "list by id")["users"][0])
        row |= {"user_id": name, "user_email": None, "user_alias": None, "spend": 0.0, "max_budget": None}
        row |= {"budget_duration": None, "budget_reset_at": None, **fields}
        self.users.append(row)
        return row

    def team(self, name: str, **fields: object) -> Row:
        row = _like(_recorded(self.version, "teams", "list by id")["teams"][0])
        row |= {"team_id": f"id-{name}", "team_alias": name, "spend": 0.0, "max_budget": None, "blocked": False}
        row |= {"models": [], **fields}
        self.teams.append(row)
        return row

    def request(self, number: int, **fields: object) -> Row:
        """``number`` seconds ago."""
        row = _like(_recorded(self.version, "logs", "/spend/logs/v2 of a key")["data"][0])
        row |= {"request_id": f"request-{number}", "startTime": ago(seconds=number), "endTime": ago(seconds=number)}
        row |= fields
        self.requests.append(row)
        return row

    def failure(self, number: int, **fields: object) -> Row:
        row = _like(_recorded(self.version, "logs", "failed calls of a user")["data"][0])
        row |= {"request_id": f"request-{number}", "startTime": ago(seconds=number), "endTime": ago(seconds=number)}
        row |= fields
        self.requests.append(row)
        return row

    def deployment(self, model_id: str, model: str, api_base: str | None, *, db_model: bool) -> None:
        params = {"model": model, "api_base": api_base}
        info = {"id": model_id, "db_model": db_model}
        self.deployments.append({"model_name": model_id, "litellm_params": params, "model_info": info})

    # ---- answering -----------------------------------------------------------------------------

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path, dict(request.url.params)
        self.asked.append((path, params))
        assert "" not in params.values(), "an empty filter means everything"
        answers: dict[str, Callable[[dict[str, str]], httpx.Response]] = {
            "/key/list": self._keys,
            "/user/list": self._users,
            "/v2/team/list": self._teams,
            "/team/info": self._team,
            "/user/daily/activity": self._activity,
            "/team/daily/activity": self._activity,
            "/user/daily/activity/aggregated": self._activity,
            "/spend/logs/v2": self._requests,
            "/models": lambda _: httpx.Response(200, json={"data": [{"id": name} for name in self.models]}),
            "/v2/model/info": lambda _: httpx.Response(200, json={"data": self.deployments, "total_pages": 1}),
            "/router/settings": lambda _: httpx.Response(200, json={"current_values": {}}),
            "/customer/info": self._customer,
        }
        if self.tells_all_users:
            answers |= {"/spend/users": lambda _: httpx.Response(200, json=self.users)}
        if self.version == NEW:
            answers |= {"/team/daily/activity/aggregated": self._activity}
        return answers[path](params) if path in answers else NOT_FOUND

    def calls(self, path: str) -> list[dict[str, str]]:
        return [params for asked, params in self.asked if asked == path]

    def _keys(self, params: dict[str, str]) -> httpx.Response:
        user, team, alias = params.get("user_id"), params.get("team_id"), params.get("key_alias")
        by_part = self.version == OLD
        found = [
            row
            for row in self.keys
            if (user is None or row["user_id"] == user or (by_part and user in (row["user_id"] or "")))
            and team in (None, row["team_id"])
            and alias in (None, row["key_alias"])
            and params.get("status") != "deleted"
        ]
        page, total = self._paged(found, params, int(params.get("size", 10)))
        return httpx.Response(200, json={"keys": page, "total_count": total, "total_pages": -(-total // 100)})

    def _users(self, params: dict[str, str]) -> httpx.Response:
        ids = params["user_ids"].split(",") if "user_ids" in params else None
        found = self.users
        if ids is not None:
            found = [u for u in found if u["user_id"] in ids or (len(ids) == 1 and ids[0] in u["user_id"])]
        if "user_email" in params:
            found = [u for u in found if params["user_email"] in (u["user_email"] or "")]
        if params.get("sort_by") == "max_budget":
            return httpx.Response(400, json={"detail": {"error": "Invalid sort column."}})
        page, total = self._paged(found, params, int(params.get("page_size", 25)))
        return httpx.Response(200, json={"users": page, "total": total})

    def _teams(self, params: dict[str, str]) -> httpx.Response:
        alias = params.get("team_alias", "").casefold()
        found = [
            t
            for t in self.teams
            if params.get("team_id") in (None, t["team_id"]) and alias in (t["team_alias"] or "").casefold()
        ]
        page, total = self._paged(found, params, int(params.get("page_size", 10)))
        return httpx.Response(200, json={"teams": page, "total": total, "total_pages": -(-total // 100)})

    def _team(self, params: dict[str, str]) -> httpx.Response:
        (row,) = [team for team in self.teams if team["team_id"] == params["team_id"]]
        keys = [key for key in self.keys if key["team_id"] == params["team_id"]]
        return httpx.Response(200, json={"team_info": row, "keys": keys})

    def _customer(self, params: dict[str, str]) -> httpx.Response:
        wanted = params["end_user_id"]
        if wanted in self.customers:
            return httpx.Response(200, json={"user_id": wanted})
        said = f"End User Id={wanted} does not exist in db"
        error = {"message": said, "type": "not_found", "param": "end_user_id", "code": "404"}
        return httpx.Response(404, json={"error": error})

    def _requests(self, params: dict[str, str]) -> httpx.Response:
        order = params.get("sort_by", "startTime")
        if order not in {"spend", "startTime"}:
            error = {"message": f"Invalid sort_by: {order}", "type": "bad_request", "code": "400"}
            return httpx.Response(400, json={"error": error})
        columns = {
            "user_id": "user",
            "team_id": "team_id",
            "api_key": "api_key",
            "model": "model",
            "end_user": "end_user",
        }
        columns |= {"model_group": "model_group"} if self.version == NEW else {}
        found = [
            row
            for row in self.requests
            if all(params.get(name) in (None, row[column]) for name, column in columns.items())
            and params.get("status_filter") in (None, row["status"])
            and row["spend"] >= float(params.get("min_spend", 0))
            and _between(row["startTime"], params["start_date"], params["end_date"])
        ]
        found.sort(key=lambda row: row[order], reverse=True)
        size, number = int(params["page_size"]), int(params["page"])
        assert size <= 100
        capped = self.capped_at is not None and len(found) > self.capped_at
        body: Row = {
            "data": found[(number - 1) * size : number * size],
            "total": self.capped_at if capped else len(found),
        }
        return httpx.Response(200, json={**body, "total_is_capped": capped} if self.version == NEW else body)

    def _activity(self, params: dict[str, str]) -> httpx.Response:
        """What was spent by whoever is asked for, yesterday."""
        whom = [params[name] for name in ("api_key", "team_ids", "user_id") if name in params]
        spend = self.spent.get(whom[0], 0.0) if whom else sum(self.spent.values())
        requests = 1 if spend else 0
        metrics = {"spend": spend, "api_requests": requests, "successful_requests": requests}
        day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        results = [{"date": day, "metrics": metrics, "breakdown": {}}] if spend else []
        return httpx.Response(200, json={"results": results, "metadata": {"total_pages": 1, "has_more": False}})

    def _paged(self, rows: list[Row], params: dict[str, str], size: int) -> tuple[list[Row], int]:
        assert size <= 100
        order, number = params.get("sort_by"), int(params.get("page", 1))
        descending = params.get("sort_order") == "desc"
        if order is not None:
            rows = list(rows)
            random.Random(number).shuffle(rows)  # noqa: S311 - ties stand in another order on every page
            rows.sort(key=lambda row: _sortable(row[order]), reverse=descending)
        return rows[(number - 1) * size : number * size], len(rows)


@dataclass
class Sitting:
    """A tool's context, and the progress it was told."""

    ctx: StewardContext
    progress: list[tuple[float, float | None, str | None]]


@asynccontextmanager
async def sitting(crowd: Crowd) -> AsyncIterator[Sitting]:
    progress: list[tuple[float, float | None, str | None]] = []

    async def report(done: float, total: float | None = None, message: str | None = None) -> None:
        progress.append((done, total, message))

    settings = Settings(_env_file=None)
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=BASE_URL).mock(side_effect=crowd)
        async with Proxy(BASE_URL, ConstantSecret("LITELLM_MASTER_KEY", SecretStr(MASTER_KEY))) as proxy:
            steward = Steward(settings, proxy, Approvals(settings.steward_approval))
            session = SimpleNamespace(client_params=None)
            request = SimpleNamespace(lifespan_context=steward, request=None, session=session)
            ctx = SimpleNamespace(request_context=request, report_progress=report, client_capabilities=None)
            yield Sitting(cast("StewardContext", ctx), progress)


@cache
def _recorded(version: str, file: str, name: str) -> Row:
    answer: Row = scene(version, file, name).only.answer
    return answer


def _sortable(value: object) -> tuple[bool, Any]:
    """``NULL`` is greater than any value."""
    return (value is None, value if value is not None else 0)


def _like(row: Row) -> Row:
    return dict(row)


def _between(moment: str, start: str, end: str) -> bool:
    when = datetime.fromisoformat(moment).replace(tzinfo=None)
    return datetime.fromisoformat(start) <= when <= datetime.fromisoformat(end)
