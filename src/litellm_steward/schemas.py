"""JSON schemas as an agent should read them: every word is paid for in each conversation.

pydantic writes schemas for machines: titles that repeat names, ``anyOf [X, null]`` for whatever may
be left out, a ``$defs`` entry for each model. ``input_schemas`` and ``output_schemas`` say the same in
fewer tokens. What is *accepted* does not change: a model that sends ``null`` is still understood.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

Schema = dict[str, Any]

_REF: Final = "#/$defs/"
_MAPS: Final = ("properties", "$defs", "patternProperties")
"""Keywords whose value maps free names to schemas, so that ``title`` in it is a name like any other."""
_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLES: Final = ("items", "additionalProperties", "propertyNames", "contains", "not")


def input_schemas(models: Sequence[type[BaseModel]]) -> list[Schema]:
    """What to send: nullable arguments are merely optional, unknown ones are refused."""
    return _schemas(models, "validation")


def output_schemas(models: Sequence[type[BaseModel]]) -> list[Schema]:
    """What comes back: ``None`` is never sent, so nothing is nullable and what may be ``None`` may be missing."""
    return _schemas(models, "serialization")


class _InOrder(GenerateJsonSchema):
    """Keep the order in which things were written; it says more than the alphabet, and sorting takes time."""

    def sort(self, value: Schema, parent_key: str | None = None) -> Schema:  # noqa: ARG002 - pydantic's signature
        return value


def _schemas(models: Sequence[type[BaseModel]], mode: JsonSchemaMode) -> list[Schema]:
    # All at once: most answers share their larger blocks, and a host waits while this runs.
    references, document = models_json_schema([(model, mode) for model in models], schema_generator=_InOrder)
    output = mode == "serialization"
    definitions = {name: _slim(body, output=output) for name, body in document.get("$defs", {}).items()}
    return [_finish(references[model, mode]["$ref"].removeprefix(_REF), definitions) for model in models]


def subschemas(schema: Schema) -> Iterator[Schema]:
    """The schemas directly inside a schema."""
    for keyword in _MAPS:
        yield from schema.get(keyword, {}).values()
    for keyword in _LISTS:
        yield from schema.get(keyword, ())
    for keyword in _SINGLES:
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]


def _finish(name: str, definitions: Mapping[str, Schema]) -> Schema:
    """One model's schema, with those definitions that are better kept than repeated."""
    root = definitions[name]
    # Several hosts drop a tool silently when its root is anything but a plain object.
    if root.get("type") != "object" or any(keyword in root for keyword in ("anyOf", "oneOf", "allOf")):
        raise TypeError(f"{name} is not a plain object at the root of its schema")
    places = {"": root} | _reachable(root, definitions)
    uses = {place: Counter(_references(body)) for place, body in places.items()}
    sizes = {place: len(json.dumps(body)) for place, body in places.items()}
    while (inner := _next_to_inline(uses, sizes)) is not None:
        body, inside = places.pop(inner), uses.pop(inner)
        for place, count in [(place, used[inner]) for place, used in uses.items() if used[inner]]:
            places[place] = _replace(places[place], inner, body)
            sizes[place] += count * sizes[inner]
            del uses[place][inner]
            uses[place].update({name: count * times for name, times in inside.items()})
    schema = copy.deepcopy(places.pop(""))  # what was used twice is still one object
    return {**schema, "$defs": copy.deepcopy(places)} if places else schema


def _next_to_inline(uses: Mapping[str, Counter[str]], sizes: Mapping[str, int]) -> str | None:
    """A definition that takes less room where it is used than on its own."""
    total: Counter[str] = sum(uses.values(), Counter())
    for name, times in total.items():
        reference = len(_REF) + len(name) + 12
        shorter = times * sizes[name] <= times * reference + len(name) + 6 + sizes[name]
        if not uses[name][name] and (times == 1 or shorter):
            return name
    return None


def _reachable(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = _references(schema)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting += _references(definitions[name])
    return found


def _references(schema: Schema) -> list[str]:
    here = [schema["$ref"].removeprefix(_REF)] if "$ref" in schema else []
    return here + [reference for inner in subschemas(schema) for reference in _references(inner)]


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


def _replace(schema: Schema, name: str, body: Schema) -> Schema:
    if schema.get("$ref") == _REF + name:
        around = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        return {**body, **around}
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
