"""Secrets of every kind, in every place that a secret can come from; and conversations that go by all of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from mcp import Client, MCPError

from examples.gateway import UPSTREAM_API_KEY, FakeUpstream
from litellm_steward.text import hash_key
from tests.canaries import Canaries
from tests.live.harness import Answered, Seeded
from tests.live.overheard import BODIES, HEADERS, HTTP, RESULTS, Speaker

DEAD: Final = "http://127.0.0.1:9/v1"
NEVER_SHOWN: Final = (
    "metadata of a key",
    "metadata of a team",
    "metadata of a user",
    "stored credential",
    "password in a stored address",
    "key in a stored address",
    "key of a stored model",
    "canned answer of a model",
    "prompt in the request log",
    "answer in the request log",
    "address in the request log",
    "traceback in the request log",
)


@dataclass
class Planted:
    """What the proxy was given beforehand, by names that a test can use."""

    canaries: Canaries
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    keys: dict[str, str] = field(default_factory=dict)

    def name(self, what: str) -> str:
        return f"canary-{what}-{self.tag}"


@asynccontextmanager
async def planted(gateway: Seeded, canaries: Canaries) -> AsyncIterator[Planted]:
    """Put one of each kind into the proxy, and take it all out again."""
    there = Planted(canaries)
    canaries.plant("master key", gateway.running.master_key, may_be=[HEADERS])
    canaries.plant("variable of the proxy", UPSTREAM_API_KEY, may_be=[BODIES])  # given to create_model as well
    canaries.plant("salt key", gateway.running.salt_key)
    hidden = {kind: canaries.plant(kind) for kind in NEVER_SHOWN}
    with FakeUpstream() as upstream:
        try:
            _make(gateway, there, hidden, upstream)
            yield there
        finally:
            _clear(gateway, there)


def _make(gateway: Seeded, there: Planted, hidden: dict[str, str], upstream: FakeUpstream) -> None:
    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = gateway.admin("POST", path, json=body)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    team = post("/team/new", {"team_alias": there.name("team"), "metadata": {"note": hidden["metadata of a team"]}})
    user = {"user_id": there.name("user"), "metadata": {"note": hidden["metadata of a user"]}, "auto_create_key": False}
    post("/user/new", user)
    for what in ("looked-at", "deleted"):
        alias = there.name(what)
        body = {"key_alias": alias, "team_id": team["team_id"], "metadata": {"note": hidden["metadata of a key"]}}
        raw = post("/key/generate", body)["key"]
        tried = [HEADERS] if what == "deleted" else []  # once, by its owner, to see that it is refused
        there.keys[what] = there.canaries.plant(f"key that is {what}", raw, may_be=tried)
    caller = {"user_id": there.name("caller"), "user_role": "proxy_admin_viewer", "auto_create_key": False}
    post("/user/new", caller)
    raw = post("/key/generate", {"key_alias": there.name("caller"), "user_id": caller["user_id"]})["key"]
    there.keys["caller's"] = there.canaries.plant("caller's key", raw, may_be=[HEADERS])
    values = {"api_key": hidden["stored credential"]}
    post("/credentials", {"credential_name": there.name("house"), "credential_values": values, "credential_info": {}})
    password, query = hidden["password in a stored address"], hidden["key in a stored address"]
    stored = {
        "model": "openai/canary",
        "api_key": hidden["key of a stored model"],
        "api_base": f"https://boss:{password}@example.com/v1?sig={query}",
        "mock_response": hidden["canned answer of a model"],
    }
    post("/model/new", {"model_name": there.name("canned"), "litellm_params": stored})
    quoted = there.canaries.plant("key that a provider quotes", prefix="sk-")
    sick = {"model": "openai/canary-sick", "api_key": quoted, "api_base": upstream.base_url}
    post("/model/new", {"model_name": there.name("sick"), "litellm_params": sick})
    _log(gateway, there, hidden, quoted)


def _log(gateway: Seeded, there: Planted, hidden: dict[str, str], quoted: str) -> None:
    """A failed request, as a proxy logs it that keeps prompts: copied from one that was really made."""
    error = {
        "error_code": "401",
        "error_class": "AuthenticationError",
        "error_message": f"litellm.AuthenticationError: OpenAIException - Incorrect API key provided: {quoted}.",
        "traceback": f'Traceback (most recent call last):\n  File "/srv/{hidden["traceback in the request log"]}.py"',
    }
    changed = {
        "request_id": there.name("request"),
        "api_key": hash_key(there.keys["looked-at"]),
        "startTime": datetime.now(UTC).isoformat(),
        "endTime": datetime.now(UTC).isoformat(),
        "messages": {"content": hidden["prompt in the request log"]},
        "response": {"content": hidden["answer in the request log"]},
        "requester_ip_address": hidden["address in the request log"],
        "metadata": {"error_information": error, "requester_ip_address": hidden["address in the request log"]},
    }
    copy_row(gateway, "LiteLLM_SpendLogs", "status = 'failure'", changed)


def copy_row(gateway: Seeded, table: str, like: str, changed: dict[str, Any]) -> None:
    """One more row, like one that is there but for ``changed``."""
    row = f'jsonb_populate_record(null::"{table}", to_jsonb(t) || %s::jsonb)'
    gateway.change(
        f'insert into "{table}" select ({row}).* from "{table}" t where {like} limit 1',  # noqa: S608 - ours
        json.dumps(changed),
    )


def _clear(gateway: Seeded, there: Planted) -> None:
    gateway.change('delete from "LiteLLM_SpendLogs" where request_id = %s', there.name("request"))
    for deployment in gateway.admin("GET", "/v2/model/info", params={"size": 500}).json()["data"]:
        if there.tag in deployment["model_name"]:
            gateway.admin("POST", "/model/delete", json={"id": deployment["model_info"]["id"]})
    gateway.admin("DELETE", f"/credentials/{there.name('house')}")
    pattern = f"%{there.tag}%"
    aliases = [alias for (alias,) in gateway.sql(_KEYS, pattern)]
    gateway.admin("POST", "/key/delete", json={"key_aliases": aliases})
    users = [user_id for (user_id,) in gateway.sql(_USERS, pattern)]
    gateway.admin("POST", "/user/delete", json={"user_ids": users})
    teams = [team_id for (team_id,) in gateway.sql(_TEAMS, pattern)]
    gateway.admin("POST", "/team/delete", json={"team_ids": teams})


_KEYS: Final = 'select key_alias from "LiteLLM_VerificationToken" where key_alias like %s'
_USERS: Final = 'select user_id from "LiteLLM_UserTable" where user_id like %s'
_TEAMS: Final = 'select team_id from "LiteLLM_TeamTable" where team_alias like %s'


# ---- conversations -----------------------------------------------------------------------------


async def look_at_everything(steward: Speaker, there: Planted) -> None:
    """Every tool, prompt and resource that reads."""
    month = f"{datetime.now(UTC):%Y-%m}"
    seen = [
        await steward("get_key_info", key=there.keys["looked-at"]),
        await steward("get_key_info", key=there.name("deleted")),
        await steward("get_team_info", team=there.name("team")),
        await steward("get_user_info", user=there.name("user")),
        await steward("get_model_info", model=there.name("canned")),
        await steward("get_model_info", model=there.name("sick"), check_health=True),
        await steward("get_model_info", limit=200),
        await steward("audit_keys", limit=50),
        await steward("budget_watch", threshold=0.1),
        await steward("find_requests", status="failure", key=there.name("looked-at")),
        await steward("find_requests", limit=50),
        report := await steward("spend_report", group_by=["key"], format="csv"),
    ]
    assert not [answer.text for answer in seen if answer.is_error]
    assert any("AuthenticationError" in answer.text for answer in seen), "the failed request is really shown"
    await steward.client.read_resource(report.data["csv"]["uri"])
    await steward.client.get_prompt("monthly_spend_review", {"month": month})
    given = {"team_or_user": there.name("team"), "period": "today"}
    await steward.client.get_prompt("explain_spend_change", given)


async def misplace_keys(steward: Speaker, there: Planted) -> None:
    """A raw key wherever a name is expected: it is not sent on, and not repeated."""
    key = there.canaries.plant("key in place of a name", prefix="sk-")
    for tool, arguments in (
        ("get_user_info", {"user": key}),
        ("get_user_info", {"user": key, "kind": "customer"}),
        ("get_team_info", {"team": key}),
        ("get_model_info", {"model": key}),
        ("get_key_info", {"key": f"Bearer {key}"}),
        ("get_key_info", {"key": f'"{key}"'}),
        ("get_key_info", {"key": key}),
        ("delete_model", {"model": key}),
        ("generate_key", {"key_alias": key}),
        ("generate_key", {"team": key}),
        ("generate_key", {"user": key}),
        ("generate_key", {"key_alias": there.name("never"), "models": [key]}),
        ("create_team", {"team_alias": key}),
        ("create_team", {"team_alias": there.name("never"), "members": [{"user": key}]}),
        ("create_user", {"user_id": key}),
        ("create_user", {"user_email": key}),
        ("create_user", {"user_id": there.name("never"), "teams": [key]}),
        ("create_user", {"user_id": key, "kind": "customer"}),
        ("create_model", {"model_name": key, "model": "openai/x"}),
        ("create_model", {"model_name": there.name("never"), "model": "openai/x", "credential": key}),
        ("create_model", {"model_name": there.name("never"), "model": "openai/x", "fallback_for": [key]}),
        ("spend_report", {"group_by": ["model"], "customer": key}),
        ("spend_report", {"group_by": ["model"], "tag": key}),
        ("spend_report", {"group_by": ["model"], "team": key}),
        ("find_requests", {"model": key}),
        ("find_requests", {"customer": key}),
        ("find_requests", {"user": key}),
        ("find_requests", {"cursor": key}),
        ("audit_keys", {"team": key}),
        ("audit_keys", {key: 1}),
        ("delete_key", {"key": there.keys["looked-at"], "approval": key}),
    ):
        answered = await steward(tool, **arguments)
        assert answered.is_error or tool == "get_key_info", (tool, arguments, answered.text)
    for arguments in ({"team_or_user": key, "period": "today"}, {"team_or_user": "x", "period": key}, {key: "x"}):
        with suppress(MCPError):
            await steward.client.get_prompt("explain_spend_change", arguments)
    address = there.canaries.plant("key in a resource's address", prefix="sk-", may_be=[RESULTS])
    with suppress(MCPError):  # the protocol wants the address in the error
        await steward.client.read_resource(f"litellm-steward://reports/{address}")


async def make_keys(steward: Speaker, there: Planted) -> None:
    (await steward("generate_key", key_alias=there.name("made"))).ok()
    (await steward("create_user", user_id=there.name("made"), create_key=True)).ok()
    (await steward("create_team", team_alias=there.name("made"))).ok()
    given = there.canaries.plant("metadata given to a tool", may_be=[BODIES])
    (await steward("generate_key", key_alias=there.name("noted"), metadata={"password": given})).ok()


async def delete_a_key(steward: Speaker, there: Planted, what: str = "deleted") -> None:
    """By its raw form, so that it is also tried out afterwards."""
    plan = (await steward("delete_key", key=there.keys[what])).ok()
    token = there.canaries.plant("approval token", plan["approval"], may_be=[RESULTS, HTTP])
    (await steward("delete_key", key=there.keys[what], approval=token)).ok()


async def make_models(steward: Speaker, there: Planted, upstream: FakeUpstream) -> None:
    """A provider's secrets in every field that takes one; some work, some fail, some need agreement."""
    plant = there.canaries.plant

    async def make(what: str, model: str = "openai/canary", **arguments: object) -> Answered:
        return await steward("create_model", model_name=there.name(what), model=model, **arguments)

    async def agreed(what: str, model: str = "openai/canary", **arguments: object) -> Answered:
        plan = (await make(what, model, **arguments)).ok()
        assert plan["status"] == "approval_required", plan
        token = plant("approval token", plan["approval"], may_be=[RESULTS, HTTP])
        return await make(what, model, **arguments, approval=token)

    for what, prefix in (("provider key", "sk-"), ("provider key of no known shape", "")):
        key = plant(what, prefix=prefix, may_be=[BODIES])
        assert (await agreed("refused", api_key=key, api_base=upstream.base_url)).is_error
        assert (await agreed("refused", api_key=key, api_base=DEAD)).is_error
    (await agreed("good", "openai/good", api_key=UPSTREAM_API_KEY, api_base=upstream.base_url)).ok()
    mocked = {"mock_response": "x"}
    aws = {"aws_access_key_id": plant("AWS key id", prefix="AKIA", may_be=[BODIES])}
    aws |= {"aws_secret_access_key": plant("AWS secret", may_be=[BODIES])}
    (await agreed("aws", "bedrock/anthropic.claude-3-haiku", litellm_params={**aws, **mocked})).ok()
    vertex = json.dumps({"type": "service_account", "private_key": plant("Vertex private key", may_be=[BODIES])})
    for what, params in {
        "vertex": {"vertex_credentials": vertex},
        "vertex-object": {"vertex_credentials": json.loads(vertex)},
        "azure": {"azure_ad_token": plant("Azure token", may_be=[BODIES])},
        "secret": {"client_secret": plant("client secret", may_be=[BODIES])},
        "password": {"azure_password": plant("Azure password", may_be=[BODIES])},
        "headers": {"extra_headers": {"X-Custom": plant("secret in extra_headers", may_be=[BODIES])}},
        "body": {"extra_body": {"deep": [{"er": plant("secret in extra_body", may_be=[BODIES])}]}},
        "address": {"weird_url": f"https://h/?password={plant('password in a parameter', may_be=[BODIES])}"},
    }.items():
        await agreed(what, litellm_params={**params, **mocked})
        (await steward("get_model_info", model=there.name(what))).ok()
    await misplace_provider_secrets(make, there, upstream)


