"""A deployment is its id; what answers a name is what LiteLLM's router was seen to choose (1.83.14 and 1.110.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from litellm_steward import errors, model_catalog
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.router import Fallbacks
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.secret import ConstantSecret
from litellm_steward.wildcards import specificity

NO_DATABASE = {"detail": {"error": "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"}}
NO_ALIASES: Mapping[str, str] = {}


def row(name: str, model_id: str, model: str = "openai/m", **info: object) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model}, "model_info": {"id": model_id, **info}}


def catalog(*rows: dict[str, Any], aliases: Mapping[str, str] = NO_ALIASES, **router: object) -> ModelCatalog:
    settings = Fallbacks.model_validate({"aliases": aliases, **router})
    return ModelCatalog(tuple(Deployment.model_validate(r) for r in rows), settings)


GATEWAY = catalog(
    row("pat/*", "pat", "openai/*"),
    row("pat/x-*", "pat-x", "openai/*"),
    row("pat/x-1", "exact"),
    row("openai/*", "wild", "openai/*"),
    row("plain", "plain", "groq/some-model"),
    row("both", "unreached"),
    row("twin", "twin-1"),
    row("twin", "twin-2"),
    aliases={
        "a1": "plain",
        "a2": "a1",
        "both": "plain",
        "to-id": "exact",
        "to-pattern": "pat/x-7",
        "to-wildcard": "pat/*",
    },
    groups={"group": ("plain", "twin", "no-such"), "twin": ("plain",)},
    general=[{"*": ["plain"]}],
)


@pytest.mark.parametrize(
    ("name", "way", "ids"),
    [
        ("exact", "id", {"exact"}),
        ("pat/x-1", "name", {"exact"}),
        ("pat/x-2", "pattern", {"pat-x"}),
        ("pat/other", "pattern", {"pat"}),
        ("pat/*", "name", {"pat"}),
        ("openai/anything", "pattern", {"wild"}),
        ("a1", "alias", {"plain"}),
        ("both", "alias", {"plain"}),  # an alias goes before a deployment of the same name
        ("to-pattern", "alias", {"pat-x"}),
        ("to-wildcard", "alias", {"pat"}),
        ("group", "group", {"plain", "twin-1", "twin-2"}),
        ("twin", "name", {"twin-1", "twin-2"}),  # a deployment's name goes before a group of the same name
    ],
)
def test_the_router_is_followed(name: str, way: str, ids: set[str]) -> None:
    found = GATEWAY.covering(name)
    assert (found.way, {d.id for d in found.deployments}, found.certain) == (way, ids, True)


@pytest.mark.parametrize("name", ["gpt-4o", "a2", "to-id"])
def test_whether_litellm_knows_whose_model_it_is_decides(name: str) -> None:
    """``openai/*`` takes ``gpt-4o``; aliases of aliases and of ids are names like any other, which nobody knows."""
    found = GATEWAY.covering(name)
    assert not found.certain
    assert {"wild", "plain"} <= {d.id for d in found.deployments}


def test_a_name_that_nothing_has_goes_to_the_providers_name_then_to_the_default_fallback() -> None:
    rows = (row("plain", "p", "groq/some-model"), row("spare", "s"))
    with_default = catalog(*rows, general=[{"*": ["spare", "plain"]}])
    assert with_default.covering("groq/some-model").way == "provider model"
    assert [d.id for d in with_default.covering("no-such").deployments] == ["s"]
    assert not with_default.serves("no-such")
    assert catalog(*rows).covering("no-such").way == "nothing"


def test_every_name_of_a_deployment_is_told() -> None:
    assert GATEWAY.names_of("plain") == ("plain", "a1", "both", "group", "groq/some-model")
    assert GATEWAY.names_of("pat-x") == ("pat/x-*", "to-pattern")
    assert GATEWAY.names_of("no-such") == ()
    assert catalog(row("mine", "m", "azure/gpt-4o")).names_of("m") == ("mine", "azure/gpt-4o")


def test_patterns_are_tried_in_litellms_order() -> None:
    assert GATEWAY.patterns == ("pat/x-*", "openai/*", "pat/*")
    assert specificity("a.b*") > specificity("abc*")  # the dot is escaped


@pytest.mark.parametrize("shown", ["model_name_t1_6f0c", "teamy"])
def test_a_teams_model_has_its_public_name(shown: str) -> None:
    """1.83.14 shows the one that is stored, later releases the one that the team calls."""
    (deployment,) = catalog(row(shown, "t", team_id="t1", team_public_model_name="teamy")).deployments
    assert deployment.model_name == "teamy"


def test_a_name_that_only_looks_like_a_teams_stays() -> None:
    (deployment,) = catalog(row("model_name_t2_x", "t", team_id="t1", team_public_model_name="teamy")).deployments
    assert deployment.model_name == "model_name_t2_x"


# ---- reading -----------------------------------------------------------------------------------


async def read(answer: Callable[[httpx.Request], httpx.Response]) -> ModelCatalog:
    key = ConstantSecret("LITELLM_MASTER_KEY", SecretStr("sk-master"))
    async with Proxy("http://proxy.test", key, transport=httpx.MockTransport(answer)) as proxy:
        return await model_catalog.read(proxy)


def settings(**values: object) -> httpx.Response:
    return httpx.Response(200, json={"current_values": values})


@pytest.mark.asyncio
async def test_every_page_is_read_and_every_id_is_kept_once() -> None:
    """A deployment that moves to the next page while the list is read is there twice."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/router/settings":
            return settings(model_group_alias={"a": "one", "hidden": {"model": "one", "hidden": True}})
        number = int(request.url.params["page"])
        rows = [[row("one", "1"), row("two", "2")], [row("two", "2"), row("three", "3")]][number - 1]
        return httpx.Response(200, json={"data": rows, "total_pages": 2})

    found = await read(answer)
    assert [d.id for d in found.deployments] == ["1", "2", "3"]
    assert dict(found.router.aliases) == {"a": "one", "hidden": "one"}


@pytest.mark.asyncio
async def test_without_a_database_each_id_is_asked_for_its_own_name() -> None:
    """There ``/v2/model/info`` is refused, and ``/model/info`` expands wildcards and repeats ids for aliases."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/router/settings":
            return settings(model_group_alias={"finance": "plain"})
        if request.url.path == "/v2/model/info":
            return httpx.Response(500, json=NO_DATABASE)
        model_id = request.url.params.get("litellm_model_id")
        own = {"w": row("groq/*", "w", "groq/*"), "p": row("plain", "p")}
        listed = [row("groq/a", "w"), row("groq/b", "w"), row("plain", "p"), row("finance", "p")]
        return httpx.Response(200, json={"data": listed if model_id is None else [own[model_id]]})

    found = await read(answer)
    assert [(d.id, d.model_name) for d in found.deployments] == [("w", "groq/*"), ("p", "plain")]


@pytest.mark.asyncio
async def test_a_lost_database_is_an_error_and_no_reason_to_ask_otherwise() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/router/settings":
            return settings()
        return httpx.Response(500, json={"error": {"message": "Can't reach database server", "type": "None"}})

    with pytest.raises(errors.NoDatabase):
        await read(answer)
    assert "/model/info" not in asked


@pytest.mark.asyncio
async def test_a_key_that_may_not_read_the_router_still_sees_the_deployments() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/router/settings":
            return httpx.Response(403, json={"error": {"message": "not allowed", "type": "auth_error"}})
        return httpx.Response(200, json={"data": [row("one", "1")], "total_pages": 1})

    found = await read(answer)
    assert [d.id for d in found.deployments] == ["1"]
    assert found.router.unreadable
