"""``null`` for an optional argument means that it was left out: many clients send it for every one."""

from __future__ import annotations

from collections.abc import Mapping

from litellm_steward.schemas import Schema


def without_nulls(root: Schema, arguments: Mapping[str, object]) -> dict[str, object]:
    """Arguments, and objects inside of them, without the optional fields that are ``null``.

    A field that the schema does not know, and a required one, is kept: something is to be said of it. So is what is
    ``null`` in a free object, where it is somebody's value.
    """
    return _fields(root, arguments, _arms(root, root))


def _fields(root: Schema, value: Mapping[str, object], arms: list[Schema]) -> dict[str, object]:
    known = {name: inner for arm in arms for name, inner in arm.get("properties", {}).items()}
    required = {name for arm in arms for name in arm.get("required", ())}
    return {
        name: _value(root, inner, known[name]) if name in known else inner
        for name, inner in value.items()
        if inner is not None or name not in known or name in required
    }


def _value(root: Schema, value: object, schema: Schema) -> object:
    arms = _arms(root, schema)
    if isinstance(value, Mapping):
        return _fields(root, value, arms)
    items = next((arm["items"] for arm in arms if isinstance(arm.get("items"), dict)), None)
    if isinstance(value, list) and items is not None:
        return [_value(root, inner, items) for inner in value]
    return value


def _arms(root: Schema, schema: Schema) -> list[Schema]:
    """What a value may be: a reference is followed, and alternatives are each of them."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        return [inner for arm in schema["anyOf"] for inner in _arms(root, arm)]
    return [schema]