async def misplace_provider_secrets(make: Any, there: Planted, upstream: FakeUpstream) -> None:  # noqa: ANN401 - a closure
    """In addresses, in wrong types, and beside a stored credential that is to go elsewhere."""
    plant = there.canaries.plant
    password = plant("password in api_base", may_be=[BODIES])
    query = plant("key in the query of api_base", may_be=[BODIES])
    wrong = plant("value of a wrong type")
    cases: list[dict[str, Any]] = [
        {"api_base": f"http://u:{password}@127.0.0.1:9/v1", "api_key": "sk-anything-else"},
        {"api_base": f"ftp://u:{password}@h"},
        {"litellm_params": {"weird_url": f"https://u:{password}@h/"}},
        {"api_base": f"{DEAD}?sig={query}", "api_key": "sk-anything-else"},
        {"api_base": f"{upstream.base_url}?key={query}", "credential": there.name("house")},
        {"api_base": f"{upstream.base_url}?key={query}", "api_key": "os.environ/UPSTREAM_API_KEY"},
        {"rpm": wrong},
        {"tags": {"a": wrong}},
        {"litellm_params": '{"api_key": "' + wrong},
        {"litellm_params": {"api_key": [wrong]}},
        {"litellm_params": {f"sk-{wrong}": 1}},
        {"api_key": [wrong]},
        {"api_key": f"two words {wrong}"},
        {f"sk-{wrong}": wrong},
    ]
    for arguments in cases:
        await make("misplaced", **arguments)


async def wrong_admin_keys(client: Client) -> None:
    """The proxy quotes a key that it refuses."""
    for tool, arguments in (("get_model_info", {}), ("get_key_info", {"key": "x"}), ("generate_key", {})):
        assert (await client.call_tool(tool, arguments)).is_error
