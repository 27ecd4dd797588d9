"""Fills a gateway with the company, through the proxy's own API and real chat calls."""

import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from . import bookings, calls, company
from .calls import Admin, RefusedError
from .errors import GatewayError
from .gateway import QUIET, Running
from .ledger import Call, Ledger, SeededKey
from .progress import Progress
from .proxy import GENERAL_FALLBACKS, general_fallbacks_in_config
from .settings import release

CALLERS: Final = 6
"""Calls in flight at once; more make a small machine slower."""


FIRST_TO_BOOK_TOKENS_OF_FAILURES: Final = (1, 100)
"""Seen from 1.108.5 on and not on 1.83.14; the releases between were not run."""


def seed(running: Running, progress: Progress = QUIET) -> Ledger:
    """Make everything, make the calls, wait until the proxy has booked them, and return what was done."""
    admin = Admin(running.base_url, running.master_key)
    try:
        with progress.step("making teams, users, customers, models and keys"):
            teams = make_teams(admin)
            users = make_users(admin, teams)
            make_customers(admin)
            models = make_models(admin)
            keys = make_keys(admin, teams)
        with progress.step(f"making {sum(batch.count for batch in company.CALLS)} chat calls"):
            made = make_calls(running.base_url, keys)
        with progress.step("waiting for the proxy to book them"):
            bookings.wait(running, made)
        with progress.step("blocking, deleting and handing over keys; writing fallbacks"):
            age_keys(admin, keys)
            write_fallbacks(admin, running.version)
    except RefusedError as refused:
        raise GatewayError(
            f"Seeding failed; a gateway that holds data needs `up --fresh --seed`. {refused}"
        ) from refused
    ledger = Ledger(
        version=running.version,
        teams=teams,
        users=users,
        customers=(*company.CUSTOMERS, *company.AUTOMATIC_CUSTOMERS),
        models=models,
        keys=keys,
        calls=made,
        notes=_notes(running, keys),
    )
    ledger.save(running.log_path.parent / "ledger.json")
    return ledger


def _notes(running: Running, keys: Mapping[str, SeededKey]) -> tuple[str, ...]:
    """Where a version would not do as the company wants, or books otherwise than the calls answered."""
    notes = []
    if keys[company.HOSTILE_NAME].alias != company.HOSTILE:
        notes.append("This version refuses line breaks in a key's alias: the hostile one is on one line.")
    if release(running.version) >= FIRST_TO_BOOK_TOKENS_OF_FAILURES:
        notes.append("This version books a failed call with its prompt tokens if its caller has a budget or a limit.")
    if general_fallbacks_in_config(running.version):
        notes.append(
            "The general fallbacks come from the configuration file: this version's API cannot write all of them."
        )
    return tuple(notes)


def make_teams(admin: Admin) -> dict[str, str]:
    """Create the teams and return their ids."""
    return {
        team.name: str(_first_accepted(admin, "/team/new", "team_alias", team.alias, team.more)["team_id"])
        for team in company.TEAMS
    }


def make_users(admin: Admin, teams: Mapping[str, str]) -> dict[str, str]:
    """Create the users in their teams, without the key that LiteLLM would make for each."""
    for user in company.USERS:
        admin.post("/user/new", user_id=user.user_id, auto_create_key=False, **user.more)
        for team in user.teams:
            admin.post("/team/member_add", team_id=teams[team], member={"role": "user", "user_id": user.user_id})
    return {user.user_id: str(user.more.get("user_email", "")) for user in company.USERS}


def make_customers(admin: Admin) -> None:
    """Create the customers that do not come by themselves."""
    for name, more in company.CUSTOMERS.items():
        admin.post("/customer/new", user_id=name, **more)


def make_models(admin: Admin) -> dict[str, str]:
    """Create the deployments that are kept in the database; return their model names by id."""
    for model_id, body in company.MODELS.items():
        admin.post("/model/new", model_info={"id": model_id}, **body)
    return {model_id: str(body["model_name"]) for model_id, body in company.MODELS.items()}


