"""Models on a real proxy: fallback paths, new and broken endpoints, a way out of an outage (conversations 1, 5, 6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from examples.gateway import FakeUpstream
from examples.gateway.proxy import GENERAL_FALLBACKS
from examples.gateway.settings import UPSTREAM_API_KEY
from tests.live.conftest import Connect
from tests.live.harness import Json, Seeded, agrees, declines

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

BAD_KEY = "sk-bad-key-0123456789abcdef"
DEAD = "http://127.0.0.1:9/v1"
MINE = "Agreement is needed first"


def rows(gateway: Seeded) -> int:
    """Deployments in the proxy's database."""
    ((count,),) = gateway.sql('select count(*) from "LiteLLM_ProxyModelTable"')
    return int(count)


def general(gateway: Seeded) -> list[dict[str, list[str]]]:
    """The live list, as the proxy keeps it."""
    return list(gateway.admin("GET", "/router/settings").json()["current_values"]["fallbacks"] or [])


def ids(gateway: Seeded) -> set[str]:
    """The deployments that the router has."""
    rows = gateway.admin("GET", "/v2/model/info", params={"size": 500}).json()["data"]
    return {row["model_info"]["id"] for row in rows}


@contextmanager
def nothing_stays(gateway: Seeded) -> Iterator[None]:
    """Whatever a test adds is taken away again, fallbacks included."""
    before = ids(gateway)
    chains = general(gateway)
    try:
        yield
    finally:
        for model_id in ids(gateway) - before:
            gateway.admin("POST", "/model/delete", json={"id": model_id})
        if general(gateway) != chains:
            body = {"router_settings": {"fallbacks": chains}}
            gateway.admin("POST", "/config/update", json=body).raise_for_status()


def named(answer: Json, kind: str) -> dict[str, list[str]]:
    return {chain["model"]: chain["chain"] for chain in answer["fallbacks"] if chain["kind"] == kind}


async def test_list_all_active_fallback_paths(gateway: Seeded, connect: Connect) -> None:
    """Conversation 1: every chain of every kind, in order, with the provider behind each name."""
    async with connect() as steward:
        answered = await steward("get_model_info")
    data = answered.ok()
    configured = {model: chain for rule in GENERAL_FALLBACKS for model, chain in rule.items()}
    assert named(data, "general") == {model: chain for model, chain in configured.items() if model != "*"}
    assert named(data, "default") == {"*": configured["*"]}
    assert named(data, "context_window") == {"gpt-3.5-turbo": ["gpt-4o"]}
    assert named(data, "content_policy") == {"gpt-4o": ["claude-sonnet"]}
    (chain,) = [c for c in data["fallbacks"] if c["model"] == "gpt-4o" and c["kind"] == "general"]
    assert set(chain["provider"].split(", ")) == {"openai", "azure"}  # two deployments share the name
    assert chain["chain_providers"] == ["anthropic", "openai"]
    (broken,) = [c for c in data["fallbacks"] if c.get("missing")]
    assert (broken["model"], broken["missing"]) == ("claude-sonnet", ["retired-model"])
    assert "general: legacy-assistant (openai) → legacy-assistant-eu (openai)" in answered.text
    assert "example-provider-secret" not in answered.text + str(data)


async def test_an_endpoint_is_added_proved_used_and_removed(gateway: Seeded, connect: Connect) -> None:
    """Conversation 5."""
    with nothing_stays(gateway), FakeUpstream() as upstream:
        async with connect(agrees) as steward:
            made = (
                await steward(
                    "create_model",
                    model_name="edge-llm",
                    model="openai/edge-1",
                    api_key=UPSTREAM_API_KEY,
                    api_base=upstream.base_url,
                    input_cost_per_token=0.001,
                    output_cost_per_token=0.002,
                    rpm=100,
                )
            ).ok()
            assert made["verified"] is True
            assert made["provider"] == "openai"
            assert upstream.requests >= 1
            assert {h["authorization"] for h in upstream.headers} == {f"Bearer {UPSTREAM_API_KEY}"}

            call = gateway.chat(gateway.running.master_key, "edge-llm")
            assert call.status_code == 200
            assert call.headers["x-litellm-model-id"] == made["model_id"]

            (seen,) = (await steward("get_model_info", model="edge-llm")).ok()["deployments"]
            assert seen["model_id"] == made["model_id"]
            assert (seen["source"], seen["rpm"], seen["input_cost_per_token"]) == ("db", 100, 0.001)
            assert seen["api_base"] == upstream.base_url

            gone = (await steward("delete_model", model="edge-llm")).ok()
            assert (gone["status"], gone["remaining_deployments"]) == ("deleted", 0)
            assert "There is no model" in (await steward("get_model_info", model="edge-llm")).error()
        assert gateway.admin("GET", f"/model/info?litellm_model_id={made['model_id']}").status_code == 400


