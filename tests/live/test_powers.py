"""What a key or a team that an agent made has no power to do, whoever it is made for: on real proxies."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import anyio
import httpx
import pytest

from examples.gateway import SUPPORTED, Silent
from examples.gateway.install import install
from examples.gateway.settings import default_home
from litellm_steward.errors import Refused
from litellm_steward.key_routes import CALLS
from litellm_steward.labels import check_labels
from tests.live.conftest import Connect
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]


def _holder_of(gateway: Seeded, key: str) -> httpx.Client:
    return httpx.Client(base_url=gateway.running.base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def _asked(gateway: Seeded, key: str) -> dict[str, int]:
    """What the proxy answers to a key that should not have the powers for most of it."""
    with _holder_of(gateway, key) as client:
        return {
            "call a model": gateway.chat(key, "gpt-4o").status_code,
            "list models": client.get("/v1/models").status_code,
            "read itself": client.get("/key/info").status_code,
            "list keys": client.get("/key/list").status_code,
            "list users": client.get("/user/list").status_code,
            "make a key": client.post("/key/generate", json={}).status_code,
            "make an administrator": client.post(
                "/user/new", json={"user_id": "escalated", "user_role": "proxy_admin", "auto_create_key": False}
            ).status_code,
            "make a model": client.post(
                "/model/new", json={"model_name": "escalated", "litellm_params": {"model": "openai/x", "api_key": "x"}}
            ).status_code,
        }


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer"])
async def test_a_key_has_none_of_its_owners_powers(gateway: Seeded, connect: Connect, role: str) -> None:
    """A key that the proxy itself makes for an administrator can do what the master key can."""
    owner = f"powerful-{time.monotonic_ns()}"
    user = {"user_id": owner, "user_role": role, "auto_create_key": False}
    gateway.admin("POST", "/user/new", json=user).raise_for_status()
    plain = gateway.admin("POST", "/key/generate", json={"user_id": owner}).json()["key"]
    try:
        with _holder_of(gateway, plain) as client:
            assert client.get("/key/list").is_success, "else there is nothing to confine"
        async with connect() as steward:
            made = (await steward("generate_key", key_alias=f"{owner}-key", user=owner)).ok()
            seen = (await steward("get_key_info", key=f"{owner}-key")).ok()
        assert made["allowed_routes"] == seen["allowed_routes"] == list(CALLS)
        assert any("none of those powers" in note for note in made["notes"])
        asked = _asked(gateway, made["key"])
        assert [what for what, status in asked.items() if status == 200] == ["call a model", "list models"]
        assert {status for status in asked.values() if status != 200} <= {401, 403}
    finally:
        gateway.admin("POST", "/user/delete", json={"user_ids": [owner, "escalated"]})


async def test_a_key_calls_models_and_changes_nothing(gateway: Seeded, connect: Connect) -> None:
    """A key that the proxy itself makes for any user makes further keys without a budget, and deletes others."""
    owner, alias = f"ordinary-{time.monotonic_ns()}", f"ordinary-key-{time.monotonic_ns()}"
    plain = {"user_id": owner, "key_alias": f"{alias}-plain", "max_budget": 1}
    async with connect() as steward:
        first = (await steward("create_user", user_id=owner, create_key=True)).ok()
        second = (await steward("generate_key", key_alias=alias, user=owner, max_budget=100)).ok()
        third = (await steward("generate_key", key_alias=f"{alias}-team", team="Marketing")).ok()
    with _holder_of(gateway, gateway.admin("POST", "/key/generate", json=plain).json()["key"]) as client:
        assert client.post("/key/generate", json={}).is_success, "else there is nothing to confine"
        assert client.post("/key/delete", json={"key_aliases": [f"{alias}-plain"]}).is_success
    try:
        for made in (first, second, third):
            asked = _asked(gateway, made["key"])
            assert {what for what, status in asked.items() if status == 200} == {"call a model", "list models"}
            assert {status for status in asked.values() if status != 200} <= {401, 403}, asked
            with _holder_of(gateway, made["key"]) as client:
                assert client.post("/key/delete", json={"keys": [second["key_id"]]}).status_code in (401, 403)
                raised = {"key": made["key"], "max_budget": 10_000}
                assert client.post("/key/update", json=raised).status_code in (401, 403)
    finally:
        gateway.admin("POST", "/key/delete", json={"key_aliases": [alias, f"{alias}-team"]})
        gateway.admin("POST", "/user/delete", json={"user_ids": [owner]})


LOGGED_ELSEWHERE: Final[dict[str, Any]] = {
    "logging": [
        {
            "callback_name": "langsmith",
            "callback_type": "success",
            "callback_vars": {"langsmith_api_key": "x", "langsmith_base_url": "http://127.0.0.1:9"},
        }
    ]
}


@pytest.mark.parametrize(
    "metadata",
    [
        LOGGED_ELSEWHERE,
        {"allow_client_pricing_override": True},
        {"note": "os.environ/LITELLM_MASTER_KEY"},
        {"priority": "high"},
        {"disable_fallbacks": True},
        {"password_reset_required": True},
        {"Enable_Prompt_Caching": True},
    ],
)
async def test_metadata_is_no_way_to_set_what_litellm_acts_on(
    gateway: Seeded, connect: Connect, metadata: dict[str, object]
) -> None:
    name = f"labelled-{time.monotonic_ns()}"
    async with connect() as steward:
        for tool, arguments in (("generate_key", {"key_alias": name}), ("create_team", {"team_alias": name})):
            said = (await steward(tool, **arguments, metadata=metadata)).error()
            assert "Nothing was created" in said
            assert gateway.running.master_key not in said
    assert gateway.sql('select count(*) from "LiteLLM_VerificationToken" where key_alias = %s', name) == [(0,)]
    assert gateway.sql('select count(*) from "LiteLLM_TeamTable" where team_alias = %s', name) == [(0,)]


LISTED: Final = """
import json
from litellm.proxy import _types
names = {*_types.LiteLLM_ManagementEndpoint_MetadataFields, *_types.LiteLLM_ManagementEndpoint_MetadataFields_Premium}
names |= set(getattr(_types, "LiteLLM_Reserved_Metadata_Fields", ()))
try:
    from litellm.proxy.management_endpoints.team_admin_field_permissions import PROXY_CONTROLLED_TEAM_METADATA_KEYS
