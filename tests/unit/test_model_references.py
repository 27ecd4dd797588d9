"""What ``model`` may be: for looking, everything that leads to a deployment; for deleting, its own name or id."""

from __future__ import annotations

import pytest

from litellm_steward.errors import Ambiguous, NotFound
from litellm_steward.references.models import deployment_label, resolve_deployment, resolve_models, resolve_name
from litellm_steward.tools.model_plans import deletion_plan, endings, twins_of
from tests.unit.test_model_catalog import catalog, row

HERE, THERE = ({"api_base": f"https://{place}.example"} for place in ("here", "there"))

GATEWAY = catalog(
    row("groq/*", "wild", "groq/*"),
    row("openai/*", "open", "openai/*"),
    {**row("twin", "t1"), "litellm_params": {"model": "azure/x", **HERE}},
    {**row("twin", "t2"), "litellm_params": {"model": "azure/x", **THERE}},
    row("solo", "s", "azure/solo"),
    row("same", "same", "azure/same"),
    row("ours", "a", "azure/a", team_id="t-a"),
    row("ours", "b", "azure/b", team_id="t-b"),
    aliases={"finance": "twin", "fast": "groq/llama", "dead": "azure/gone", "one": "solo"},
    groups={"pool": ("solo", "twin"), "little": ("solo",)},
)


@pytest.mark.parametrize(
    ("reference", "ids"),
    [
        ("groq/*", {"wild"}),
        ("groq/anything", {"wild"}),
        ("TWIN", {"t1", "t2"}),
        ("finance", {"t1", "t2"}),
        ("Fast", {"wild"}),
        ("dead", set()),
        ("pool", {"s", "t1", "t2"}),
        ("azure/solo", {"s"}),
        ("t2", {"t2"}),
    ],
)
def test_everything_leads_to_what_answers(reference: str, ids: set[str]) -> None:
    assert {d.id for d in resolve_models(GATEWAY, reference).item} == ids


@pytest.mark.parametrize(
    ("reference", "said", "candidates"),
    [
        ("groq/anything", "the wildcard 'groq/*' takes its calls: 'groq/*' (id wild", 1),
        ("finance", "'finance' is an alias of 'twin'", 2),
        ("FINANCE", "'finance' is an alias of 'twin'", 2),
        ("fast", "'fast' is an alias of 'groq/llama'", 1),
        ("pool", "'pool' is a routing group", 3),
        ("azure/solo", "the provider's model of a deployment with another name: 'solo' (id s", 1),
        ("twin", "'twin' names 2 deployments", 2),
    ],
)
def test_what_is_behind_a_name_is_told_and_not_deleted(reference: str, said: str, candidates: int) -> None:
    with pytest.raises(Ambiguous) as refused:
        resolve_deployment(GATEWAY, reference)
    assert said in str(refused.value)
    assert len(refused.value.candidates) == candidates


@pytest.mark.parametrize(("reference", "model_id"), [("groq/*", "wild"), ("t1", "t1"), ("Solo", "s"), ("same", "same")])
def test_a_deployment_goes_by_its_own_name_or_id(reference: str, model_id: str) -> None:
    assert resolve_deployment(GATEWAY, reference).item.id == model_id


def test_what_nothing_serves_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"'dead' is an alias of 'azure/gone' .* nothing serves it"):
        resolve_deployment(GATEWAY, "dead")
    for resolve in (resolve_deployment, resolve_models, resolve_name):
        with pytest.raises(NotFound, match=r"There is no model 'gpt-9'\. The wildcard 'openai/\*' takes it if LiteLLM"):
            resolve(GATEWAY, "gpt-9")


def test_a_rule_may_name_whatever_calls_may() -> None:
    assert [resolve_name(GATEWAY, name).item for name in ("Solo", "finance", "pool", "groq/Any")] == [
        "solo",
        "finance",
        "pool",
        "groq/Any",
    ]


def test_twins_are_told_apart() -> None:
    twins = GATEWAY.named("twin")
    assert len({deployment_label(d).replace(d.id, "") for d in twins}) == 2
    assert "at https://here.example" in deployment_label(twins[0])
    (same,) = GATEWAY.named("same")
    assert deployment_label(same).startswith("'same' (id same, 'azure/same'")


def test_a_plan_says_what_becomes_of_every_name_that_goes() -> None:
    (solo,) = GATEWAY.named("solo")
    assert list(endings(GATEWAY, solo)) == ["solo", "one", "little", "azure/solo"], "the pool has others"
    told = " ".join(deletion_plan(GATEWAY, solo).lines)
    assert "its alias 'one'" in told
    assert "the routing group 'little'" in told
    assert "'pool'" not in told


def test_another_teams_model_of_the_same_name_takes_no_calls() -> None:
    ours, _ = GATEWAY.named("ours")
    assert twins_of(GATEWAY, ours) == []
    assert "It is the last one of that name." in deletion_plan(GATEWAY, ours).lines