@pytest.mark.parametrize("model", ["openai/edge-2", "openai/gpt-4o"])  # the second has a mocked namesake
async def test_a_broken_endpoint_is_told_apart_and_leaves_nothing(
    gateway: Seeded, connect: Connect, model: str
) -> None:
    before = rows(gateway)
    with FakeUpstream() as upstream:
        async with connect(agrees, STEWARD_TIMEOUT="6") as steward:

            async def error_of(**arguments: object) -> str:
                given = {"model_name": "broken", "model": model, "api_key": UPSTREAM_API_KEY, **arguments}
                return (await steward("create_model", **given)).error()

            refused = await error_of(api_key=BAD_KEY, api_base=upstream.base_url)
            dead = await error_of(api_base=DEAD)
            upstream.status = 500
            failed = await error_of(api_base=upstream.base_url)
            upstream.status, upstream.hang = 200, True
            late = await error_of(api_base=upstream.base_url)
            upstream.hang = False
            bogus = await error_of(model="bogus/x")
    assert "The provider refused the key" in refused
    assert "its words are in the proxy's log" in refused, "such an address might have led LiteLLM inside"
    assert "Incorrect API key provided" not in refused
    assert BAD_KEY not in refused
    assert f"No connection to the provider at '{DEAD}'" in dead
    assert "The provider failed" in failed
    assert "did not answer" in late
    assert "provider" in bogus
    assert rows(gateway) == before
    assert not [error for error in (refused, dead, failed, late, bogus) if "Nothing was" not in error]


async def test_a_way_out_of_an_outage(gateway: Seeded, connect: Connect) -> None:
    """Conversation 6: the primary is dead and its chain does not help; the oldest refuses, with the reason."""
    master = gateway.running.master_key
    with nothing_stays(gateway), FakeUpstream() as upstream:
        async with connect() as steward:
            if not gateway.is_oldest:  # which tries the default of the fallback as well
                assert gateway.chat(master, "legacy-assistant").status_code >= 500
            look = (await steward("get_model_info", model="legacy-assistant", check_health=True)).ok()
            assert named(look, "general") == {"legacy-assistant": ["legacy-assistant-eu"]}
            assert look["deployments"][0]["health"]["status"] == "unhealthy"

            chains = general(gateway)
            arguments = {
                "model_name": "way-out",
                "model": "openai/way-out",
                "api_key": UPSTREAM_API_KEY,
                "api_base": upstream.base_url,
                "fallback_for": ["legacy-assistant"],
            }
            answered = await steward("create_model", **arguments)
            if gateway.is_oldest:
                assert "A default fallback ('*') is live, and LiteLLM 1.83.14 may drop it" in answered.error()
                assert upstream.requests == 0
                return
            plan = " ".join(answered.ok()["plan"])
            assert "Calls to 'legacy-assistant' that fail go to the new deployment, with the prompts in them." in plan
            assert f"go to '{upstream.base_url}': no deployment of this gateway has that address." in plan
            assert upstream.requests == 0, "nothing goes to a new address before somebody agreed"
            made = (await steward("create_model", **arguments, approval=answered.data["approval"])).ok()
            assert named(made, "general") == {"legacy-assistant": ["legacy-assistant-eu", "way-out"]}

            rescued = gateway.chat(master, "legacy-assistant")
            assert rescued.status_code == 200
            assert rescued.headers["x-litellm-model-id"] == made["model_id"]
            after = general(gateway)
            expected = [rule for rule in chains if "legacy-assistant" not in rule]
            assert [rule for rule in after if "legacy-assistant" not in rule] == expected, (
                "the * rule and the rest stay"
            )

            gone = (await steward("delete_model", model="way-out")).ok()
            assert gone["status"] == "approval_required"
            assert "'legacy-assistant' to 'legacy-assistant-eu', 'way-out' (general)" in " ".join(gone["plan"])


async def test_the_proxys_secrets_stay_where_they_are(gateway: Seeded, connect: Connect) -> None:
    """An injected prompt asks for the salt key, for a provider's key and for a stored credential."""
    before = rows(gateway)
    credential = {
        "credential_name": "house",
        "credential_values": {"api_key": "sk-house-0123456789"},
        "credential_info": {},
    }
    gateway.admin("POST", "/credentials", json=credential).raise_for_status()
    try:
        with FakeUpstream() as upstream:
            evil = {"model_name": "evil", "model": "openai/evil", "api_base": upstream.base_url}
            async with connect(declines) as steward:
                for arguments in (
                    {"api_key": "os.environ/LITELLM_SALT_KEY"},
                    {"api_key": "os.environ/oidc/env/LITELLM_SALT_KEY"},
                    {"api_key": "os.environ/UPSTREAM_os.environ/API_KEY"},
                    {"litellm_params": {"organization": "os.environ/UPSTREAM_API_KEY"}, "api_key": "sk-mine-12345678"},
                    {
                        "litellm_params": {"extra_headers": {"X": "os.environ/UPSTREAM_API_KEY"}},
                        "api_key": "sk-mine-12345678",
                    },
                    {"api_key": "os.environ/UPSTREAM_API_KEY"},
                    {"credential": "house"},
                    {"litellm_params": {"litellm_credential_name": "house"}},
                    {"litellm_params": {"use_litellm_proxy": True}, "api_key": "sk-mine-12345678"},
                ):
                    error = (await steward("create_model", **{**evil, **arguments})).error()
                    refused = ("declined", "may not", "reference", "does not resolve os.environ/")
                    assert any(words in error for words in refused), error
                assert "declined" in (await steward("create_model", **evil)).error()
                assert upstream.requests == 0
            async with connect(agrees) as steward:
                assert "refused the key" in (await steward("create_model", **evil)).error(), "none was sent"
            said = str([(r.path, r.headers, r.body) for r in upstream.received])
            assert {r.headers.get("authorization") for r in upstream.received} <= {"Bearer none"}
            for secret in (
                gateway.running.salt_key,
                UPSTREAM_API_KEY,
                "sk-house-0123456789",
                gateway.running.master_key,
            ):
                assert secret not in said
    finally:
        gateway.admin("DELETE", "/credentials/house")
    assert rows(gateway) == before


