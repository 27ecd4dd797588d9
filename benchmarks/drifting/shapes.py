"""The shapes of live answers of a seeded gateway: which fields they have, and of which types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from examples.gateway import Ledger, Running, seed
from tests.recorded_calls import Call, fixed_calls, get

Json = dict[str, Any]

GROUPS: Final = ("keys", "teams", "users", "activity", "logs", "health")
OF_NAMES: Final = frozenset(
    {
        *("models", "model_groups", "providers", "api_keys", "entities", "endpoints", "mcp_servers", "guardrails"),
        "entity_total_api_keys",
    }
)
"""Objects whose fields are names of things."""

FREE: Final = frozenset({"metadata", "proxy_server_request", "response", "messages", "api_key_breakdown"})
"""Fields that hold whatever somebody put there, or that nobody reads."""

NOT_ASKED: Final = frozenset({"/openapi.json"})
"""Its answer is the part ``routes``."""

MODELS: Final = ("/model/info", "/v2/model/info", "/models", "/router/settings")
"""Read by the tools and not among the calls that ``make record`` plays."""

_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z_]*")

Shape = dict[str, str]
"""The path of each field, with its types."""


def shapes_of(running: Running) -> Json:
    """The reading calls that ``make record`` plays too: the status of each, and by path the shape of its answers."""
    found: dict[str, dict[str, set[str]]] = {}
    statuses: dict[str, int] = {}
    headers = {"Authorization": f"Bearer {running.master_key}"}
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=60) as client:
        for call in (*_calls(running), *(get("models", path) for path in MODELS)):
            answer = client.get(call.path, params=dict(call.params))
            statuses[f"{call.path} ({call.name})"] = answer.status_code
            for path, kind in _fields(answer.json(), "answer") if answer.is_success else ():
                found.setdefault(call.path, {}).setdefault(path, set()).add(kind)
    shapes = {
        call: {path: " or ".join(sorted(kinds)) for path, kinds in shape.items()} for call, shape in found.items()
    }
    return {"statuses": statuses, "fields": shapes}


def _calls(running: Running) -> Iterator[Call]:
    for group, calls in fixed_calls(_ledger(running), datetime.now(UTC).date()).items():
        if group in GROUPS:
            yield from (c for c in calls if c.method == "GET" and c.key == "admin" and c.path not in NOT_ASKED)


def _ledger(running: Running) -> Ledger:
    """What was seeded there before, in a gateway that was kept, or is now."""
    with suppress(FileNotFoundError):
        return Ledger.load(running.log_path.parent / "ledger.json")
    return seed(running)


def _fields(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        yield path, "object"
        name = path.rpartition(".")[2]
        for field, inner in value.items() if name not in FREE else ():
            of_names = name in OF_NAMES or not _FIELD.fullmatch(field)
            yield from _fields(inner, f"{path}.{'*' if of_names else field}")
    elif isinstance(value, list):
        yield path, "list"
        for inner in value:
            yield from _fields(inner, f"{path}[]")
    else:
        kinds = {bool: "boolean", int: "number", float: "number", str: "text"}
        yield path, kinds.get(type(value), "null")


def differences(before: Json, now: Json) -> Iterator[str]:
    """What is not as it was, in sentences. ``null`` goes with any type, and what is below it is not looked for."""
    old, new = before["statuses"], now["statuses"]
    for call in sorted(set(old) & set(new)):
        if old[call] != new[call]:
            yield f"{call} was answered with HTTP {old[call]} and is with {new[call]}."
    for call in sorted(set(new) - set(old)):
        yield f"{call} is not in the record: record anew."
    for path in sorted(set(before["fields"]) & set(now["fields"])):
        yield from _shape_differs(path, before["fields"][path], now["fields"][path])


def _shape_differs(route: str, before: Shape, now: Shape) -> Iterator[str]:
    gone, added = list(_only_in(before, now)), list(_only_in(now, before))
    if gone:
        yield f"The answer of {route} does not have {', '.join(gone)} any more."
    if added:
        yield f"The answer of {route} has {', '.join(added)} now."
    for path in sorted(set(before) & set(now)):
        old, new = (set(shape[path].split(" or ")) - {"null"} for shape in (before, now))
        if old and new and not (old <= new or new <= old):
            yield f"The answer of {route}: {path} was {before[path]} and is {now[path]}."


def _only_in(one: Shape, other: Shape) -> Iterator[str]:
    """The fields that only one has. A list without an element, or null, tells nothing of what would be in it."""
    for path in one:
        parent = path[: max(path.rfind("."), path.rfind("[]"), 0)]
        if path not in other and not path.endswith(("[]", ".*")) and "object" in other.get(parent, ""):
            yield path
