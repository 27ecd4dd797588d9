"""A tool's arguments: the model they are validated by, what models tend to send, and what was wrong.

Arguments may hold secrets (a provider's API key), so no sentence here ever repeats a value.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from litellm_steward.errors import InvalidArgument
from litellm_steward.omissions import without_nulls
from litellm_steward.schemas import Schema
from litellm_steward.sizes import check_sizes
from litellm_steward.text import clean, count, holds_key, scrub, sentence_list

MAX_PROBLEMS: Final = 8
LOOKED_AT: Final = 20
"""Problems that are looked at. Of more, nobody learns anything."""

Path = tuple[str | int, ...]


class Arguments(ArgModelBase):
    """The base of every tool's argument model."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        extra="forbid",  # an argument that is dropped answers another question than the one asked
        hide_input_in_errors=True,
        allow_inf_nan=False,  # "nan" is a float to pydantic, and an unlimited budget to a proxy
        protected_namespaces=(),
    )


@dataclass(frozen=True)
class Signature:
    """What a tool function takes and returns."""

    model: type[Arguments]
    context: str
    returns: object


def signature_of(function: Callable[..., object]) -> Signature:
    """Read a tool function's annotations once, when its tool is built."""
    signature = inspect.signature(function, eval_str=True)
    context, fields = "", dict[str, Any]()
    for name, parameter in signature.parameters.items():
        if _is_context(parameter.annotation):
            context = name
        elif parameter.annotation is inspect.Parameter.empty or hasattr(BaseModel, name):
            raise TypeError(f"{function.__name__}: the parameter {name} needs an annotation, or another name")
        else:
            fields[name] = (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
    if not context:
        raise TypeError(f"{function.__name__}: a tool takes the request's context")
    model = create_model(f"{function.__name__}_arguments", __base__=Arguments, **fields)
    return Signature(model, context, signature.return_annotation)


def _is_context(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Context)


# ---- what models tend to send --------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """What an argument can be, as far as it matters for a value that arrived as text."""

    text: bool = False
    nullable: bool = False
    object: bool = False
    list: bool = False
    list_of_text: bool = False


def shape_of(annotation: object) -> Shape:
    arms = list(_arms(annotation))
    lists = [arm for arm in arms if get_origin(arm) in (list, tuple, set, frozenset, Sequence) or arm is list]
    return Shape(
        text=any(_takes_text(arm) for arm in arms),
        nullable=NoneType in arms,
        object=any(_takes_object(arm) for arm in arms),
        list=bool(lists),
        list_of_text=any(_takes_text(item) for arm in lists for item in _arms((*get_args(arm), Any)[0])),
    )


def _arms(annotation: object) -> Iterator[object]:
    """The alternatives of a union, without what ``Annotated`` adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _arms(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for arm in get_args(annotation):
            yield from _arms(arm)
    else:
        yield annotation


def _takes_text(arm: object) -> bool:
    if get_origin(arm) is Literal:
        return any(isinstance(choice, str) for choice in get_args(arm))
    if get_origin(arm) is not None or not isinstance(arm, type):
        return False
    return not issubclass(arm, bool | int | float | list | dict | tuple | set | BaseModel | NoneType) or issubclass(
        arm, enum.Enum
    )


def _takes_object(arm: object) -> bool:
    return get_origin(arm) in (dict, Mapping) or arm is dict or (isinstance(arm, type) and issubclass(arm, BaseModel))


def friendly(value: object, shape: Shape) -> object:
    """Understand a list or object that came as JSON text, and one name where names were expected.

    Text stays text wherever text is possible: an alias may well be "null", "123" or "[1]".
    """
    if not isinstance(value, str) or shape.text:
        return value
    stripped = value.strip()
    if shape.nullable and stripped == "null":
        return None
    if (shape.list and stripped.startswith("[")) or (shape.object and stripped.startswith("{")):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            return value
    return [value] if shape.list_of_text and stripped else value


# ---- what was wrong ------------------------------------------------------------------------------


def validate(model: type[Arguments], schema: Schema, arguments: Mapping[str, object]) -> Arguments:
    """The validated arguments, or ``InvalidArgument`` with a sentence for each problem."""
    check_sizes(arguments)
    arguments = without_nulls(schema, arguments)
    problems = [
        f"{_name(path)} must be a number, not true or false"
        for path in islice(_booleans_for_numbers(schema, schema, arguments), LOOKED_AT)
    ]
    try:
        validated = model.model_validate(dict(arguments))
    except ValidationError as error:
        found = [*problems, *_explain(error, schema, arguments)]
        raise InvalidArgument(_sentences(found, more=error.error_count() > LOOKED_AT)) from None
    if problems:
        raise InvalidArgument(_sentences(problems))
    refuse_misplaced_keys(arguments)
    if any("\0" in text for text in _texts(arguments)):
        raise InvalidArgument("An argument holds a NUL character, which the proxy's database cannot keep")
    return validated


TAKE_KEYS: Final = frozenset({"key", "api_key", "litellm_params", "metadata"})
"""Arguments in which a secret may stand."""


def refuse_misplaced_keys(arguments: Mapping[str, object]) -> None:
    """A name goes into URLs, which servers log, and into sentences. A key that stands in its place must not."""
    for name, value in arguments.items():
        if name not in TAKE_KEYS and any(map(holds_key, _texts(value))):
            raise InvalidArgument(
                f"{_word(name)} looks like a key, or has one in it; nothing was sent",
                hint="Give a name or an id.",
            )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _sentences(problems: Sequence[str], *, more: bool = False) -> str:
    shown = [problem if problem.endswith("?") else f"{problem}." for problem in problems[:MAX_PROBLEMS]]
    if more:
        shown.append("And more.")
    elif len(problems) > MAX_PROBLEMS:
        shown.append(f"And {count(len(problems) - MAX_PROBLEMS, 'more problem')}.")
    return " ".join(shown)


def _explain(error: ValidationError, schema: Schema, arguments: Mapping[str, object]) -> list[str]:
    """One sentence for each place; the alternatives of a union are joined, for any of them would do."""
    found: dict[Path, list[str]] = {}
    unknown: dict[Path, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False)[:LOOKED_AT]:
        path = _path(item, arguments)
        if item["type"] == "extra_forbidden":
            unknown.setdefault(path[:-1], []).append(str(path[-1]))
        elif (message := _message(item)) not in found.setdefault(path, []):
            found[path].append(message)
    sentences = [_sentence(path, messages) for path, messages in found.items()]
    return [*(_unknown(path, names, schema) for path, names in unknown.items()), *sentences]


def _sentence(path: Path, messages: Sequence[str]) -> str:
    if messages[0].startswith(":"):  # a validator of ours, which speaks in sentences of its own
        return f"{_name(path)}{messages[0]}" if path else messages[0].removeprefix(": ")
    return f"{_name(path)} {' or '.join(messages)}"


def _unknown(path: Path, names: Sequence[str], schema: Schema) -> str:
    valid = [name for arm in _schemas_at(schema, path) for name in arm.get("properties", ())]
    shown = []
    for name in names[:3]:
        near = difflib.get_close_matches(name, valid, n=1)
        shown.append(f"'{_word(name)}'" + (f" (did you mean '{near[0]}'?)" if near else ""))
    place = f"{_name(path)} has no field" if path else "There is no argument"
    takes = f"valid are: {', '.join(valid)}" if valid else "it takes none"
    return f"{place} {sentence_list(shown)}; {takes}"


def _path(item: ErrorDetails, arguments: Mapping[str, object]) -> Path:
    """Where in the arguments a problem is. pydantic mixes the names of a union's arms into the location."""
    path: list[str | int] = []
    here: object = arguments
    last = len(item["loc"]) - 1
    for index, part in enumerate(item["loc"]):
        inside = _inside(here, part)
        if inside is not None:
            path.append(part)
            here = inside[0]
        elif index == last and item["type"] == "missing":
            path.append(part)
    return tuple(path)


def _inside(value: object, part: str | int) -> tuple[object] | None:
    """What is under this name or number, wrapped; ``None`` if nothing is."""
    if isinstance(value, Mapping):
        return (value[part],) if part in value else None
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return (value[part],)
    return None


def _name(path: Path) -> str:
    """``members[0].role``."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f"{'.' if name else ''}{_word(part)}"
    return name or "The arguments"


def _word(name: str) -> str:
    """An argument's name as the caller wrote it; a key pasted in the wrong place is no name."""
    return scrub(clean(name, 60)).replace("'", "’")


_MESSAGES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
}


