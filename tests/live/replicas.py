"""Stewards of one gateway, spoken to in memory, and what their dangerous calls are about.

The server is built here, so that its clock can be moved and replicas can share a key.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic import SecretStr

from examples.gateway import UPSTREAM_API_KEY, FakeUpstream
from litellm_steward.server import build_server
from litellm_steward.settings import Settings
from litellm_steward.steward import make_steward
from litellm_steward.tools.catalog import CATALOG
from tests.live.harness import Answered, Era, Seeded

Person = Callable[[ElicitRequestParams], Awaitable[ElicitResult]]
SHARED: Final = "shared-between-replicas-0123456789"
ASKING: Final = ("delete_key", "delete_model", "create_model", "create_user")
FEW: Final = [spec for spec in CATALOG if spec.name in ASKING]
"""A server with few tools is built in a fraction of the time."""


@dataclass
class Replica:
    """One steward process: what it is told goes over MCP, its clock can be moved."""

    client: Client
    clock: list[float]

    async def __call__(self, tool: str, **arguments: object) -> Answered:
        return Answered.of(await self.client.call_tool(tool, arguments))


@asynccontextmanager
async def replica(
    gateway: Seeded, person: Person | None = None, era: Era = "auto", **more: object
) -> AsyncIterator[Replica]:
    async def asked(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert person is not None
        return await person(params)

    given: dict[str, Any] = {
        "litellm_base_url": gateway.running.base_url,
        "litellm_master_key": SecretStr(gateway.running.master_key),
        **more,
    }
    steward = make_steward(Settings(_env_file=None, **given))
    clock = [0.0]
    steward.approvals.clock = lambda: time.time() + clock[0]
    callback = asked if person is not None else None
    in_memory = Client(build_server(steward, FEW), mode=era, elicitation_callback=callback, cache=None)
    async with steward.proxy, in_memory as client:
        yield Replica(client, clock)


def state(gateway: Seeded) -> list[tuple[Any, ...]]:
    """Everything that an approved call could change, as the proxy's database has it."""
    return [
        *gateway.sql(
            'select token, key_alias, user_id, blocked, max_budget from "LiteLLM_VerificationToken" order by 1'
        ),
        *gateway.sql('select model_id, model_name from "LiteLLM_ProxyModelTable" order by 1'),
        *gateway.sql('select user_id, user_email, user_role, teams from "LiteLLM_UserTable" order by 1'),
    ]


@dataclass(frozen=True)
class Target:
    """Something to be destroyed, or made with somebody's secret or power: the call, and one that is not agreed to."""

    tool: str
    arguments: Mapping[str, object]
    others: tuple[Mapping[str, object], ...]
    """Arguments of calls that were not agreed to."""


@contextmanager
def target(gateway: Seeded, tool: str) -> Iterator[Target]:
    """Made for one test, and gone after it."""
    name = f"bypass-{time.monotonic_ns()}"
    with FakeUpstream() as upstream:
        if tool == "delete_key":
            for alias in (name, f"{name}-other"):
                gateway.admin("POST", "/key/generate", json={"key_alias": alias}).raise_for_status()
            made = Target(tool, {"key": name}, ({"key": f"{name}-other"},))
        elif tool == "delete_model":
            for model in (name, f"{name}-other"):
                params = {"model": "openai/bypass", "api_key": "sk-bypass-0123456789", "mock_response": "hi"}
                body = {"model_name": model, "litellm_params": params, "model_info": {"id": f"{model}-id"}}
                gateway.admin("POST", "/model/new", json=body).raise_for_status()
            made = Target(tool, {"model": f"{name}-id"}, ({"model": f"{name}-other-id"},))
        elif tool == "create_user":
            asked = {"user_id": name, "user_email": f"{name}@example.com", "user_role": "proxy_admin"}
            other: list[dict[str, object]] = [{"user_email": f"{name}@elsewhere.example"}, {"create_key": True}]
            made = Target(tool, asked, tuple({**asked, **change} for change in other))
        else:
            asked = {
                "model_name": name,
                "model": f"openai/{name}",
                "api_key": UPSTREAM_API_KEY,
                "api_base": upstream.base_url,
            }
            other = [{"api_base": f"{upstream.base_url}/elsewhere"}, {"verify": False}, {"rpm": 7}]
            made = Target(tool, asked, tuple({**asked, **change} for change in other))
        try:
            yield made
            assert UPSTREAM_API_KEY not in str([r.headers for r in upstream.received]) or tool != "create_model", (
                "the key was sent although nobody agreed"
            )
        finally:
            gateway.admin("POST", "/key/delete", json={"key_aliases": [name, f"{name}-other"]})
            for model_id in (f"{name}-id", f"{name}-other-id"):
                gateway.admin("POST", "/model/delete", json={"id": model_id})
            gateway.admin("POST", "/user/delete", json={"user_ids": [name]})


async def planned(steward: Replica, aim: Target) -> str:
    plan = (await steward(aim.tool, **aim.arguments)).ok()
    assert plan["status"] == "approval_required"
    return str(plan["approval"])


async def asleep(params: ElicitRequestParams) -> ElicitResult:
    """A person who does not answer a form."""
    await anyio.sleep_forever()
    raise AssertionError
