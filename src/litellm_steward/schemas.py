"""JSON schemas as an agent should read them: every word is paid for in each conversation.

pydantic writes schemas for machines: titles that repeat names, ``anyOf [X, null]`` for whatever may
be left out, a ``$defs`` entry for each model. ``input_schema`` and ``output_schema`` say the same in
fewer tokens. What is *accepted* does not change: a model that sends ``null`` is still understood.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

Schema = dict[str, Any]

_REF: Final = "#/$defs/"
_MAPS: Final = ("properties", "$defs", "patternProperties")
"""Keywords whose value maps free names to schemas, so that ``title`` in it is a name like any other."""
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES: Final = ("items", "additionalProperties", "propertyNames", "contains", "not")


def input_schema(model: type[BaseModel]) -> Schema:
    """What to send: nullable arguments are merely optional, unknown ones are refused."""
    return _finish(_slim(model.model_json_schema(by_alias=True), output=False), model)


def output_schema(model: type[BaseModel]) -> Schema:
    """What comes back: ``None`` is never sent, so nothing is nullable and what may be ``None`` may be missing."""
    return _finish(_slim(model.model_json_schema(by_alias=True, mode="serialization"), output=True), model)


def subschemas(schema: Schema) -> Iterator[Schema]:
    """The schemas directly inside a schema."""
    for keyword in _MAPS:
        yield from schema.get(keyword, {}).values()
    for keyword in _LISTS:
        yield from schema.get(keyword, ())
    for keyword in _SINGLES:
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]


def _finish(schema: Schema, model: type[BaseModel]) -> Schema:
    if "$ref" in schema:  # a recursive model: the root must be an object in its own right
        definition = schema["$defs"][schema.pop("$ref").removeprefix(_REF)]
        schema = {**copy.deepcopy(definition), **schema}
    schema = _inline(schema)
    # Several hosts drop a tool silently when its root is anything but a plain object.
    if schema.get("type") != "object" or any(keyword in schema for keyword in ("anyOf", "oneOf", "allOf")):
        raise TypeError(f"{model.__name__} is not a plain object at the root of its schema")
    return schema


def _slim(schema: Schema, *, output: bool, element: bool = False) -> Schema:
    """One schema without noise. Descriptions of whole models are their docstrings: for us, not for agents."""
    slim: Schema = {}
    for keyword, value in schema.items():
        if keyword == "title" or (keyword == "default" and (output or value is None)):
            continue
        if keyword == "additionalProperties" and (value is True or (output and value is False)):
            continue
        if keyword == "description" and "properties" in schema:
            continue
        if keyword in _MAPS:
            slim[keyword] = {name: _slim(inner, output=output) for name, inner in value.items()}
        elif keyword in _LISTS:
            slim[keyword] = [_slim(inner, output=output) for inner in value]
        elif keyword in _SINGLES and isinstance(value, dict):
            slim[keyword] = _slim(value, output=output, element=keyword in ("items", "additionalProperties"))
        else:
            slim[keyword] = value
    if output and "required" in slim:
        slim["required"] = [name for name in slim["required"] if not _nullable(schema["properties"][name])]
    if not slim.get("required", True):
        del slim["required"]
    return slim if element else _without_null(slim)


def _nullable(schema: Schema) -> bool:
    return schema.get("type") == "null" or any(_nullable(arm) for arm in schema.get("anyOf", ()))


def _without_null(schema: Schema) -> Schema:
    """``anyOf [X, null]`` as ``X``. Elements keep it: in a list or map, null is a value."""
    if "anyOf" not in schema:
        return schema
    arms = [arm for arm in schema["anyOf"] if arm != {"type": "null"}]
    around = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    if len(arms) == 1:
        return {**arms[0], **around}
    return {"anyOf": arms, **around}


def _inline(schema: Schema) -> Schema:
    """Replace references by what they refer to wherever that is shorter, and always if there is only one."""
    definitions: dict[str, Schema] = schema.pop("$defs", {})
    progress = True
    while progress:
        progress = False
        for name, body in list(definitions.items()):
            uses = sum(_count(place, name) for place in (schema, *definitions.values()))
            recursive = _count(body, name) > 0
            size = len(json.dumps(body))
            kept = uses * len(json.dumps({"$ref": _REF + name})) + len(name) + 4 + size
            if uses == 0 or (not recursive and (uses == 1 or uses * size <= kept)):
                del definitions[name]
                schema = _replace(schema, name, body)
                definitions = {other: _replace(inner, name, body) for other, inner in definitions.items()}
                progress = True
    return {**schema, "$defs": definitions} if definitions else schema


def _count(schema: Schema, name: str) -> int:
    here = 1 if schema.get("$ref") == _REF + name else 0
    return here + sum(_count(inner, name) for inner in subschemas(schema))


def _replace(schema: Schema, name: str, body: Schema) -> Schema:
    if schema.get("$ref") == _REF + name:
        around = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        return {**copy.deepcopy(body), **around}
    replaced = dict(schema)
    for keyword in _MAPS:
        if keyword in schema:
            replaced[keyword] = {key: _replace(inner, name, body) for key, inner in schema[keyword].items()}
    for keyword in _LISTS:
        if keyword in schema:
            replaced[keyword] = [_replace(inner, name, body) for inner in schema[keyword]]
    for keyword in _SINGLES:
        if isinstance(schema.get(keyword), dict):
            replaced[keyword] = _replace(schema[keyword], name, body)
    return replaced