def _message(item: ErrorDetails) -> str:
    """pydantic's problem in our words. Its own texts quote values now and then, so an unknown type stays vague."""
    kind, context = item["type"], item.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return f": {scrub(str(context.get('error', 'is not valid'))).rstrip('.')}"
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "must not be empty"
    if kind.startswith("date_"):
        return "must be a date, as YYYY-MM-DD"
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    return _MESSAGES.get(kind, "is not valid").format_map(shown)


def _booleans_for_numbers(root: Schema, schema: Schema, value: object, path: Path = ()) -> Iterator[Path]:
    """Where ``true`` stands for a number: pydantic would read it as 1, and a budget would be one dollar."""
    arms = _alternatives(root, schema)
    if isinstance(value, bool):
        types = {arm.get("type") for arm in arms}
        if types & {"integer", "number"} and not types & {"boolean", None}:
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            for arm in arms:
                yield from _booleans_for_numbers(root, _member(arm, name), inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for arm in arms:
                yield from _booleans_for_numbers(root, _member(arm, index), inner, (*path, index))


def _schemas_at(schema: Schema, path: Path) -> list[Schema]:
    places = [schema]
    for part in path:
        places = [_member(arm, part) for place in places for arm in _alternatives(schema, place)]
    return [arm for place in places for arm in _alternatives(schema, place)]


def _alternatives(root: Schema, schema: Schema) -> list[Schema]:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        return [inner for arm in schema["anyOf"] for inner in _alternatives(root, arm)]
    return [schema]


def _member(schema: Schema, part: str | int) -> Schema:
    inner = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    if inner is None and isinstance(part, str):
        inner = schema.get("additionalProperties")
    return inner if isinstance(inner, dict) else {}
