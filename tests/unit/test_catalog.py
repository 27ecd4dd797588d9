"""The surface that every request of every user pays for: which tools, how described, how many tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.types import Tool

from litellm_steward.server import build_server
from litellm_steward.settings import Settings
from litellm_steward.steward import open_steward
from litellm_steward.tools.catalog import CATALOG
from tests.tokens import tokens

TEN = {
    "create_model", "create_team", "create_user", "delete_key", "delete_model",
    "generate_key", "get_key_info", "get_model_info", "get_team_info", "get_user_info",
}  # fmt: skip
MOST_FOR_CALLING = 3_500
MOST_IN_ALL = 9_000


async def listed() -> list[Tool]:
    settings = Settings(_env_file=None, litellm_base_url="http://127.0.0.1:9")
    async with open_steward(settings) as steward, Client(build_server(steward), cache=None) as client:
        return (await client.list_tools()).tools


def as_sent(tool: Tool) -> dict[str, Any]:
    return tool.model_dump(by_alias=True, exclude_none=True, mode="json")


@pytest.mark.asyncio
async def test_exactly_the_ten_tools_by_default() -> None:
    names = [tool.name for tool in await listed()]
    assert set(names) == TEN
    assert len(names) == 10


@pytest.mark.asyncio
async def test_the_list_is_within_its_token_budget() -> None:
    tools = [as_sent(tool) for tool in await listed()]
    calling = sum(tokens({part: tool[part] for part in ("name", "description", "inputSchema")}) for tool in tools)
    assert calling <= MOST_FOR_CALLING
    assert tokens({"tools": tools}) <= MOST_IN_ALL


@pytest.mark.asyncio
async def test_all_hints_are_explicit_and_agree_with_the_effect() -> None:
    effects = {spec.name: spec.effect for spec in CATALOG}
    for tool in await listed():
        hints = tool.annotations
        assert hints is not None
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert hints.read_only_hint is (effects[tool.name] == "reads") is tool.name.startswith("get_")
        assert hints.destructive_hint is (effects[tool.name] == "destroys") is tool.name.startswith("delete_")


@pytest.mark.asyncio
async def test_every_argument_is_described_and_strict() -> None:
    for tool in await listed():
        assert tool.description
        schema = tool.input_schema
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert not {"oneOf", "anyOf", "allOf", "not", "if"} & set(schema), "some hosts drop such tools"
        for name, argument in schema["properties"].items():
            assert argument.get("description"), f"{tool.name}.{name}"


@pytest.mark.asyncio
async def test_results_have_a_schema_without_nulls() -> None:
    def parts(schema: object) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            yield schema
            for inner in schema.values():
                yield from parts(inner)
        elif isinstance(schema, list):
            for inner in schema:
                yield from parts(inner)

    for tool in await listed():
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert not any(part.get("type") == "null" for part in parts(tool.output_schema)), tool.name
