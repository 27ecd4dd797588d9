"""The proxy's routes that the source code asks, and what a release's OpenAPI says of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SOURCE: Final = Path(__file__).parents[2] / "src" / "litellm_steward"
METHODS: Final = {"get": "GET", "post": "POST", "query": "POST", "call": "POST"}
SCOPES: Final = ("user", "team", "customer", "tag")
_PATH: Final = re.compile(r"/[a-z0-9_]+(/[a-z0-9_.{}]+)*")

Json = dict[str, Any]


def routes_used() -> list[str]:
    """``GET /key/list`` and so on: every path that is written in the code, with the method of its call."""
    found: set[str] = set()
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        asked = list(_asked(tree))
        found |= {f"{method} {path}" for method, path in asked}
        if file.parent.name == "api":  # some paths are held in a variable first
            told = {path for _, path in asked}
            found |= {f"GET {path}" for path in _constants(tree) if path not in told}
    return sorted(found)


def _asked(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            for path in _paths(node.args[0]) if node.args else ():
                has_body = node.func.attr != "call" or len(node.args) > 1
                yield METHODS[node.func.attr] if has_body else "GET", path


def _constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            for element in node.elts:
                yield from _paths(element)


def _paths(node: ast.AST) -> Iterator[str]:
    """The path or paths that an expression stands for: ``{scope}`` is each of four."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _PATH.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if _PATH.fullmatch(text.replace("{}", "x")):
            yield from (text.replace("{}", scope) for scope in SCOPES)


def described(document: Json, routes: list[str]) -> dict[str, list[str] | None]:
    """By route the parameters and the fields of the body, by an OpenAPI document; ``None`` for a route that it lacks.

    What has to be given is marked with an exclamation mark.
    """
    paths = document["paths"]
    return {route: _described(document, paths.get(route.split(" ")[1], {}), route.split(" ")[0]) for route in routes}


def _described(document: Json, path: Json, method: str) -> list[str] | None:
    operation = path.get(method.lower())
    if operation is None:
        return None
    found = [_marked(p["name"], required=p.get("required", False)) for p in operation.get("parameters", [])]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    found += _fields(document, content.get("schema", {}))
    return sorted(set(found))


def _fields(document: Json, body: Json, above: str = "") -> Iterator[str]:
    """The fields of a body, and those of objects in it."""
    for schema in _objects(document, body):
        for name, inner in schema.get("properties", {}).items():
            yield f"{above}{_marked(name, required=name in schema.get('required', ()))}"
            if not above:
                yield from _fields(document, inner, f"{name}.")


def _objects(document: Json, schema: Json) -> Iterator[Json]:
    """The object schemas that a body may be."""
    if "$ref" in schema:
        yield from _objects(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    elif "properties" in schema:
        yield schema
    for part in (*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())):
        yield from _objects(document, part)


def _marked(name: str, *, required: bool) -> str:
    return f"{name}!" if required else name


def _plain(names: list[str]) -> dict[str, bool]:
    return {name.rstrip("!"): name.endswith("!") for name in names}


def differences(before: dict[str, list[str] | None], now: dict[str, list[str] | None]) -> Iterator[str]:
    """What is not as it was, in sentences."""
    for route in sorted({*before, *now}):
        if route not in before:
            yield f"{route} is asked by the code now and is not in the record: record anew."
        elif route in now:
            yield from _route_differs(route, before[route], now[route])


def _route_differs(route: str, before: list[str] | None, now: list[str] | None) -> Iterator[str]:
    if before is None or now is None:
        if before != now:
            yield f"{route} is {'gone' if now is None else 'there, and was not before'}."
        return
    old, new = _plain(before), _plain(now)
    if gone := sorted(set(old) - set(new)):
        yield f"{route} does not take {', '.join(gone)} any more."
    if added := sorted(set(new) - set(old)):
        shown = ", ".join(f"{name} (required)" if new[name] else name for name in added)
        yield f"{route} takes {shown} now."
    if needed := sorted(name for name in set(old) & set(new) if new[name] and not old[name]):
        yield f"{route} requires {', '.join(needed)} now."
