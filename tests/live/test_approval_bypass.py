"""Every way around an agreement that we could think of, on real proxies: refused, and nothing is changed there.

The server is built here and spoken to in memory, so that its clock can be moved and replicas can share a key.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.types import METHOD_NOT_FOUND, CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult
from pydantic import SecretStr

from examples.gateway import UPSTREAM_API_KEY, FakeUpstream
from litellm_steward import approval
from litellm_steward.approval import LIFETIME
from litellm_steward.server import build_server
from litellm_steward.settings import Settings
from litellm_steward.steward import make_steward
from litellm_steward.tools.catalog import CATALOG
from tests.live.harness import Answered, Era, Seeded
from tests.stage import facts_of, refusal_of

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

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


@pytest.mark.parametrize("tool", ASKING)
async def test_tokens_that_nobody_was_given(gateway: Seeded, tool: str) -> None:
    """None, invented, changed by a character, stretched, of another process, and expired."""
    with target(gateway, tool) as aim:
        before = state(gateway)
        async with replica(gateway) as steward, replica(gateway) as stranger:
            assert (await steward(tool, **aim.arguments)).ok()["status"] == "approval_required"
            assert (await steward(tool, **aim.arguments, approval="")).ok()["status"] == "approval_required"
            token = await planned(steward, aim)
            expires, nonce, seal = token.split(".")
            later = f"{int(expires, 16) + 3600:x}"
            forged = [
                "yes",
                "approved",
                "..",
                f"{expires}.{nonce}.",
                f"{expires}.{nonce}.{'0' * len(seal)}",
                f"{later}.{nonce}.{seal}",
                f"{expires}.{nonce[::-1]}.{seal}",
                f"{token}0",
                token.upper() if token.upper() != token else f"{token}x",
                f"{expires}.{nonce}.{seal}.{seal}",
                "\u202e" + token,
                "0" * 200,  # the longest that is taken at all
                await planned(stranger, aim),
            ]
            for attempt in forged:
                said = (await steward(tool, **aim.arguments, approval=attempt)).error()
                assert "Nothing was changed" in said, attempt
            steward.clock[0] = LIFETIME + 1
            assert "has expired" in (await steward(tool, **aim.arguments, approval=token)).error()
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_a_token_serves_no_other_call(gateway: Seeded, tool: str) -> None:
    with target(gateway, tool) as aim, target(gateway, "delete_key") as key, target(gateway, "delete_model") as model:
        before = state(gateway)
        async with replica(gateway) as steward:
            token = await planned(steward, aim)
            for other in aim.others:
                assert "Nothing was changed" in (await steward(tool, **other, approval=token)).error()
            for another in (key, model):
                said = (await steward(another.tool, **another.arguments, approval=token)).error()
                assert "not valid for this call" in said
        assert state(gateway) == before


async def test_a_token_is_spent_once(gateway: Seeded) -> None:
    """Also when a key with the same alias is made anew: it is another key."""
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            token = await planned(steward, aim)
            assert (await steward("delete_key", **aim.arguments, approval=token)).ok()["status"] == "deleted"
            gateway.admin("POST", "/key/generate", json={"key_alias": aim.arguments["key"]}).raise_for_status()
            before = state(gateway)
            said = (await steward("delete_key", **aim.arguments, approval=token)).error()
            assert "Nothing was changed" in said
        assert state(gateway) == before


@pytest.mark.parametrize(
    "change", [{"key_alias": "moved-elsewhere"}, {"user_id": "maria"}, {"max_budget": 5}, {"models": ["gpt-4o"]}]
)
async def test_a_target_that_changed_since_is_not_what_was_agreed_to(
    gateway: Seeded, change: dict[str, object]
) -> None:
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            plan = (await steward("delete_key", **aim.arguments)).ok()
            plan = (await steward("delete_key", key=plan["key_id"])).ok()  # its alias may be another one soon
            moved = {"key": plan["key_id"], **change}
            gateway.admin("POST", "/key/update", json=moved).raise_for_status()
            before = state(gateway)
            said = (await steward("delete_key", key=plan["key_id"], approval=plan["approval"])).error()
            assert "its target has changed since" in said
            assert state(gateway) == before
        gateway.admin("POST", "/key/delete", json={"keys": [plan["key_id"]]})


async def test_spend_and_use_do_not_make_a_token_void(gateway: Seeded) -> None:
    """A leaked key is in use while it is being revoked."""
    with target(gateway, "delete_key") as aim:
        async with replica(gateway) as steward:
            plan = (await steward("delete_key", **aim.arguments)).ok()
            body = {"key": plan["key_id"], "spend": 12.5}
            gateway.admin("POST", "/key/update", json=body).raise_for_status()
            done = await steward("delete_key", **aim.arguments, approval=plan["approval"])
            assert done.ok()["status"] == "deleted"


def answers(action: str, word: str | None = None) -> Person:
    async def person(params: ElicitRequestParams) -> ElicitResult:
        content = None if word is None else {"confirm": word}
        return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    return person


UNWILLING: Final[dict[str, tuple[Person, str]]] = {
    "declined": (answers("decline"), "The user declined"),
    "closed": (answers("cancel"), "closed the form"),
    "a wrong word": (answers("accept", "yes"), "is not"),
    "nothing typed": (answers("accept", ""), "is not"),
    "accepted without the word": (answers("accept"), "is not"),
}


@pytest.mark.parametrize("era", ["auto", "legacy"])
@pytest.mark.parametrize("tool", ASKING)
async def test_a_person_who_does_not_agree(gateway: Seeded, tool: str, era: Era) -> None:
    with target(gateway, tool) as aim:
        before = state(gateway)
        for person, words in UNWILLING.values():
            async with replica(gateway, person, era) as steward:
                said = (await steward(tool, **aim.arguments)).error()
                assert words in said
                assert "Nothing was changed" in said
        assert state(gateway) == before


async def _asleep(params: ElicitRequestParams) -> ElicitResult:
    await anyio.sleep_forever()
    raise AssertionError


async def _does_not_know_forms(params: ElicitRequestParams) -> ElicitResult:
    raise MCPError(code=METHOD_NOT_FOUND, message="Method not found")


@pytest.mark.parametrize("mode", ["auto", "elicit"])
@pytest.mark.parametrize(("person", "said"), [(_asleep, "Nobody answered"), (_does_not_know_forms, "with an error")])
async def test_a_client_that_says_that_it_shows_forms_and_does_not(
    gateway: Seeded, mode: str, person: Person, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call ends all the same, and there is no token with which the agent could agree by itself."""
    monkeypatch.setattr(approval, "FORM_WAITS", 0.2)
    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with replica(gateway, person, "legacy", steward_approval=mode) as steward:
            answer = (await steward("delete_key", **aim.arguments)).error()
        assert said in answer
        assert "so nobody agreed. Nothing was changed." in answer
        assert state(gateway) == before


