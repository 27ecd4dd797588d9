"""What a client sees, over each transport and in both protocol eras."""

from __future__ import annotations

import asyncio

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS

from tests.stage import text_of
from tests.wire.conftest import Connection
from tests.wire.toys import TOYS

pytestmark = pytest.mark.asyncio


async def test_a_conversation(connection: Connection) -> None:
    # One connection for all of it: starting a process is the slow part.
    async with connection as client:
        await lists_the_tools(client)
        await answers_with_text_and_data(client)
        await reports_progress(client)
        await tells_errors(client)
        await refuses_what_does_not_exist(client)
        await keeps_concurrent_calls_apart(client)


async def lists_the_tools(client: Client) -> None:
    assert client.server_info is not None
    assert client.server_info.name == "litellm-steward"
    assert client.server_info.title == "LiteLLM Steward"
    assert client.server_info.version
    assert 0 < len(client.instructions or "") <= 2048
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [spec.name for spec in TOYS if spec.toolset == "default"]
    for tool in tools:
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"


async def answers_with_text_and_data(client: Client) -> None:
    # The SDK's client validates structured content against the advertised schema.
    result = await client.call_tool("need", {"key": "null"})
    assert not result.is_error
    assert text_of(result) == "It says null."
    assert result.structured_content == {"says": "null", "numbers": []}


async def reports_progress(client: Client) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    await client.call_tool("count_up", {"to": 3}, progress_callback=listen)
    assert heard == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]


async def tells_errors(client: Client) -> None:
    for name, arguments, expected in (
        ("refuse", {"text": "late"}, "It is late. Say something else."),
        ("need", {}, "key is required."),
        ("need", {"kye": "sk-1"}, "There is no argument 'kye' (did you mean 'key'?); valid are: key. key is required."),
        ("extra", {}, "extra belongs to the toolset more, which is not enabled: set STEWARD_TOOLSETS=default,more"),
        ("crash", {}, "crash failed through a fault of the steward itself"),
        ("lie", {}, "lie failed through a fault of the steward itself"),
    ):
        result = await client.call_tool(name, arguments)
        assert result.is_error
        assert text_of(result).startswith(expected)
        assert result.structured_content is None
        assert "sk-" not in text_of(result)


async def refuses_what_does_not_exist(client: Client) -> None:
    with pytest.raises(MCPError, match="Unknown tool: 'nedd'; did you mean need") as unknown:
        await client.call_tool("nedd", {})
    assert unknown.value.error.code == INVALID_PARAMS
    with pytest.raises(MCPError, match="Unknown prompt: 'audit'") as prompt:
        await client.get_prompt("audit")
    assert prompt.value.error.code == INVALID_PARAMS


async def keeps_concurrent_calls_apart(client: Client) -> None:
    said = [f"key-{number}" for number in range(20)]
    results = await asyncio.gather(*(client.call_tool("need", {"key": key}) for key in said))
    assert [text_of(result) for result in results] == [f"It says {key}." for key in said]
