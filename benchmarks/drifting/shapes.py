"""The shapes of live answers of a seeded gateway: which fields they have, and of which types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from examples.gateway import Running, seed
from tests.recorded_calls import fixed_calls

GROUPS: Final = ("keys", "teams", "users", "activity", "logs", "health")
OF_NAMES: Final = frozenset(
    {
        *("models", "model_groups", "providers", "api_keys", "entities", "endpoints", "mcp_servers", "guardrails"),
        *("api_key_breakdown", "entity_total_api_keys"),
    }
)
"""Objects whose fields are names of things."""

FREE: Final = frozenset({"metadata", "proxy_server_request", "response", "messages"})
"""Fields that hold whatever somebody put there."""

_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z_]*")
Shapes = dict[str, dict[str, list[str]]]
"""By call: each field's path with its types, or the status of an answer that is no success."""


def shapes_of(running: Running) -> Shapes:
    """The reading calls that ``make record`` plays too."""
    ledger = seed(running)
    found: Shapes = {}
    headers = {"Authorization": f"Bearer {running.master_key}"}
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=60) as client:
        for group, calls in fixed_calls(ledger, datetime.now(UTC).date()).items():
            for call in calls:
                if group in GROUPS and call.method == "GET" and call.key == "admin":
                    answer = client.get(call.path, params=dict(call.params))
                    found[f"{call.path} ({call.name})"] = _shape(answer)
    return found


def _shape(answer: httpx.Response) -> dict[str, list[str]]:
    if answer.status_code != httpx.codes.OK:
        return {"status": [str(answer.status_code)]}
    found: dict[str, set[str]] = {}
    for path, kind in _fields(answer.json(), "answer"):
        found.setdefault(path, set()).add(kind)
    return {path: sorted(kinds) for path, kinds in sorted(found.items())}


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


def differences(before: Shapes, now: Shapes) -> Iterator[str]:
    """What is not as it was, in sentences. ``null`` goes with any type, and what is below it is not looked for."""
    for call in sorted({*before, *now}):
        if call not in before:
            yield f"{call} is not in the record: record anew."
        elif call in now:
            yield from _call_differs(call, before[call], now[call])


def _call_differs(call: str, before: dict[str, list[str]], now: dict[str, list[str]]) -> Iterator[str]:
    if before.get("status") != now.get("status"):
        was, is_now = ((shape.get("status") or ["200"])[0] for shape in (before, now))
        yield f"{call} was answered with HTTP {was} and is with {is_now}."
        return
    gone, added = list(_only_in(before, now)), list(_only_in(now, before))
    for word, paths in (("does not have", gone), ("has", added)):
        if paths:
            yield f"{call} {word} {', '.join(paths)}{' any more' if word != 'has' else ' now'}."
    for path in sorted(set(before) & set(now)):
        was, is_now = (set(shape[path]) - {"null"} for shape in (before, now))
        if was and is_now and was != is_now and path != "status":
            yield f"{call}: {path} was {' or '.join(sorted(was))} and is {' or '.join(sorted(is_now))}."


def _only_in(one: dict[str, list[str]], other: dict[str, list[str]]) -> Iterator[str]:
    """The fields that only one has. A list without an element, or null, tells nothing of what would be in it."""
    for path in one:
        parent = path[: max(path.rfind("."), path.rfind("[]"), 0)]
        if path not in other and not path.endswith(("[]", ".*")) and "object" in other.get(parent, ()):
            yield path
