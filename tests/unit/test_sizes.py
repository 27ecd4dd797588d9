"""What one call may cost is bounded before it is made: sizes of every argument, of every tool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
import respx

from litellm_steward import sizes
from litellm_steward.errors import InvalidArgument
from litellm_steward.schemas import Schema, subschemas
from litellm_steward.surface import Surface
from litellm_steward.tools import parameters
from tests.processor import measured
from tests.stage import TOOLS, call, facts_of, refusal_of, steward_at, text_of
from tests.tape import BASE_URL

SECONDS: Final = 1.0
"""Of the processor, for one call."""

BYTES: Final = 100 * 1024 * 1024


def unbounded(schema: Schema, place: str) -> Iterator[str]:
    """Where a text, a list or an object of a schema has no bound."""
    kind = schema.get("type")
    if kind == "string" and "maxLength" not in schema and "enum" not in schema and "const" not in schema:
        yield f"{place}: a text without maxLength"
    if kind == "array" and "maxItems" not in schema:
        yield f"{place}: a list without maxItems"
    if kind == "object" and "maxProperties" not in schema and schema.get("additionalProperties") is not False:
        yield f"{place}: an object without maxProperties"
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, f"{place}.{name}")
    if "properties" not in schema:
        for inner in subschemas(schema):
            if "type" in inner or "anyOf" in inner:
                yield from unbounded(inner, f"{place}[]")


@pytest.mark.parametrize("name", TOOLS)
def test_every_argument_has_a_bound(name: str) -> None:
    schema = TOOLS[name].parameters
    assert list(unbounded(schema, name)) == []
    assert all(list(unbounded(inner, f"{name}.$defs")) == [] for inner in schema.get("$defs", {}).values())


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": {"type": "integer"}},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"type": "array", "maxItems": 3, "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
    ],
    ids=str,
)
def test_a_missing_bound_is_found(schema: Schema) -> None:
    assert list(unbounded(schema, "x"))


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


HUGE: Final[dict[str, object]] = {
    "empty objects": [{}] * 120_000,
    "empty lists": [[]] * 120_000,
    "numbers": list(range(120_000)),
    "texts": ["x"] * 60_000,
    "one text": "x" * 250_000,
    "text of brackets": "[" * 250_000,
    "JSON of objects": "[" + "{}," * 80_000 + "{}]",
    "JSON of names": "{" + ",".join(f'"{number}":0' for number in range(20_000)) + "}",
    "many names": {str(number): {} for number in range(25_000)},
    "a long name": {"x" * 250_000: 1},
    "names that are wrong": [{"user": "a", str(number): 1} for number in range(10_000)],
    "deep": nested(400),
    "deep objects": [{"a": {"b": [{"c": number}]}} for number in range(10_000)],
    "truths": [True] * 120_000,
    "nothings": [None] * 120_000,
}
"""Each fits into a request, but for the last few bytes."""


@pytest.mark.parametrize("name", TOOLS)
def test_no_argument_is_a_burden(name: str) -> None:
    surface = TOOLS[name].fn_metadata
    assert isinstance(surface, Surface)
    for argument in [*TOOLS[name].parameters["properties"], "no_such_argument"]:
        for kind, value in HUGE.items():
            with measured(memory=True) as cost, pytest.raises(InvalidArgument) as refused:
                surface.validate_arguments({argument: value})
            assert len(str(refused.value)) < 3_000
            assert cost.within(SECONDS), (argument, kind)
            assert cost.peak < BYTES, (argument, kind)


def test_no_number_of_arguments_is_a_burden() -> None:
    surface = TOOLS["create_team"].fn_metadata
    arguments = {f"argument_{number}": number for number in range(100_000)}

    told = "There are 100,000 arguments; no tool takes so many"
    with measured(memory=True) as cost, pytest.raises(InvalidArgument, match=told):
        surface.validate_arguments(arguments)
    assert cost.within(SECONDS)
    assert cost.peak < BYTES


@pytest.mark.asyncio
async def test_members_that_are_wrong_end_early() -> None:
    """The one that froze the server: 200,000 members without a name."""
    with measured() as cost:
        said = refusal_of(await call(steward_at(BASE_URL), "create_team", team_alias="x", members=[{}] * 200_000))
    assert cost.within(SECONDS)
    assert said == "members is too large: the arguments may hold 5,000 values in all. Nothing was sent."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"x": nested(30)}, "metadata must be nested at most 20 deep"),
        ({"x": "y" * 40_000}, "metadata must have at most 32,768 characters"),
        ({"x": [0] * 6_000}, "metadata is too large: the arguments may hold 5,000 values in all"),
        ({"x" * 301: 0}, "metadata holds a name of more than 300 characters"),
        ({str(number): 0 for number in range(51)}, "metadata must have at most 50 items"),
        ({"x": "y" * 5_000}, "metadata: must be at most 4,096 bytes of JSON"),
        ({"x": "\u00e9" * 1_000}, "metadata: must be at most 4,096 bytes of JSON"),
    ],
)
def test_metadata_is_small(value: object, said: str) -> None:
    for name in ("generate_key", "create_team"):
        needed = {"team_alias": "x"} if name == "create_team" else {}
        with pytest.raises(InvalidArgument) as refused:
            TOOLS[name].fn_metadata.validate_arguments({**needed, "metadata": value})
        assert str(refused.value).startswith(said)


def test_a_name_that_is_too_long_is_not_said_back() -> None:
    with pytest.raises(InvalidArgument) as refused:
        sizes.check_sizes({"sk-" + "a1" * 200: 1})
    assert "a1a1" not in str(refused.value)


def largest(schema: Schema) -> object:  # noqa: PLR0911
    """A value as large as its schema takes, of a kind that the tool may take, too."""
    if "anyOf" in schema:
        return largest(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            return "m" * min(schema["maxLength"], 255)
        case "array":
            rows = [largest(schema["items"]) for _ in range(schema["maxItems"])]
            return [f"{row[:-4]}{number:04}" if isinstance(row, str) else row for number, row in enumerate(rows)]
        case "object" if "properties" in schema:
            return {name: largest(inner) for name, inner in schema["properties"].items()}
        case "object":
            return {f"label_{number}": "v" * 40 for number in range(schema["maxProperties"])}
        case "boolean":
            return False
        case _:
            return schema.get("minimum", 1)


LARGEST: Final[list[tuple[str, tuple[str, ...]]]] = [
    ("generate_key", ("models", "aliases", "tags", "metadata")),
    ("create_team", ("team_alias", "models", "members", "metadata")),
    ("create_user", ("teams", "models")),
    ("create_model", ("model_name", "model", "api_base", "tags", "litellm_params", "fallback_for")),
    ("get_key_info", ("key",)),
    ("delete_key", ("key", "approval")),
    ("delete_model", ("model", "approval")),
    ("get_model_info", ("model",)),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "given"), LARGEST, ids=[name for name, _ in LARGEST])
async def test_the_largest_call_that_is_taken_is_no_burden(name: str, given: tuple[str, ...]) -> None:
    """Against a proxy that knows ten thousand models, all of them much alike."""
    properties = TOOLS[name].parameters["properties"]
    arguments = {argument: largest(properties[argument]) for argument in given}
    known = [{"id": f"{'m' * 100}-{number:05}", "object": "model"} for number in range(10_000)]
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{BASE_URL}/models").respond(json={"data": known})
        router.route().respond(404, json={"error": {"message": "not found", "code": "404"}})
        steward = steward_at(BASE_URL)
        with measured() as cost:
            result = await call(steward, name, **arguments)
    said = text_of(result) if result.is_error else str(facts_of(result))
    assert "fault of the steward" not in said
    assert cost.within(SECONDS), said[:300]


def test_the_bounds_are_not_beyond_what_a_request_may_hold() -> None:
    assert parameters.MODELS * parameters.NAME < 256 * 1024
    assert parameters.MEMBERS < sizes.VALUES