except ImportError:
    PROXY_CONTROLLED_TEAM_METADATA_KEYS = ()
names |= set(PROXY_CONTROLLED_TEAM_METADATA_KEYS)

import litellm, pathlib, re
READ = re.compile(
    r"(?:(?:key|team|token)_metadata|(?:key|team|user_api_key|token)\\w*[._](?:team_)?metadata)\\w*"
    r"(?:\\s*or\\s*{})?\\)?(?:\\.get\\(\\s*|\\[)[\\x22\\x27](\\w+)[\\x22\\x27]"
)
for source in (pathlib.Path(litellm.__file__).parent / "proxy").rglob("*.py"):
    names |= set(READ.findall(source.read_text(encoding="utf-8")))
print(json.dumps(sorted(names)))
"""
"""The names that a release itself counts as its own in metadata, and those that its code asks a key's or team's for."""

HARMLESS: Final = {
    "mcp_rpm_limit",
    "model_itpm_limit",
    "model_otpm_limit",
    "model_rpm_limit",
    "model_tpm_limit",
    "spend_logs_metadata",
    "tag_rpm_limit",
    "tags",
}
"""Of these, those that only label or bound."""


@pytest.mark.parametrize("version", SUPPORTED)
async def test_every_name_that_litellm_counts_as_its_own_was_judged(version: str) -> None:
    """A new release with a new name fails here, and somebody decides."""
    python = install(default_home(), version, Silent()).venv / "bin" / "python"
    found = await anyio.run_process([str(python), "-c", LISTED])
    names = json.loads(found.stdout.decode().splitlines()[-1])
    assert {"guardrails", "priority", "tags"} <= set(names), "they are found in its code, too"
    assert [name for name in names if name not in HARMLESS and not _refused(name)] == []
    assert [name for name in HARMLESS if _refused(name)] == []


def _refused(name: str) -> bool:
    try:
        check_labels({name: True})
    except Refused:
        return True
    return False
