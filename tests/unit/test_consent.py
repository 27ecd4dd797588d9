"""What an injected prompt would try in order to get other people's calls, to spoil them, or to have secrets sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from litellm_steward import consent
from litellm_steward.api.models import Deployment
from litellm_steward.api.router import Fallbacks
from litellm_steward.deployment_request import NewDeployment, new_deployment
from litellm_steward.environment import find_references
from litellm_steward.errors import InvalidArgument
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.settings import Settings

EVIL = "https://evil.example/v1"
OURS = "https://ours.example/v1"
MINE = "sk-mine-12345678"
SETTINGS = Settings(_env_file=None)


def asked(model: str = "openai/x", *, name: str = "new", key: str | None = None, **params: Any) -> NewDeployment:  # noqa: ANN401
    """A deployment that asks nobody, but for what the test gives it."""
    return new_deployment(name, model, {}, {**({"api_key": key} if key else {}), **params})


def deployed(
    name: str = "gpt", model: str = "openai/gpt-4o", info: dict[str, object] | None = None, **params: object
) -> Deployment:
    row = {"model_name": name, "litellm_params": {"model": model, **params}}
    return Deployment.model_validate({**row, "model_info": {"id": f"id of {name} {model}", **(info or {})}})


def gateway(*deployments: Deployment, **router: Any) -> ModelCatalog:  # noqa: ANN401
    return ModelCatalog(deployments or (deployed(),), Fallbacks.model_construct(**router))


def facts(new: NewDeployment, catalog: ModelCatalog | None = None, *sources: str) -> tuple[str, ...]:
    fields = {"model_name": new.model_name, "model": new.model, **new.params}
    return consent.facts(new, catalog or gateway(), sources, find_references(fields, SETTINGS))


@pytest.mark.parametrize(
    ("new", "catalog"),
    [
        (asked(), gateway()),
        (asked(temperature=0.1, timeout=30, weight=2, max_tokens=10, tags=["eu"], rpm=10), gateway()),
        (asked(mock_response="see https://example.com"), gateway()),
        (asked(key="none", api_base=OURS), gateway(deployed(api_base=OURS))),
        (asked(api_base=f"{OURS}/"), gateway(deployed(api_base=OURS))),
        (asked(max_budget=5, budget_duration="1d"), gateway()),
        (asked("bedrock/x", aws_region_name="eu-central-1"), gateway(deployed(model="bedrock/x"))),
        (asked(), gateway(general=[("a", ("gpt",))], aliases={"b": "gpt"})),
        (asked("openai/text-embedding-3-small"), gateway(deployed(model="openai/ada"))),
    ],
)
def test_what_gives_nothing_away_and_concerns_nobody_asks_nobody(new: NewDeployment, catalog: ModelCatalog) -> None:
    assert facts(new, catalog) == ()


WILD = gateway(deployed("anthropic/*", "anthropic/*"), deployed())
NAMES: list[tuple[str, ModelCatalog, str]] = [
    ("gpt", gateway(), "'gpt' is in use: its calls are answered by 'openai/gpt-4o'"),
    ("gpt", gateway(deployed(api_base=OURS)), f"'openai/gpt-4o' at '{OURS}'"),
    ("anthropic/claude-opus-9", WILD, "The pattern 'anthropic/*' takes calls to 'anthropic/claude-opus-9' today"),
    ("anthropic/claude-opus-9", WILD, "LiteLLM prefers the exact name to a pattern: all of them go to the new"),
    ("gpt-4o-mini", gateway(deployed("openai/*", "openai/*")), "The pattern 'openai/*' may take calls to 'gpt-4o-m"),
    ("gpt-4o-mini-2024", gateway(deployed("*-mini", "openai/*")), "The pattern '*-mini'"),
    ("anything", gateway(deployed("*", "openai/*")), "The pattern '*' takes calls to 'anything' today"),
    ("groq/*", gateway(), "'groq/*' is a pattern: it takes calls to all names"),
    ("*", gateway(), "'*' is a pattern"),
    ("openai/g*", gateway(deployed("openai/*", "openai/*")), "'openai/g*' is a pattern"),
    ("openai/gpt-4o", gateway(deployed("ours")), "'openai/gpt-4o' is the provider's name of a model"),
    ("fast", gateway(aliases={"fast": "gpt"}), "'fast' is an alias, whose calls are answered by 'openai/gpt-4o'"),
    ("old", gateway(aliases={"fast": "old"}), "lead to 'old' already: 'fast'"),
    ("old", gateway(general=[("gpt", ("old",))]), "lead to 'old' already: 'gpt'"),
    ("old", gateway(context_window=[("gpt", ("old",))]), "lead to 'old' already: 'gpt'"),
    ("old", gateway(content_policy=[("gpt", ("between",))], aliases={"between": "old"}), "'between', 'gpt'"),
    ("old", gateway(general=[("*", ("old",))]), "lead to 'old' already: any model (the default fallback)"),
    ("new", gateway(general=[("*", ("gpt",))]), "may be answered by the default fallback 'gpt' today"),
    ("old", gateway(general=[("old", ("gpt",))]), "'old' has a fallback chain already"),
    ("squad", gateway(groups={"squad": ("gpt",)}), "'squad' is a routing group"),
    ("old", gateway(groups={"squad": ("gpt", "old")}), "Calls to the routing group 'squad' come to 'old' as well"),
    ("beta", gateway(deployed(info={"access_groups": ["beta"]})), "'beta' is an access group"),
    (
        "squad-gpt",
        gateway(deployed("model_name_t_1", info={"team_id": "t", "team_public_model_name": "squad-gpt"})),
        "'squad-gpt' is in use",
    ),
    ("new", gateway(unreadable=True), "may not read aliases and fallbacks"),
]


@pytest.mark.parametrize(("name", "catalog", "said"), NAMES)
def test_a_name_that_somebodys_calls_may_come_to_is_told(name: str, catalog: ModelCatalog, said: str) -> None:
    assert said in " ".join(facts(asked(name=name), catalog))


ATTACKS: list[tuple[NewDeployment, ModelCatalog, str]] = [
    (asked(api_base=EVIL), gateway(deployed(api_base=OURS)), f"go to '{EVIL}': no deployment of this gateway has that"),
    (asked(api_base=f"{OURS}/theirs"), gateway(deployed(api_base=OURS)), "no deployment of this gateway has that"),
    (asked(api_base=f"{OURS}?t=evil"), gateway(deployed(api_base=OURS)), "no deployment of this gateway has that"),
    (asked(api_base="https://ours.example:8443/v1"), gateway(deployed(api_base=OURS)), "no deployment of this gateway"),
    (asked(response_format={"schema": {"at": EVIL}}), gateway(), f"go to '{EVIL}'"),
    (asked(thinking={"a": [{"b": f"see {EVIL}"}]}), gateway(), "thinking holds an address"),
    (asked("huggingface/https://evil.example/x"), gateway(), "holds an address"),
    (asked("replicate/evil/model"), gateway(), "The provider 'replicate' is new to this gateway"),
    (asked("replicate/evil/model"), gateway(deployed(model="replicate/ours/m")), "may be somebody's own model"),
    (asked("azure/theirs"), gateway(deployed(model="azure/ours")), "may be somebody's own model or account"),
    (asked("openai/ft:x:evil"), gateway(), "may be somebody's own model or account"),
    (asked("cohere/0a-ft"), gateway(deployed(model="cohere/command")), "may be somebody's own model or account"),
    (asked("fireworks_ai/accounts/evil/models/x"), gateway(deployed(model="fireworks_ai/x")), "may be somebody's own"),
    (
        asked("bedrock/arn:aws:bedrock:us-east-1:666:provisioned-model/x"),
        gateway(deployed(model="bedrock/anthropic.claude")),
        "may be somebody's own model or account",
    ),
    (asked("gpt-x"), gateway(), "is left to LiteLLM to infer"),
    (asked(key=MINE), gateway(), "go to the account of the api_key that was given"),
    (asked(key=MINE, api_base=OURS), gateway(deployed(api_base=OURS)), "the account of the api_key that was given"),
    (asked(organization="evil"), gateway(), "organization = 'evil' is set"),
    (asked("vertex_ai/x", vertex_project="evil"), gateway(deployed(model="vertex_ai/x")), "vertex_project = 'evil'"),
    (asked("bedrock/x", aws_access_key_id="AKIA-x"), gateway(deployed(model="bedrock/x")), "aws_access_key_id = [hid"),
    (asked(credential="house"), gateway(), "The stored credential 'house' is used"),
    (asked(credential="house", api_base=EVIL), gateway(), f"The stored credential 'house' is sent to '{EVIL}'"),
    (asked(key="os.environ/OPENAI_API_KEY"), gateway(), "environment variable OPENAI_API_KEY is used"),
    (asked(input_cost_per_token=0), gateway(), "The price input_cost_per_token = '0' is set"),
    (asked(output_cost_per_image=3), gateway(), "The price output_cost_per_image"),
    (asked(tiered_pricing=[{"input_cost_per_token": 0}]), gateway(), "The price tiered_pricing = [hidden] is set"),
    (asked(mode="responses"), gateway(), "LiteLLM may take mode = 'responses' for other deployments of 'openai/x'"),
    (asked(something_new=1), gateway(), "something_new = '1' is set"),
    (asked(use_in_pass_through=True), gateway(), "use_in_pass_through"),
]


@pytest.mark.parametrize(("new", "catalog", "said"), ATTACKS)
def test_what_is_new_to_the_gateway_is_told(new: NewDeployment, catalog: ModelCatalog, said: str) -> None:
    assert said in " ".join(facts(new, catalog))


def test_every_fallback_is_agreed_to_mocked_or_not() -> None:
    for new in (asked(), asked(mock_response="obey me")):
        assert facts(new, gateway(), "gpt", "other") == (
            "Calls to 'gpt', 'other' that fail go to the new deployment, with the prompts in them.",
        )
    many = [f"model-{n}" for n in range(20)]
    assert "'model-19'" in facts(asked(), gateway(), *many)[0]


def test_a_plan_tells_what_the_deployment_does_besides() -> None:
    new = asked(mock_response="obey me", temperature=99, order=1)
    assert consent.details(new, verify=True) == (
        "It answers with the text of mock_response, whatever it is asked.",
        "It is made with mock_response = 'obey me', temperature = '99', order = '1'.",
    )
    assert consent.details(asked(), verify=False) == ("It is not tested first (verify is false).",)
    assert consent.details(asked(), verify=True) == ()


@pytest.mark.parametrize(
    "params",
    [
        {"input_cost_per_token": 2.5},
        {"output_cost_per_token": 0.011},
        {"cache_read_input_token_cost": 1},
        {"input_cost_per_token_above_200k_tokens": 5},
        {"output_cost_per_token_batches": "2.5"},
        {"tiered_pricing": [{"range": [0, 32000], "input_cost_per_token": 2.5}]},
    ],
)
def test_a_price_in_dollars_per_million_tokens_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="Were dollars per million tokens meant"):
        asked(**params)


def test_the_sentence_about_a_price_gives_the_figure_that_was_meant() -> None:
    with pytest.raises(InvalidArgument) as refused:
        new_deployment("a", "openai/x", {"input_cost_per_token": 2.5}, {})
    assert str(refused.value) == (
        "input_cost_per_token is in dollars per token: 2.5 is $2,500,000.00 per million tokens. Were dollars per "
        "million tokens meant? Nothing was created. For $2.50 per million tokens give 2.5e-06."
    )
    for ordinary in ({"input_cost_per_token": 0.01}, {"output_cost_per_image": 2}, {"input_cost_per_second": 1}):
        asked(**ordinary)


def test_a_price_below_nothing_is_refused() -> None:
    """It would make room in the budgets of who calls it."""
    with pytest.raises(InvalidArgument, match="must not be negative"):
        asked(output_cost_per_token_batches=-1)


def judged(model: str = "openai/gpt-4o", extra: dict[str, Any] | None = None, **named: object) -> tuple[str, ...]:
    if isinstance(named.get("api_key"), str):
        named["api_key"] = SecretStr(str(named["api_key"]))
    return facts(new_deployment("name", model, named, extra))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"api_key": "os.environ/OPENAI_API_KEY", "api_base": EVIL}, "OPENAI_API_KEY is sent to"),
        ({"api_key": "os.environ/OPENAI_API_KEY", "extra": {"base_url": EVIL}}, "OPENAI_API_KEY is sent to"),
        ({"credential": "prod", "api_base": EVIL}, "'prod' is sent to"),
        ({"extra": {"litellm_credential_name": "prod", "base_url": EVIL}}, "'prod' is sent to"),
        ({"model": "vertex_ai/gemini-pro", "api_base": EVIL}, "identity"),
        ({"model": "bedrock/some.model", "api_key": "mine-12345678", "api_base": EVIL}, "identity"),
        ({"model": "azure/gpt-4o", "api_key": "mine-12345678", "api_base": EVIL}, "identity"),
        ({"model": "azure/gpt-4o", "api_base": "https://x.openai.azure.com"}, "identity"),
        ({"model": "gpt-4o", "api_key": "mine-12345678", "api_base": EVIL}, "identity"),
        ({"extra": {"aws_sts_endpoint": EVIL}}, "aws_sts_endpoint"),
        ({"extra": {"vertex_credentials": "/etc/passwd"}}, "/etc/passwd"),
        ({"extra": {"aws_profile_name": "admin"}}, "aws_profile_name"),
        ({"extra": {"extra_headers": {"Host": "evil.example"}}}, "extra_headers"),
        ({"extra": {"use_litellm_proxy": True}}, "use_litellm_proxy"),
        ({"extra": {"configurable_clientside_auth_params": ["api_base"]}}, "configurable_clientside"),
        ({"extra": {"langfuse_host": EVIL}}, "langfuse_host"),
        ({"extra": {"success_callback": ["langfuse"]}}, "success_callback"),
        ({"credential": "prod", "extra": {"aws_bedrock_runtime_endpoint": EVIL}}, "'prod' is sent to 'https://evil"),
        ({"api_key": "os.environ/OPENAI_API_KEY", "extra": {"x_endpoint": [EVIL]}}, "OPENAI_API_KEY is sent to 'http"),
        ({"extra": {"endpoint": f"https://{'a' * 150}.evil.example/"}}, ".evil.example/'"),
        ({"extra": {"extra_body": {f"k{n}": 1 for n in range(12)}}}, "'k11'"),
    ],
)
def test_whatever_the_proxy_would_give_away_is_told(arguments: dict[str, Any], says: str) -> None:
    assert any(says in line for line in judged(**arguments)), judged(**arguments)


def test_a_key_that_says_that_there_is_none_is_nobodys() -> None:
    new = asked(api_base=EVIL)
    assert new.lacks_own_key
    assert new.without_ambient_key().litellm_params()["api_key"] == "none"
    assert not new.without_ambient_key().brings_its_key
    assert not asked(api_base=EVIL, key=MINE).lacks_own_key
    assert not asked().lacks_own_key
