"""Ten thousand calls with arguments of every kind: an answer or a sentence, never a fault of ours."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import CallToolResult, TextContent

from litellm_steward.server import build_server
from tests.faults.arguments import arguments
from tests.faults.plausible import Plausible
from tests.hostility import invisible
from tests.stage import TOOLS, context_of, steward_at
from tests.tape import BASE_URL, MASTER_KEY

Tell = Callable[[str, object], None]
Call = Callable[[str, dict[str, Any]], Any]

CALLS: Final = 10_000
OF_EACH: Final = -(-CALLS // len(TOOLS))

LONGEST: Final = 40_000
SETTINGS: Final = {"steward_toolsets": ("default", "spend"), "steward_approval": "auto"}


@pytest.mark.timeout(600)  # to make a failing call smaller takes longer than to find it
@pytest.mark.parametrize("tool", TOOLS)
def test_any_arguments(tool: str, record_property: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same calls in every run: what fails is found again, and made smaller by Hypothesis."""
    for pauses in ("SOON", "RELOADED"):  # this proxy never loses what was deleted
        monkeypatch.setattr(f"litellm_steward.deployments.{pauses}", (0.0,) * 3)
    proxy, tally = Plausible(), {True: 0, False: 0}
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_served(proxy)) as call:

        @settings(max_examples=OF_EACH, suppress_health_check=list(HealthCheck))
        @given(given_to=arguments(TOOLS[tool].parameters), luck=st.integers(0, 2**32))
        def calls(given_to: dict[str, Any], luck: int) -> None:
            proxy.dice = random.Random(repr((luck, given_to)))  # noqa: S311 - chance, not a secret
            result = portal.call(call, tool, given_to)
            assert isinstance(result, CallToolResult)
            tally[bool(result.is_error)] += 1
            wrong = _wrong(result)
            assert wrong is None, (wrong, _short(result))

        calls()
        served = [portal.call(call, "get_model_info", {}) for _ in range(3)]
    assert any(result.structured_content for result in served), "and it still serves"
    made = sum(tally.values())
    assert made >= OF_EACH
    assert min(tally.values()) > made / 50, f"some of either kind, or nothing is tried: {tally}"
    told = f"{made} fuzzed calls of {tool}: {tally[True]} refused, {proxy.asked} requests to the proxy"
    record_property("told", told)


@asynccontextmanager
async def _served(proxy: Plausible) -> AsyncIterator[Call]:
    """A server and a client of it, which validates the answers, too."""
    steward = steward_at(BASE_URL, httpx.MockTransport(proxy), SETTINGS)
    server = build_server(steward)
    async with steward.proxy, Client(server, cache=None) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS) == 14

        async def call(tool: str, given_to: dict[str, Any]) -> object:
            if _can_be_sent(given_to):
                return await client.call_tool(tool, given_to)
            return await server.call_tool(tool, given_to, context_of(steward))

        yield call


def _can_be_sent(given_to: object) -> bool:
    """Half a character cannot leave the SDK's client; it can arrive all the same."""
    try:
        json.dumps(given_to, ensure_ascii=False).encode()
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
