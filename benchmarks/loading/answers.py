"""What the stand-in LiteLLM of the load run answers: the recorded shapes of the newest release.

Whatever it says is derived from what it is asked for, so that an answer which got to somebody else shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, Final

from litellm_steward.text import hash_key
from tests.tape import FOLDER, NEW, scene

Json = dict[str, Any]
Query = Mapping[str, str]
Found = tuple[int, Json]

MADE, HELD = "made-", "held-"
"""How the aliases begin of keys that must be made first, and of those whose making is never answered."""

NOBODYS: Final = "0" * 20
"""How the hash begins of a key that is known by nothing else."""

MODELS: Final = tuple(f"model-of-c{number:02}" for number in range(64))


def figures_of(name: str) -> Json:
    """What was spent by whoever has this name: no two names have the same."""
    number = int(sha256(name.encode()).hexdigest()[:8], 16)
    spend, tokens, requests = number / 1e6, number % 1_000_003, number % 997 + 1
    counted = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    return {"spend": spend, **counted, "api_requests": requests, "successful_requests": requests, "failed_requests": 0}


def raw_key_of(alias: str) -> str:
    return f"sk-{alias}"


@cache
def _recorded(file: str, name: str) -> Json:
    answer: Json = scene(NEW, file, name).exchanges[-1].answer
    return answer


def _key(alias: str, token: str, user: str | None) -> Json:
    row = _recorded("keys", "list all")["keys"][0]
    masked = f"sk-...{raw_key_of(alias)[-4:]}"
    own: Json = {
        "token": token,
        "key_name": masked,
        "key_alias": alias,
        "user_id": user,
        "team_id": None,
        "metadata": {},
    }
    spent = {"spend": figures_of(token)["spend"], "max_budget": None, "budget_duration": None, "models": []}
    return {**row, **own, **spent, "blocked": None, "expires": None, "budget_reset_at": None, "last_active": None}


def _team(name: str) -> Json:
    row = _recorded("teams", "list by id")["teams"][0]
    return {**row, "team_id": f"id-{name}", "team_alias": name, "spend": figures_of(f"id-{name}")["spend"]}


def _user(name: str) -> Json:
    row = _recorded("users", "list by id")["users"][0]
    own: Json = {"user_id": name, "user_email": f"{name}@example.com", "user_alias": None, "teams": []}
    return {**row, **own, "spend": figures_of(name)["spend"], "max_budget": None, "budget_duration": None}


@cache
def _all_models() -> Json:
    recorded = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))[NEW]["all"]["body"]["data"][0]
    rows = [
        {**recorded, "model_name": name, "model_info": {**recorded["model_info"], "id": f"id-{name}"}}
        for name in MODELS
    ]
    return {"data": rows, "total_count": len(rows), "current_page": 1, "total_pages": 1, "size": len(rows)}


@dataclass
class Gateway:
    """The keys that were made, and what came: answers to questions, as status and body."""

    live: dict[str, str] = field(default_factory=dict)
    """Aliases of made keys by their hash."""
    hashes: dict[str, str] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)
    """``/key/generate made-c01-000002``: how often each change was asked for."""
    faults: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    held: set[str] = field(default_factory=set)
    let_go: Counter[str] = field(default_factory=Counter)
    """Held requests that were given up, as they should be."""
    connections: int = 0

    def answer(self, method: str, path: str, query: Query, body: Json) -> Found:
        found = _ROUTES.get(f"{method} {path}")
        return found(self, query, body) if found else (404, {"detail": "Not Found"})

    def key_list(self, query: Query, _: Json) -> Found:
        alias, user = query.get("key_alias"), query.get("user_id")
        rows = list[Json]()
        if query.get("status") == "deleted":
            pass
        elif user is not None:
            rows.append(_key(f"key-of-{user}", hash_key(raw_key_of(f"key-of-{user}")), user))
        elif alias is not None and alias.startswith((MADE, HELD)):
            rows += [_key(alias, self.hashes[alias], None)] if alias in self.hashes else []
        elif alias is not None and alias.startswith("key-"):
            rows.append(_key(alias, hash_key(raw_key_of(alias)), None))
        return 200, {"keys": rows, "total_count": len(rows), "current_page": 1, "total_pages": len(rows)}

    def key_info(self, query: Query, _: Json) -> Found:
        token = query.get("key")
        if token is None or (token not in self.live and not token.startswith(NOBODYS)):
            return 404, _error("Key not found in database", "not_found_error")
        return 200, {"key": token, "info": _key(self.live.get(token, f"hashed-{token[:28]}"), token, None)}

    def generate(self, _: Query, body: Json) -> Found:
        alias = body["key_alias"]
        raw = raw_key_of(alias)
        token = hash_key(raw)
        if alias in self.hashes:
            return 400, _error("Unique key aliases across all keys are required.", "bad_request_error")
        self.live[token], self.hashes[alias] = alias, token
        return 200, {**_recorded("keys", "generate"), **body, "key": raw, "token": token, "token_id": token}

    def delete(self, _: Query, body: Json) -> Found:
        (token,) = body["keys"]
        alias = self.live.pop(token, None)
        if alias is None:
            return 404, _error(f"Keys not found: {token}", "not_found_error")
        del self.hashes[alias]
        return 200, {"deleted_keys": [token]}

    def user_list(self, query: Query, _: Json) -> Found:
        asked = query.get("user_ids", "")
        rows = [_user(asked)] if asked.startswith("user-") else []
        return 200, {"users": rows, "total": len(rows), "page": 1, "page_size": 100, "total_pages": 1}

    def user_info(self, query: Query, _: Json) -> Found:
        user = query["user_id"]
        key = _key(f"key-of-{user}", hash_key(user), user)
        return 200, {"user_id": user, "user_info": _user(user), "keys": [key], "teams": []}

    def customer(self, query: Query, _: Json) -> Found:
        return 404, _error(f"End User Id={query['end_user_id']} does not exist in db", "not_found")

    def team_list(self, query: Query, _: Json) -> Found:
        asked = query.get("search", "")
        rows = [_team(asked)] if asked.startswith("team-") else []
        return 200, {"teams": rows, "total": len(rows), "page": 1, "page_size": 100, "total_pages": len(rows)}

    def team_info(self, query: Query, _: Json) -> Found:
        team = query["team_id"]
        key = _key(f"key-of-{team}", hash_key(team), None) | {"team_id": team}
        return 200, {"team_id": team, "team_info": _team(team.removeprefix("id-")), "keys": [key]}

    def activity(self, query: Query, _: Json) -> Found:
        whom = query.get("api_key") or query.get("user_id") or query.get("team_ids")
        metadata = {"total_pages": 1, "has_more": False, "page": 1, "total_api_keys": 1}
        if whom is None:
            return 200, {"results": [], "metadata": metadata}
        entry = {"metrics": figures_of(whom), "metadata": {}}
        sorts = {"models": f"provider/{whom}", "model_groups": "gpt-4o", "providers": "openai"}
        breakdown = {**{sort: {name: entry} for sort, name in sorts.items()}, "entities": {}}
        token = whom if "api_key" in query else hash_key(whom)
        breakdown["api_keys"] = {token: {**entry, "metadata": {"key_alias": f"key-of-{whom}", "key_exists": True}}}
        day = {"date": query["end_date"], "metrics": entry["metrics"], "breakdown": breakdown}
        return 200, {"results": [day], "metadata": metadata}

    def top_keys(self, query: Query, _: Json) -> Found:
        whom = query.get("team_ids") or query["user_id"]
        metadata = {"key_alias": f"key-of-{whom}", "key_exists": True}
        row = {"api_key": hash_key(whom), "metrics": figures_of(whom), "metadata": metadata}
        return 200, {"api_keys": [row], "total_api_keys": 1, "offset": 0, "limit": 100}

    def top_users(self, query: Query, _: Json) -> Found:
        row = {"user_id": None, "user_email": None, "user_alias": None, **figures_of(query["api_key"])}
        return 200, {"users": [row], "total_users": 1, "offset": 0, "limit": 100}

    def log(self, query: Query, _: Json) -> Found:
        row = {"api_key": query["api_key"], "total_tokens": figures_of(query["api_key"])["total_tokens"]}
        return 200, {"data": [row], "total": 1, "page": 1, "page_size": 100, "total_pages": 1, "total_is_capped": False}

    def models(self, _: Query, __: Json) -> Found:
        return 200, _all_models()

    def router(self, _: Query, __: Json) -> Found:
        return 200, {"current_values": {"fallbacks": []}, "source": {}}

    def ready(self, _: Query, __: Json) -> Found:
        return 200, {"status": "healthy", "db": "connected", "litellm_version": NEW}

    def seen(self, query: Query, _: Json) -> Found:
        """For the load run itself: whether a held request has come, or all that was counted."""
        if "held" in query:
            return 200, {"held": query["held"] in self.held}
        counted = {"writes": dict(self.writes), "faults": dict(self.faults), "asked": self.asked}
        return 200, {**counted, "let_go": dict(self.let_go), "connections": self.connections}


def _error(message: str, kind: str) -> Json:
    return {"error": {"message": message, "type": kind, "param": None, "code": "0"}}


_ROUTES: Final[Mapping[str, Callable[[Gateway, Query, Json], Found]]] = {
    "GET /key/list": Gateway.key_list,
    "GET /key/info": Gateway.key_info,
    "POST /key/generate": Gateway.generate,
    "POST /key/delete": Gateway.delete,
    "GET /user/list": Gateway.user_list,
    "GET /user/info": Gateway.user_info,
    "GET /customer/info": Gateway.customer,
    "GET /v2/team/list": Gateway.team_list,
    "GET /team/info": Gateway.team_info,
    "GET /user/daily/activity/aggregated": Gateway.activity,
    "GET /team/daily/activity/aggregated": Gateway.activity,
    "GET /team/daily/activity/aggregated/keys": Gateway.top_keys,
    "GET /user/daily/activity/aggregated/users": Gateway.top_users,
    "GET /spend/logs/v2": Gateway.log,
    "GET /v2/model/info": Gateway.models,
    "GET /router/settings": Gateway.router,
    "GET /health/readiness": Gateway.ready,
    "GET /seen": Gateway.seen,
}