def make_keys(admin: Admin, teams: Mapping[str, str]) -> dict[str, SeededKey]:
    """Issue the keys."""
    keys = {}
    for key in company.KEYS:
        alias = company.HOSTILE if key.alias == company.HOSTILE_NAME else key.alias
        more = dict(key.more)
        if key.team:
            more["team_id"] = teams[key.team]
        if key.user:
            more["user_id"] = key.user
        made = _first_accepted(admin, "/key/generate", "key_alias", alias, more)
        raw = str(made["key"])
        keys[key.alias] = SeededKey(
            alias=str(made["key_alias"]),
            raw=raw,
            hash=hashlib.sha256(raw.encode()).hexdigest(),
            team_id=str(made.get("team_id") or ""),
            user_id=str(made.get("user_id") or ""),
        )
    return keys


def _first_accepted(admin: Admin, path: str, field: str, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Create something under a name, on one line if the proxy refuses line breaks."""
    try:
        return admin.post(path, **{field: name}, **more)
    except RefusedError:
        if name != company.HOSTILE:
            raise
        return admin.post(path, **{field: company.HOSTILE_ON_ONE_LINE}, **more)


@dataclass(frozen=True, slots=True)
class _Order:
    key: SeededKey
    batch: company.Calls


def make_calls(base_url: str, keys: Mapping[str, SeededKey]) -> tuple[Call, ...]:
    """Make the calls, several at a time."""
    orders = [_Order(keys[batch.key], batch) for batch in company.CALLS for _ in range(batch.count)]
    with ThreadPoolExecutor(CALLERS) as callers:
        return tuple(callers.map(lambda order: _call(base_url, order), orders))


def _call(base_url: str, order: _Order) -> Call:
    key, batch = order.key, order.batch
    extra: dict[str, object] = {}
    if batch.customer:
        extra["user"] = batch.customer
    if batch.tags:
        extra["metadata"] = {"tags": list(batch.tags)}
    answer = calls.chat(base_url, key.raw, batch.model, **extra)
    usage = answer.body.get("usage", {}) if answer.ok else {}
    tokens_in, tokens_out = int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
    return Call(
        user_id=key.user_id,
        team_id=key.team_id,
        key_alias=key.alias,
        key_hash=key.hash,
        model=batch.model,
        customer=batch.customer,
        prompt_tokens=tokens_in,
        completion_tokens=tokens_out,
        spend=company.cost(batch.model, tokens_in, tokens_out),
        ok=answer.ok,
        status=answer.status,
        model_id=answer.headers.get("x-litellm-model-id", "") if answer.ok else "",
    )


def age_keys(admin: Admin, keys: Mapping[str, SeededKey]) -> None:
    """Let happen to keys what happens over months."""
    for alias in company.BLOCKED_KEYS:
        admin.post("/key/block", key=keys[alias].hash)
    for alias in company.DELETED_KEYS:
        admin.post("/key/delete", keys=[keys[alias].hash])
    for alias, heir in company.HANDED_OVER.items():
        admin.post("/key/update", key=keys[alias].hash, user_id=heir)


def write_fallbacks(admin: Admin, version: str) -> None:
    """Write the general fallbacks where the version can, and make sure that they are live everywhere."""
    if not general_fallbacks_in_config(version):
        admin.post("/config/update", router_settings={"fallbacks": GENERAL_FALLBACKS})
    deadline = time.monotonic() + 20
    while live_fallbacks(admin) != GENERAL_FALLBACKS:
        if time.monotonic() > deadline:
            raise GatewayError(f"The general fallbacks did not become live; the proxy has {live_fallbacks(admin)}.")
        time.sleep(0.5)


def live_fallbacks(admin: Admin) -> object:
    """The general fallbacks as the proxy's router has them now."""
    return admin.get("/router/settings")["current_values"]["fallbacks"]
