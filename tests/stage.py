"""Run a tool as an agent would: arguments in, a tool result out, with a real or a played proxy behind it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import httpx
from mcp.types import CallToolResult, GetPromptResult, TextContent
from pydantic import SecretStr

from litellm_steward.settings import Settings
from litellm_steward.steward import Steward, make_steward
from litellm_steward.surface import build_tools
from litellm_steward.tools.catalog import CATALOG
from litellm_steward.tools.view import StewardContext
from tests.tape import MASTER_KEY

NOTHING: Mapping[str, object] = {}
TOOLS = {tool.name: tool for tool in build_tools(CATALOG)}


def settings_for(base_url: str, more: Mapping[str, object] = NOTHING) -> Settings:
    """Settings that owe nothing to the environment of the test."""
    given: dict[str, Any] = {"litellm_base_url": base_url, "litellm_master_key": SecretStr(MASTER_KEY), **more}
    return Settings(_env_file=None, **given)


def steward_at(
    base_url: str, transport: httpx.AsyncBaseTransport | None = None, settings: Mapping[str, object] = NOTHING
) -> Steward:
    """A steward of the proxy at this address."""
    return make_steward(settings_for(base_url, settings), transport)


def context_of(steward: Steward) -> StewardContext:
    """The context of a client that cannot be asked anything."""
    session = SimpleNamespace(client_params=None)
    request = SimpleNamespace(lifespan_context=steward, request=None, session=session)
    return cast(
        "StewardContext",
        SimpleNamespace(request_context=request, client_capabilities=None, protocol_version="2025-11-25"),
    )


async def call(steward: Steward, tool: str, **arguments: object) -> CallToolResult:
    """One tool call, through the same door as an MCP client's."""
    result = await TOOLS[tool].run(arguments, context_of(steward), convert_result=True)
    assert isinstance(result, CallToolResult)
    return result


def text_of(result: CallToolResult) -> str:
    """What a person reads."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def prompt_of(result: object) -> str:
    """What a prompt says: one message of a user."""
    assert isinstance(result, GetPromptResult)
    (message,) = result.messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


def facts_of(result: CallToolResult) -> dict[str, Any]:
    """What a program reads; fails with the error if the tool failed."""
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def refusal_of(result: CallToolResult) -> str:
    """The sentence of a tool that failed."""
    assert result.is_error, text_of(result)
    return text_of(result)


def scene_name(tool: str, arguments: Mapping[str, object], fault: str | None = None) -> str:
    """A recorded tool call's name is the call itself."""
    shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"{tool}({shown})" + (f", {fault}" if fault else "")
