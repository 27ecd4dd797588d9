"""Ten thousand calls with arguments of every kind: an answer or a sentence, never a fault of ours."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from litellm_steward.server import build_server
from tests.faults.arguments import Chaos
from tests.faults.plausible import Plausible
from tests.hostility import invisible
from tests.stage import context_of, steward_at
from tests.tape import BASE_URL, MASTER_KEY

pytestmark = pytest.mark.asyncio

Tell = Callable[[str, object], None]

CALLS: Final = 10_000
PARTS: Final = 4
"""Each with a seed of its own: what fails is found again in a quarter of the time."""

LONGEST: Final = 40_000
SETTINGS: Final = {"steward_toolsets": ("default", "spend"), "steward_approval": "auto"}


@pytest.mark.parametrize("seed", range(PARTS))
async def test_any_arguments(seed: int, record_property: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    for pauses in ("SOON", "RELOADED"):  # this proxy never loses what was deleted
        monkeypatch.setattr(f"litellm_steward.deployments.{pauses}", (0.0,) * 3)
    dice = random.Random(seed)  # noqa: S311 - chance, not a secret
    chaos, proxy = Chaos(dice), Plausible(dice)
    steward = steward_at(BASE_URL, httpx.MockTransport(proxy), SETTINGS)
    refused = 0
    server = build_server(steward)
    async with steward.proxy, Client(server, cache=None) as client:
        tools = (await client.list_tools()).tools
        for number in range(CALLS // PARTS):
            tool = tools[number % len(tools)]
            arguments = chaos.arguments(tool.input_schema)
            result: object
            if _can_be_sent(arguments):
                result = await client.call_tool(tool.name, arguments)  # which validates the answer, too
            else:
                result = await server.call_tool(tool.name, arguments, context_of(steward))
            assert isinstance(result, CallToolResult)
            refused += bool(result.is_error)
            wrong = _wrong(result)
            assert wrong is None, (f"seed {seed}, call {number}: {wrong}", tool.name, _short(arguments), _short(result))
        assert len(tools) == 14
        served = [await client.call_tool("get_model_info", {}) for _ in range(3)]
        assert any(result.structured_content for result in served), "and it still serves"
    told = f"{CALLS // PARTS} calls with seed {seed}: {refused} refused, {proxy.asked} requests to the proxy"
    record_property("told", told)
    assert 0.2 < refused / (CALLS // PARTS) < 0.9, "some of either kind, or nothing is tried"


def _can_be_sent(arguments: object) -> bool:
    """Half a character cannot leave the SDK's client; it can arrive all the same."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(result: CallToolResult) -> str | None:
    """What must not be in any answer."""
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    data = json.dumps(result.structured_content, ensure_ascii=False, allow_nan=False)
    shown = text + data
    if "fault of the steward itself" in text or "Traceback" in shown:
        return "a fault of ours"
    if MASTER_KEY in shown:
        return "a secret"
    if len(shown) > LONGEST:
        return f"{len(shown)} characters"
    hidden = set(invisible(shown.replace("\n", " ")))
    return f"characters that nobody sees: {hidden}" if hidden else None


def _short(value: Any) -> str:  # noqa: ANN401 - anything
    return repr(value)[:1500]
