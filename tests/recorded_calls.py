"""The fixed list of admin API calls that ``record.py`` plays: what LiteLLM says, right or wrong.

A call that makes something is followed by the call that removes it (or is swept up afterwards).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from examples.gateway import Ledger

UNKNOWN_HASH: Final = "0" * 64
BAD_KEY: Final = "sk-no-such-key"


@dataclass(frozen=True)
class Call:
    """One request. ``key``: the admin key, ``None`` for no key, or a raw key."""

    name: str
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    key: str | None = "admin"


def get(name: str, path: str, key: str | None = "admin", **params: object) -> Call:
    return Call(name, "GET", path, params, key=key)


def post(name: str, path: str, key: str | None = "admin", **body: object) -> Call:
    return Call(name, "POST", path, body=body, key=key)


def fixed_calls(ledger: Ledger, today: date) -> dict[str, list[Call]]:
    """Every call, by the file it is recorded in."""
    return {
        "errors": list(_errors(ledger)),
        "keys": list(_keys(ledger)),
        "teams": list(_teams(ledger)),
        "users": list(_users()),
        "activity": list(_activity(ledger, today)),
        "logs": list(_logs(ledger, today)),
        "health": list(health()),
    }


def _errors(ledger: Ledger) -> Iterator[Call]:
    """Every shape in which LiteLLM says no."""
    viewer = ledger.keys["viewer-key"].raw
    personal = ledger.keys["alex-personal"].raw
    yield get("no key", "/key/list", key=None)
    yield get("unknown key", "/key/list", key=BAD_KEY)
    yield get("key that is no key", "/key/list", key="not-a-key")
    yield get("blocked key", "/key/list", key=ledger.keys["old-contractor"].raw)
    yield get("expired key", "/key/list", key=ledger.keys["trial-key"].raw)
    yield get("deleted key", "/v1/models", key=ledger.keys["departed"].raw)
    yield post("viewer writes a key", "/key/generate", key=viewer, key_alias="rec-by-viewer")
    yield post("viewer writes a team", "/team/new", key=viewer, team_alias="rec-by-viewer")
    yield get("ordinary key lists users", "/user/list", key=personal)
    yield get("ordinary key asks for spend", "/global/spend/keys", key=personal)
    yield get("unknown route", "/spend/total")
    yield post("alias taken", "/key/generate", key_alias="cs-bot")
    yield post("bad duration", "/key/generate", key_alias="rec-bad", duration="zz")
    yield post("bad budget_duration", "/key/generate", key_alias="rec-bad", max_budget=1, budget_duration="zz")
    yield post("tags need a licence", "/key/generate", key_alias="rec-bad", tags=["a"])
    yield post("regenerate needs a licence", f"/key/{ledger.keys['cs-bot'].hash}/regenerate")
    yield get("report needs a licence", "/global/spend/report", start_date="2026-01-01", end_date="2026-01-02")
    yield post("wrong type", "/key/generate", key_alias="rec-bad", max_budget="a lot")
    yield post("team id taken", "/team/new", team_id=ledger.teams["Research"], team_alias="rec-bad")
    yield post("user id taken", "/user/new", user_id="maria", auto_create_key=False)
    yield post("user e-mail taken", "/user/new", user_id="rec-x", user_email="maria@example.com", auto_create_key=False)
    yield post("bad role", "/user/new", user_id="rec-x", user_role="emperor", auto_create_key=False)
    yield post("customer id taken", "/customer/new", user_id="acme-corp")
    yield post("customer with two budgets", "/customer/new", user_id="rec-x", max_budget=1, budget_id="none")
    yield Call("unknown key hash", "GET", "/key/info", {"key": UNKNOWN_HASH})
    yield get("unknown team", "/team/info", team_id="no-such-team")
    yield get("team without id", "/team/info")
    yield get("unknown user", "/user/info", user_id="no-such-user")
    yield get("unknown customer", "/customer/info", end_user_id="no-such-customer")
    yield get("unknown model", "/model/info", litellm_model_id="no-such-model")
    yield post("nothing deleted", "/key/delete", keys=[UNKNOWN_HASH])
    yield post("no keys to delete", "/key/delete")
    yield get("dates missing", "/user/daily/activity")
    yield get("bad page size", "/user/daily/activity", start_date="2026-01-01", end_date="2026-01-02", page_size=5000)
    yield get("provider budgets unset", "/provider/budgets")
    yield post("unhandled", "/model/new", model_name="rec-broken")


def _keys(ledger: Ledger) -> Iterator[Call]:
    cs, departed = ledger.keys["cs-bot"], ledger.keys["departed"]
    full = {"return_full_object": True, "include_team_keys": False, "page": 1, "size": 100}
    filters: dict[str, dict[str, object]] = {
        "all": {},
        "by alias": {"key_alias": "cs-bot"},
        "by part of an alias": {"key_alias": "bot"},
        "by part of an alias, asked for": {"key_alias": "bot", "substring_matching": True},
        "by alias in another case": {"key_alias": "CS-BOT"},
        "by hash": {"key_hash": cs.hash},
        "by user": {"user_id": "alex_dev"},
        "by part of a user": {"user_id": "alex"},
        "by team": {"team_id": cs.team_id},
        "deleted by hash": {"key_hash": departed.hash, "status": "deleted"},
        "deleted by alias": {"key_alias": "departed", "status": "deleted"},
        "of nobody": {"user_id": "no-such-user"},
    }
    for name, params in filters.items():
        yield Call(f"list {name}", "GET", "/key/list", {**params, **full})
    yield get("list as hashes", "/key/list", size=2)
    for name in ("cs-bot", "old-contractor", "trial-key", "departed", "handed-over"):
        yield Call(f"info {name}", "GET", "/key/info", {"key": ledger.keys[name].hash})
    yield post(
        "generate", "/key/generate", key_alias="rec-made", team_id=cs.team_id, max_budget=5, budget_duration="1d"
    )
    yield post("generate without anything", "/key/generate", key_alias="rec-bare")
    yield post("delete", "/key/delete", key_aliases=["rec-made"])


def _teams(ledger: Ledger) -> Iterator[Call]:
    for name, params in {
        "by id": {"team_id": ledger.teams["Research"], "page_size": 10},
        "by unknown id": {"team_id": "no-such-team", "page_size": 10},
        "by alias": {"team_alias": "data", "page": 1, "page_size": 100, "sort_by": "team_id"},
        "by part of an alias": {"team_alias": "plat", "page": 1, "page_size": 100, "sort_by": "team_id"},
        "of a user": {"user_id": "alex_dev", "page_size": 100},
        "some": {"page_size": 100, "sort_by": "team_alias"},
    }.items():
        yield Call(f"list {name}", "GET", "/v2/team/list", params)
    yield get("info", "/team/info", team_id=ledger.teams["Marketing"])
    yield post("new", "/team/new", team_id="rec-team", team_alias="rec-team", max_budget=9, budget_duration="7d")


def _users() -> Iterator[Call]:
    for name, params in {
        "by id": {"user_ids": "alex_dev,alex_dev", "page_size": 25},
        "by part of an id": {"user_ids": "e", "page_size": 100},
        "by ids": {"user_ids": "alex_dev,maria", "page_size": 100},
        "by e-mail": {"user_email": "ALEX@example.com", "page_size": 100},
        "by alias": {"search": "Alex", "page_size": 100},
        "by unknown id": {"user_ids": "nobody,nobody", "page_size": 25},
    }.items():
        yield Call(f"list {name}", "GET", "/user/list", params)
    yield post("new", "/user/new", user_id="rec-user", user_email="rec@example.com", auto_create_key=False)
    yield post("new with a key", "/user/new", user_id="rec-user-2", auto_create_key=True)
    yield post("new in an unknown team", "/user/new", user_id="rec-user-3", auto_create_key=False, teams=["no-such"])
    yield get("customer", "/customer/info", end_user_id="acme-corp")
    yield get("customer that came by itself", "/customer/info", end_user_id="globex")
    yield post("new customer", "/customer/new", user_id="rec-customer", max_budget=3, budget_duration="30d")


def _activity(ledger: Ledger, today: date) -> Iterator[Call]:
    days = {"start_date": (today - timedelta(days=29)).isoformat(), "end_date": today.isoformat()}
    cs = ledger.keys["cs-bot"]
    marketing = ledger.teams["Marketing"]
    for name, path, params in (
        ("key, aggregated", "/user/daily/activity/aggregated", {"api_key": cs.hash, "api_key_limit": 1}),
        ("key, one page", "/user/daily/activity", {"api_key": cs.hash, "page_size": 1000}),
        ("key, page of one row", "/user/daily/activity", {"api_key": cs.hash, "page_size": 1}),
        ("user, aggregated", "/user/daily/activity/aggregated", {"user_id": "alex_dev", "api_key_limit": 100}),
        ("user, one page", "/user/daily/activity", {"user_id": "alex_dev", "page_size": 1000}),
        ("team, aggregated", "/team/daily/activity/aggregated", {"team_ids": marketing, "api_key_limit": 1}),
        ("team, one page", "/team/daily/activity", {"team_ids": marketing, "page_size": 1000}),
        ("team, keys", "/team/daily/activity/aggregated/keys", {"team_ids": marketing, "limit": 100}),
        ("customer, one page", "/customer/daily/activity", {"end_user_ids": "acme-corp", "page_size": 1000}),
        ("customer, aggregated", "/customer/daily/activity/aggregated", {"end_user_ids": "acme-corp"}),
    ):
        yield Call(name, "GET", path, {**days, **params})
    export = {"team_ids": marketing, "export_type": "daily_with_users", "format": "json"}
    yield Call("team, by user", "GET", "/team/daily/activity/export", {**days, **export})


def _logs(ledger: Ledger, today: date) -> Iterator[Call]:
    tomorrow = (today + timedelta(days=1)).isoformat()
    cs = ledger.keys["cs-bot"].hash
    span = {"start_date": f"{today} 00:00:00", "end_date": f"{tomorrow} 00:00:00", "page_size": 2}
    for path in ("/spend/logs/v2", "/spend/logs/ui"):
        yield Call(f"{path} of a key", "GET", path, {"api_key": cs, **span})
    failed = {"user_id": "alex_dev", "status_filter": "failure", **span}
    yield Call("failed calls of a user", "GET", "/spend/logs/ui", failed)
    yield get("days of a user", "/spend/logs", user_id="alex_dev", start_date=today.isoformat(), end_date=tomorrow)
    yield post("customers that spent", "/global/spend/end_users", startTime=today.isoformat(), endTime=tomorrow)


def health() -> Iterator[Call]:
    """Nothing here needs a database."""
    yield get("readiness", "/health/readiness", key=None)
    yield get("readiness in detail", "/health/readiness/details")
    yield get("openapi", "/openapi.json")
    yield get("models", "/models", include_model_access_groups=True)


def without_database() -> list[Call]:
    """What every kind of route says on a proxy that has no database."""
    today = date(2026, 11, 21).isoformat()
    return [
        *health(),
        get("key list", "/key/list", size=1),
        Call("key info", "GET", "/key/info", {"key": UNKNOWN_HASH}),
        post("key generate", "/key/generate", key_alias="rec-made"),
        get("other key", "/key/list", key=BAD_KEY),
        get("team list", "/v2/team/list"),
        get("team info", "/team/info", team_id="any"),
        post("team new", "/team/new", team_alias="rec-team"),
        get("user list", "/user/list"),
        post("user new", "/user/new", user_id="rec-user", auto_create_key=False),
        get("customer info", "/customer/info", end_user_id="any"),
        get("activity", "/user/daily/activity", start_date=today, end_date=today),
        get("logs", "/spend/logs/v2", start_date=today, end_date=today),
        get("logs as the old one has them", "/spend/logs/ui", start_date=today, end_date=today),
    ]