@pytest.mark.parametrize(
    "keys", [(SHARED, SHARED), (SHARED, SHARED[::-1]), (None, None)], ids=["one key", "two", "none"]
)
async def test_a_form_that_one_replica_showed_is_answered_to_another(
    gateway: Seeded, keys: tuple[str | None, str | None]
) -> None:
    """As after a restart. It works once, and only where both have one key."""
    settings: list[dict[str, Any]] = [{"steward_approval_key": SecretStr(key)} if key else {} for key in keys]
    with target(gateway, "delete_key") as aim:
        name = str(aim.arguments["key"])
        before = state(gateway)
        async with replica(gateway, _asleep, **settings[0]) as one, replica(gateway, _asleep, **settings[1]) as two:
            shown = await one.client.session.call_tool("delete_key", dict(aim.arguments), allow_input_required=True)
            assert isinstance(shown, InputRequiredResult)

            async def answered(to: Replica) -> CallToolResult:
                return await to.client.session.call_tool(
                    "delete_key",
                    dict(aim.arguments),
                    input_responses={"approval": ElicitResult(action="accept", content={"confirm": name})},
                    request_state=shown.request_state,
                )

            done = await answered(two)
            if keys[0] is None or keys[0] != keys[1]:
                assert "all need the same STEWARD_APPROVAL_KEY" in refusal_of(done)
                assert state(gateway) == before
                return
            assert facts_of(done)["status"] == "deleted"
            for again in (await answered(one), await answered(two)):
                assert again.is_error