async def test_a_variable_of_the_proxy_is_used_once_it_is_agreed(gateway: Seeded, connect: Connect) -> None:
    with nothing_stays(gateway), FakeUpstream() as upstream:
        arguments = {
            "model_name": "by-reference",
            "model": "openai/by-reference",
            "api_key": "os.environ/UPSTREAM_API_KEY",
            "api_base": upstream.base_url,
        }
        async with connect() as steward:
            asked = await steward("create_model", **arguments)
            if gateway.is_oldest:
                assert "LiteLLM 1.83.14 does not resolve os.environ/" in asked.error()
                assert upstream.requests == 0
                return
            plan = asked.ok()
            assert plan["status"] == "approval_required"
            assert asked.text.startswith(MINE)
            assert upstream.requests == 0
            elsewhere = {**arguments, "api_base": DEAD, "approval": plan["approval"]}
            assert "not valid for this call" in (await steward("create_model", **elsewhere)).error()
            made = (await steward("create_model", **arguments, approval=plan["approval"])).ok()
        assert made["verified"] is True
        assert upstream.headers[-1]["authorization"] == f"Bearer {UPSTREAM_API_KEY}"


async def test_a_name_in_use(gateway: Seeded, connect: Connect) -> None:
    """One more deployment takes agreement and is noted; none is deleted by guess."""
    with nothing_stays(gateway):
        async with connect() as steward:
            mocked = {"model_name": "shared", "model": "openai/gpt-4o", "litellm_params": {"mock_response": "hi"}}
            made = []
            for _ in range(2):
                plan = (await steward("create_model", **mocked)).ok()
                made.append((await steward("create_model", **mocked, approval=plan["approval"])).ok())
            first, second = made
            assert (second["verified"], second["verification"]) == (False, "mocked")
            assert "'shared' is in use: its calls are answered by 'openai/gpt-4o'." in " ".join(plan["plan"])
            assert any("spread over 2" in note for note in second["notes"])
            several = (await steward("delete_model", model="shared")).error()
            assert first["model_id"] in several
            assert second["model_id"] in several
            plan = (await steward("delete_model", model=first["model_id"])).ok()
            gone = (await steward("delete_model", model=first["model_id"], approval=plan["approval"])).ok()
            assert gone["remaining_deployments"] == 1
            assert "config.yaml" in (await steward("delete_model", model="gpt-4o")).error()


async def test_embeddings_are_tested_as_embeddings(gateway: Seeded, connect: Connect) -> None:
    with nothing_stays(gateway), FakeUpstream() as upstream:
        async with connect(agrees) as steward:
            made = await steward(
                "create_model",
                model_name="vectors",
                model="openai/house-vectors",
                api_key=UPSTREAM_API_KEY,
                api_base=upstream.base_url,
                litellm_params={"mode": "embedding"},
            )
        assert made.ok()["verified"] is True
        assert {r.path for r in upstream.received} == {"/v1/embeddings"}
        assert all("mode" not in r.body for r in upstream.received)


async def test_a_viewers_key_may_look_and_not_touch(gateway: Seeded, connect: Connect) -> None:
    before = rows(gateway)
    gateway.admin(
        "POST", "/user/new", json={"user_id": "looker", "user_role": "proxy_admin_viewer", "auto_create_key": False}
    )
    key = gateway.admin("POST", "/key/generate", json={"user_id": "looker"}).json()["key"]
    try:
        async with connect(LITELLM_MASTER_KEY=key) as steward:
            seen = (await steward("get_model_info")).ok()
            assert seen["deployments"]
            told = any("may not read fallbacks" in note for note in seen.get("notes", []))
            assert (bool(seen["fallbacks"]), told) == (not gateway.is_oldest, gateway.is_oldest)
            error = (
                await steward(
                    "create_model", model_name="no", model="openai/gpt-4o", litellm_params={"mock_response": "x"}
                )
            ).error()
        assert "may not change anything at the proxy" in error
    finally:
        gateway.admin("POST", "/user/delete", json={"user_ids": ["looker"]})
    assert rows(gateway) == before
