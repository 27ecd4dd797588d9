"""A deployment is its id: wildcards, aliases and twins on a real proxy, whose ``/model/info`` tells of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.live.conftest import Connect
from tests.live.harness import Json, Seeded, types
from tests.live.test_models import ids
from tests.tokens import tokens

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

KNOWN: Final = "groq/llama-3.1-8b-instant"
"""A model that LiteLLM knows of the provider, on every release."""
UNHEARD_OF: Final = "groq/canopylabs/some-model-of-next-year"
HERE, THERE = "http://127.0.0.1:9/here", "http://127.0.0.1:9/there"

ADDED: Final[Mapping[str, tuple[str, Json]]] = {
    "wild": ("groq/*", {"model": "groq/*", "mock_response": "any"}),
    "twin-1": ("azure-bm", {"model": "azure/gpt-4o", "mock_response": "1", "api_base": HERE}),
    "twin-2": ("azure-bm", {"model": "azure/gpt-4o", "mock_response": "2", "api_base": THERE}),
    "narrow": ("groq/openai/*", {"model": "groq/openai/*", "mock_response": "some"}),
    "solo": ("solo-bm", {"model": "azure/gpt-4o-mini", "mock_response": "3", "api_base": HERE}),
}
ALIASES: Final = {
    "finance-gpt": "azure-bm",
    "hidden-gpt": {"model": "solo-bm", "hidden": True},
    "fast-gpt": KNOWN,
    "dead-gpt": "azure/was-once",
}


@pytest.fixture
def added(gateway: Seeded) -> Iterator[Seeded]:
    """With a wildcard, one within it, twins and aliases; taken away again."""
    with deployed(gateway):
        yield gateway


@contextmanager
def deployed(gateway: Seeded) -> Iterator[None]:
    for model_id, (name, params) in ADDED.items():
        body = {
            "model_name": name,
            "litellm_params": {"api_key": "sk-none", **params},
            "model_info": {"id": model_id},
        }
        gateway.admin("POST", "/model/new", json=body).raise_for_status()
    set_router(gateway, model_group_alias=ALIASES)
    try:
        yield
    finally:
        set_router(gateway, model_group_alias={})
        for model_id in ADDED.keys() & ids(gateway):
            gateway.admin("POST", "/model/delete", json={"id": model_id}).raise_for_status()


def set_router(gateway: Seeded, **settings: Any) -> None:  # noqa: ANN401 - JSON
    """1.83.14 forgets what is not among the settings."""
    gateway.admin("POST", "/config/update", json={"router_settings": settings}).raise_for_status()


def reached(gateway: Seeded, name: str) -> str:
    """The deployment that answers a call."""
    return gateway.chat(gateway.running.master_key, name).headers["x-litellm-model-id"]


async def test_every_deployment_is_listed_once(added: Seeded, connect: Connect) -> None:
    """190 of "232 deployments" were one wildcard."""
    live = ids(added)
    async with connect() as steward:
        answered = await steward("get_model_info")
        seen, page = list[str](), answered.ok()
        while True:
            seen += [d["model_id"] for d in page["deployments"]]
            if "next_cursor" not in page:
                break
            page = (await steward("get_model_info", cursor=page["next_cursor"])).ok()
    data = answered.ok()
    assert sorted(seen) == sorted(live)
    assert data["total"] == len(live)
    assert tokens(data) <= 1_500
    assert {a["alias"]: a["model"] for a in data["aliases"]} == {**ALIASES, "hidden-gpt": "solo-bm"}
    assert "alias: finance-gpt → azure-bm" in answered.text


@pytest.mark.parametrize("name", [KNOWN, UNHEARD_OF])
async def test_a_name_under_a_wildcard_is_found_through_it(added: Seeded, connect: Connect, name: str) -> None:
    assert reached(added, name) == "wild"
    async with connect() as steward:
        data = (await steward("get_model_info", model=name)).ok()
        own = (await steward("get_model_info", model="groq/*")).ok()
    assert [(d["model_name"], d["model_id"]) for d in data["deployments"]] == [("groq/*", "wild")]
    assert f"Nothing is called '{name}'; the wildcard 'groq/*' takes its calls." in data["notes"]
    assert [d["model_id"] for d in own["deployments"]] == ["wild"]
    assert own["total"] == 1


@pytest.mark.parametrize("name", [KNOWN, UNHEARD_OF])
async def test_a_wildcard_goes_only_by_its_own_name(added: Seeded, connect: Connect, name: str) -> None:
    """Agreeing to the deletion of one model deleted all that ``groq/*`` serves."""
    async with connect(types("wild")) as steward:
        error = (await steward("delete_model", model=name)).error()
        assert "is no deployment of its own: the wildcard 'groq/*' takes its calls: 'groq/*' (id wild" in error
        assert "would end every name that it matches" in error
        assert "wild" in ids(added)
        gone = (await steward("delete_model", model="groq/*")).ok()
    assert (gone["status"], gone["model_id"], gone["remaining_deployments"]) == ("deleted", "wild", 0)
    assert "wild" not in ids(added)
    assert any("'fast-gpt'" in note for note in gone["notes"])


async def test_a_plan_says_what_becomes_of_every_name(added: Seeded, connect: Connect) -> None:
    async with connect() as steward:
        wild = " ".join((await steward("delete_model", model="wild")).ok()["plan"])
        solo = " ".join((await steward("delete_model", model="solo-bm")).ok()["plan"])
        narrow = (await steward("delete_model", model="groq/openai/*")).ok()
        told = " ".join(narrow["plan"])
        assert "every name that 'groq/openai/*' matches will go to the wildcard 'groq/*'" in told
        assert reached(added, "groq/openai/gpt-oss-20b") == "narrow"
        (await steward("delete_model", model="groq/openai/*", approval=narrow["approval"])).ok()
    assert ("until they are restarted" in told) is added.is_oldest
    left = "narrow" if added.is_oldest else "wild"  # the oldest release goes on matching with a pattern that is gone
    assert reached(added, "groq/openai/gpt-oss-20b") == left, "as the plan said"
    assert "every name that 'groq/*' matches and its alias 'fast-gpt'" in wild.replace(", its alias", " and its alias")
    assert "'solo-bm'" in solo
    assert "its alias 'hidden-gpt'" in solo
    assert "default fallback" in solo


async def test_an_alias_is_not_the_deployment_behind_it(added: Seeded, connect: Connect) -> None:
    """``azure-bm`` was not found, and ``finance-gpt`` planned the deletion of it."""
    async with connect() as steward:
        several = (await steward("delete_model", model="azure-bm")).error()
        alias = (await steward("delete_model", model="finance-gpt")).error()
        dead = (await steward("delete_model", model="dead-gpt")).error()
        seen = (await steward("get_model_info", model="finance-gpt")).ok()
        own = (await steward("get_model_info", model="azure-bm")).ok()
        one = (await steward("delete_model", model="twin-1")).ok()
        none = (await steward("get_model_info", model="dead-gpt")).ok()
    for said in (several, alias):
        assert f"(id twin-1, 'azure/gpt-4o' at {HERE})" in said
        assert f"(id twin-2, 'azure/gpt-4o' at {THERE})" in said
    assert "'finance-gpt' is an alias of 'azure-bm' and no deployment of its own" in alias
    assert "model_group_alias" in alias
    assert "nothing serves it" in dead
    assert "'finance-gpt' is an alias of 'azure-bm'." in seen["notes"]
    for data in (seen, own):
        assert {d["model_id"] for d in data["deployments"]} == {"twin-1", "twin-2"}
        assert [a["alias"] for a in data["aliases"]] == ["finance-gpt"]
    assert none["deployments"] == []
    assert "'dead-gpt' is an alias of 'azure/was-once', which nothing serves." in none["notes"]
    plan = " ".join(one["plan"])
    assert one["remaining_deployments"] == 2
    assert (
        f"1 other deployment of that name will take its calls: 'azure-bm' (id twin-2, 'azure/gpt-4o' at {THERE})"
        in plan
    )
    assert "finance-gpt" not in plan, "the other one serves it"


async def test_a_name_that_is_served_is_not_said_to_be_missing(added: Seeded, connect: Connect) -> None:
    """Of a key's models, and of a fallback's targets."""
    served = [KNOWN, UNHEARD_OF, "finance-gpt", "hidden-gpt", "fast-gpt", "groq/*"]
    chains = added.admin("GET", "/router/settings").json()["current_values"]["fallbacks"]
    more = [*chains, {"solo-bm": [KNOWN, "finance-gpt", "dead-gpt", "no-such-model"]}]
    set_router(added, fallbacks=more, model_group_alias=ALIASES)
    try:
        async with connect() as steward:
            made = (await steward("generate_key", models=[*served, "no-such-model"], max_budget=1)).ok()
            seen = (await steward("get_model_info", model="solo-bm")).ok()
    finally:
        set_router(added, fallbacks=chains, model_group_alias=ALIASES)
    added.admin("POST", "/key/delete", json={"keys": [made["key_id"]]}).raise_for_status()
    about = [note for note in made["notes"] if any(f"'{name}'" in note for name in [*served, "no-such-model"])]
    assert len(about) == 1
    assert "'no-such-model'" in about[0]
    (chain,) = [c for c in seen["fallbacks"] if c["model"] == "solo-bm"]
    assert chain["missing"][0] == "dead-gpt"
    assert set(chain["missing"]) <= {"dead-gpt", "no-such-model"}
    assert chain["chain_providers"][:2] == ["groq", "azure"]