async def test_an_approval_of_one_gateway_serves_no_other(gateway: Seeded) -> None:
    """Of two names of one proxy, each is another gateway to the steward."""
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    elsewhere = gateway.running.base_url.replace("127.0.0.1", "localhost")
    assert elsewhere != gateway.running.base_url
    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with (
            replica(gateway, **shared) as staging,
            replica(gateway, **shared, litellm_base_url=elsewhere) as production,
        ):
            plan = (await staging("delete_key", **aim.arguments)).ok()
            assert plan["plan"][-1] == f"Gateway: '{gateway.running.base_url}'."
            said = (await production("delete_key", **aim.arguments, approval=plan["approval"])).error()
            assert "not valid for this call" in said
        assert state(gateway) == before


async def test_a_call_that_is_given_up_while_the_form_is_open(gateway: Seeded) -> None:
    opened, ended = anyio.Event(), list[Answered]()

    async def asleep(params: ElicitRequestParams) -> ElicitResult:
        opened.set()
        await anyio.sleep_forever()
        raise AssertionError

    with target(gateway, "delete_key") as aim:
        before = state(gateway)
        async with replica(gateway, asleep, "legacy") as steward, anyio.create_task_group() as tasks:

            async def call() -> None:
                ended.append(await steward("delete_key", **aim.arguments))

            tasks.start_soon(call)
            with anyio.fail_after(30):
                await opened.wait()
            tasks.cancel_scope.cancel()
        assert ended == []
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_a_mode_that_takes_a_persons_word_only(gateway: Seeded, tool: str) -> None:
    with target(gateway, tool) as aim:
        before = state(gateway)
        async with replica(gateway) as planning, replica(gateway, steward_approval="elicit") as steward:
            token = await planned(planning, aim)
            for attempt in ({}, {"approval": token}, {"approval": "yes"}):
                assert (await steward(tool, **aim.arguments, **attempt)).is_error
        assert state(gateway) == before


@pytest.mark.parametrize("tool", ASKING)
async def test_two_replicas_that_share_a_key(gateway: Seeded, tool: str) -> None:
    """Each takes the other's token; what one has done, the other does not do again."""
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    with target(gateway, tool) as aim:
        async with replica(gateway, **shared) as one, replica(gateway, **shared) as two:
            token = await planned(one, aim)
            if tool == "create_model":  # what it makes would send the key, which this suite forbids
                wrong = (await two(tool, **aim.others[0], approval=token)).error()
                assert "not valid for this call" in wrong
                return
            done = "created" if tool == "create_user" else "deleted"
            assert (await two(tool, **aim.arguments, approval=token)).ok()["status"] == done
            before = state(gateway)
            assert (await one(tool, **aim.arguments, approval=token)).is_error
            assert (await two(tool, **aim.arguments, approval=token)).is_error
        assert state(gateway) == before


async def test_a_replica_does_not_make_a_second_deployment(gateway: Seeded) -> None:
    shared: dict[str, Any] = {"steward_approval_key": SecretStr(SHARED)}
    with FakeUpstream() as upstream:
        arguments = {
            "model_name": f"twice-{time.monotonic_ns()}",
            "model": "openai/twice",
            "api_key": UPSTREAM_API_KEY,
            "api_base": upstream.base_url,
        }
        async with replica(gateway, **shared) as one, replica(gateway, **shared) as two:
            plan = (await one("create_model", **arguments)).ok()
            made = (await one("create_model", **arguments, approval=plan["approval"])).ok()
            try:
                before = state(gateway)
                said = (await two("create_model", **arguments, approval=plan["approval"])).error()
                assert "its target has changed since" in said
                assert state(gateway) == before
            finally:
                gateway.admin("POST", "/model/delete", json={"id": made["model_id"]})
