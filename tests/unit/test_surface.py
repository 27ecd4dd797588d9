"""Between a tool function and an agent: arguments, schemas, results and errors. Nothing is sent anywhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, Field

from litellm_steward.errors import InvalidArgument, NotFound, StewardError
from litellm_steward.surface import build_tools
from litellm_steward.tools.catalog import CATALOG
from litellm_steward.tools.view import Answer, StewardContext, ToolSpec, View
from tests.stage import text_of
from tests.wire.toys import TOYS, Member, Toy

SECRET = "sk-secret-0123456789"


class Span(BaseModel):
    days: int

    def model_post_init(self, _: object) -> None:
        if self.days > 9:
            raise ValueError("at most nine days, as the rollup has no more.")


def tool_of(function: Callable[..., Any]) -> Tool:
    (tool,) = build_tools([ToolSpec(function, "A toy", "reads")])
    return tool


ECHO = build_tools(TOYS)[0]


def run(tool: Tool, arguments: dict[str, object]) -> CallToolResult:
    context: Any = None  # the toys used here ask nothing of it
    result = asyncio.run(tool.run(arguments, context, convert_result=True))
    assert isinstance(result, CallToolResult)
    return result


def accepted(**arguments: object) -> dict[str, object]:
    return ECHO.fn_metadata.validate_arguments(arguments)


def refused(**arguments: object) -> str:
    with pytest.raises(InvalidArgument) as problem:
        ECHO.fn_metadata.validate_arguments(arguments)
    return str(problem.value)


# ---- arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["null", "[1]", "123", "{}", "true", '"quoted"', "", " "])
def test_text_stays_text(text: str) -> None:
    assert accepted(text=text)["text"] == text
    assert accepted(title=text)["title"] == text


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("gpt-4o", ["gpt-4o"]),
        ('["a", "b"]', ["a", "b"]),
        ([], []),
        ("[]", []),
        (None, None),
        ("null", None),
    ],
)
def test_a_list_is_understood(sent: object, meant: object) -> None:
    assert accepted(models=sent)["models"] == meant


def test_an_object_is_understood() -> None:
    members = accepted(members='[{"user": "[1]", "role": "admin"}]')["members"]
    assert members == [Member(user="[1]", role="admin")]
    assert accepted(metadata='{"a": 1}')["metadata"] == {"a": 1}
    assert accepted(metadata="null")["metadata"] is None


def test_numbers_may_be_text() -> None:
    assert accepted(limit="50")["limit"] == 50
    assert accepted(max_budget="0.5")["max_budget"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"limit": 99}, "limit must be at most 50."),
        ({"limit": 0}, "limit must be at least 1."),
        ({"limit": "many"}, "limit must be a whole number."),
        ({"limit": 1.5}, "limit must be a whole number."),
        ({"max_budget": True}, "max_budget must be a number, not true or false."),
        ({"max_budget": -1}, "max_budget must be at least 0."),
        ({"max_budget": "nan"}, "max_budget must be a finite number."),
        ({"max_budget": "inf"}, "max_budget must be a finite number."),
        ({"metadata": {"a": False}}, "metadata.a must be a number, not true or false."),
        ({"kind": "robot"}, "kind must be 'internal' or 'customer'."),
        ({"text": 7}, "text must be text."),
        ({"models": 7}, "models must be a list."),
        ({"models": "[1"}, "models must be a list."),
        ({"models": ["a", 7]}, "models[1] must be text."),
        ({"members": [{}]}, "members[0].user is required."),
        ({"members": [{"user": "a", "role": "owner"}]}, "members[0].role must be 'admin' or 'user'."),
        (
            {"members": [{"user": "a", "rol": "user"}]},
            "members[0] has no field 'rol' (did you mean 'role'?); valid are: user, role, budget.",
        ),
    ],
)
def test_a_wrong_argument_is_a_sentence(arguments: dict[str, object], sentence: str) -> None:
    assert refused(**arguments) == sentence


def test_an_unknown_argument_lists_the_valid_ones() -> None:
    assert refused(modles=["a"], zzz=1).startswith(
        "There is no argument 'modles' (did you mean 'models'?), 'zzz'; valid are: text, title, models, members,"
    )


def test_a_missing_argument_is_named() -> None:
    need = build_tools(TOYS)[1]
    assert text_of(run(need, {})) == "key is required."


def test_many_problems_are_cut_short() -> None:
    assert refused(members=[{} for _ in range(20)]).endswith("And 12 more problems.")


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": [SECRET]},
        {"limit": SECRET},
        {"kind": SECRET},
        {"members": [SECRET]},
        {"members": [{"user": "a", SECRET: 1}]},
        {"metadata": {SECRET: SECRET}},
        {SECRET: 1},
    ],
)
def test_no_sentence_repeats_a_value(arguments: dict[str, object]) -> None:
    said = refused(**arguments)
    assert SECRET not in said
    assert "pydantic" not in said


def test_what_a_validator_of_ours_says_is_kept() -> None:
    async def tool(ctx: StewardContext, span: Span | list[int] | None = None) -> Toy:
        raise NotImplementedError

    built = tool_of(tool)
    assert text_of(run(built, {"span": {"days": 10}})).startswith("span: at most nine days, as the rollup has no more")
    assert text_of(run(built, {"span": "x"})) == "span must be an object or must be a list."


# ---- schemas -----------------------------------------------------------------------------------------


def everywhere(schema: object) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) else []
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    return found + [inner for value in inside for inner in everywhere(value)]


def test_the_input_schema_is_slim() -> None:
    properties = ECHO.parameters["properties"]
    assert ECHO.parameters["additionalProperties"] is False
    assert properties["text"] == {"type": "string", "description": "Anything"}
    assert properties["title"] == {"type": "string", "default": "none"}
    assert properties["limit"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 50,
        "default": 10,
        "description": "How many",
    }
    assert properties["members"]["items"]["properties"]["budget"] == {"type": "number"}
    assert "$defs" not in ECHO.parameters


def test_the_output_schema_is_slim() -> None:
    schema = ECHO.fn_metadata.output_schema
    assert schema == {
        "type": "object",
        "properties": {
            "says": {"type": "string", "description": "What it has to say"},
            "nothing": {"type": "string"},
            "budget": {"$ref": "#/$defs/Budget"},
            "earlier": {"$ref": "#/$defs/Budget"},
            "numbers": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        },
        "required": ["says"],
        "$defs": {
            "Budget": {"type": "object", "properties": {"max_budget": {"type": "number"}, "spend": {"type": "number"}}}
        },
    }


def test_a_recursive_answer_keeps_its_definition() -> None:
    class Node(View):
        name: str
        inside: list[Node] = []

    class Tree(Answer):
        root: Node
        names: dict[str, int | None] = {}

    async def tool(ctx: StewardContext) -> Tree:
        raise NotImplementedError

    Tree.model_rebuild(_types_namespace={"Node": Node})
    tool.__annotations__ = {"ctx": StewardContext, "return": Tree}
    schema = tool_of(tool).fn_metadata.output_schema or {}
    value = Tree(root=Node(name="a", inside=[Node(name="b")]), names={"x": None})
    jsonschema.validate(value.model_dump(mode="json", exclude_none=True), schema)
    assert list(schema["$defs"]) == ["Node"]


@pytest.mark.parametrize("spec", CATALOG, ids=lambda spec: spec.name)
def test_every_real_tool_has_schemas_that_hosts_accept(spec: ToolSpec) -> None:
    (tool,) = build_tools([spec])
    for schema in (tool.parameters, tool.fn_metadata.output_schema or {}):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf", "not", "if"} & schema.keys()
        for place in everywhere(schema):
            assert not isinstance(place.get("title"), str)
    assert tool.parameters["additionalProperties"] is False
    assert tool.description
    assert tool.description == tool.description.strip()
    assert tool.annotations is not None
    hints = tool.annotations.model_dump()
    assert None not in hints.values()
    assert hints["read_only_hint"] is (spec.effect == "reads")
    assert hints["destructive_hint"] is (spec.effect == "destroys")
    assert hints["idempotent_hint"] is (spec.effect != "creates")
    assert hints["open_world_hint"] is True


def test_no_two_tools_have_the_same_name() -> None:
    names = [spec.name for spec in CATALOG]
    assert sorted(names) == sorted(set(names))


# ---- results and errors ------------------------------------------------------------------------------


def test_a_result_says_the_same_twice() -> None:
    result = run(build_tools(TOYS)[1], {"key": "abc"})
    assert not result.is_error
    assert text_of(result) == "It says abc."
    assert result.structured_content == {"says": "abc", "numbers": []}


def failing(error: Exception, effect: Literal["reads", "creates"] = "reads") -> CallToolResult:
    async def tool(ctx: StewardContext, secret: str = SECRET) -> Toy:
        raise error

    (built,) = build_tools([ToolSpec(tool, "Fail", effect)])
    return run(built, {})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFound("No team is called x", near=("y",)), "No team is called x. Did you mean: y?"),
        (ExceptionGroup("", [StewardError("One"), StewardError("Two")]), "One."),
    ],
)
def test_a_known_error_is_told_as_it_is(error: Exception, expected: str) -> None:
    result = failing(error)
    assert (result.is_error, text_of(result)) == (True, expected)


@pytest.mark.parametrize(
    "error", [KeyError(SECRET), ExceptionGroup(SECRET, [ValueError(SECRET), StewardError("One")]), RuntimeError()]
)
def test_a_bug_is_reported_as_ours(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "litellm_steward"):
        result = failing(error)
    assert result.is_error
    assert text_of(result).startswith("tool failed through a fault of the steward itself, not of the arguments")
    number = text_of(result).partition("(incident ")[2][:8]
    (record,) = caplog.records
    assert f"Incident {number} in tool" in record.getMessage()
    assert type(error).__name__ in record.getMessage() or isinstance(error, ExceptionGroup)
    assert "test_surface.py" in record.getMessage() or isinstance(error, ExceptionGroup)
    assert record.exc_info is None
    assert SECRET not in record.getMessage() + text_of(result)


def test_a_bug_in_a_change_does_not_claim_that_nothing_happened() -> None:
    assert "may or may not have been made" in text_of(failing(KeyError(), "creates"))
    assert "may or may not have been made" not in text_of(failing(KeyError(), "reads"))


def test_a_protocol_error_stays_one() -> None:
    with pytest.raises(MCPError):
        failing(MCPError(code=-32602, message="no"))


def test_a_cancelled_call_stays_cancelled() -> None:
    async def tool(ctx: StewardContext) -> Toy:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(tool_of(tool), {})


def test_a_question_to_the_user_goes_through() -> None:
    question = InputRequiredResult(input_requests={}, request_state="x")

    async def tool(ctx: StewardContext) -> Toy | InputRequiredResult:
        return question

    context: Any = None
    assert asyncio.run(tool_of(tool).run({}, context, convert_result=True)) is question


@pytest.mark.parametrize("returns", [dict[str, str], Toy | dict[str, str], InputRequiredResult, Answer | Toy])
def test_a_tool_promises_one_kind_of_answer(returns: object) -> None:
    async def tool(ctx: StewardContext) -> Toy:
        raise NotImplementedError

    tool.__annotations__["return"] = returns
    with pytest.raises(TypeError, match="tool must return one kind of Answer"):
        tool_of(tool)


def test_a_tool_takes_the_context_and_annotated_parameters() -> None:
    async def without_context(limit: int) -> Toy:
        raise NotImplementedError

    async def shadowing(ctx: StewardContext, copy: Annotated[str, Field()]) -> Toy:
        raise NotImplementedError

    with pytest.raises(TypeError, match="takes the request's context"):
        tool_of(without_context)
    with pytest.raises(TypeError, match="copy needs an annotation, or another name"):
        tool_of(shadowing)


def test_the_schemas_are_json() -> None:
    for tool in build_tools(TOYS):
        json.dumps([tool.parameters, tool.fn_metadata.output_schema])
