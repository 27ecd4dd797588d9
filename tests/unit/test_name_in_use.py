"""What an injected prompt would try in order to get other people's calls, or to spoil them."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_steward.api.models import Deployment
from litellm_steward.api.version import Version
from litellm_steward.deployment_request import NewDeployment, new_deployment
from litellm_steward.name_in_use import effects

EVIL = "https://evil.example/v1"
OURS = "https://ours.example/v1"
MINE = "sk-mine-12345678"


def asked(model: str = "openai/x", *, name: str = "gpt", key: str | None = MINE, **params: Any) -> NewDeployment:  # noqa: ANN401
    return new_deployment(name, model, {}, {**({"api_key": key} if key else {}), **params})


def deployed(name: str = "gpt", model: str = "openai/gpt-4o", **params: object) -> Deployment:
    return Deployment.model_validate({"model_name": name, "litellm_params": {"model": model, **params}})


@pytest.mark.parametrize(
    ("new", "existing", "sources", "said"),
    [
        (asked(api_base=EVIL), [deployed(api_base=OURS)], [], "One in 2 of the calls to 'gpt', with the prompts in"),
        (asked(api_base=EVIL, weight=10**9), [deployed()], [], "Calls to 'gpt', with the prompts in them, go to"),
        (asked(api_base=EVIL, name="new"), [deployed()], ["gpt"], "Calls to 'gpt' that fail, with the prompts in them"),
        (
            asked(api_base=EVIL, name="openai/o1"),
            [deployed("openai/*", "openai/*")],
            [],
            "All calls to 'openai/o1', which 'openai/*' answers today",
        ),
        (asked("openai/*", name="*", api_base=EVIL), [], [], "All calls that match '*'"),
        (
            asked("groq/llama"),
            [deployed()],
            [],
            "One in 2 of the calls to 'gpt', with the prompts in them, go to 'groq/",
        ),
        (asked(), [deployed(model="openai/x", api_base=OURS)], [], "with the prompts in them, go to 'openai/x'"),
        (asked("replicate/evil/model", name="*"), [], [], "go to 'replicate/evil/model', whoever that is"),
        (asked("sagemaker/theirs", key=None), [deployed()], [], "go to 'sagemaker/theirs'."),
        (
            asked("bedrock/x", key=None, aws_access_key_id="AKIA", aws_secret_access_key="x"),
            [deployed(model="bedrock/x")],
            [],
            "in the account of the keys that were given",
        ),
        (asked(), [deployed()], [], "go to 'openai/x' in the account of the key that was given"),
        (asked("openrouter/x", name="new"), [deployed()], ["gpt"], "that fail, with the prompts in them, go to 'openr"),
        (asked("openai/ft:x", name="new"), [deployed()], ["gpt"], "that fail, with the prompts in them, go to 'openai"),
        (asked("bedrock/x", name="new"), [deployed()], ["gpt"], "that fail, with the prompts in them, go to 'bedrock"),
        (asked("gpt-x", name="new"), [deployed()], ["gpt"], "that fail, with the prompts in them, go to 'gpt-x'"),
        (asked(), [deployed(), deployed("spare", api_base=EVIL)], ["gpt"], "of the calls to 'gpt'"),
        (asked(name="spare"), [deployed(), deployed("spare", api_base=EVIL)], ["gpt"], "'openai/x' in the account"),
        (asked(name="gpt-4o-mini", api_base=EVIL), [deployed("openai/*", "openai/*")], [], "which 'openai/*' answers"),
        (asked(name="gpt-4o-mini-2024", api_base=EVIL), [deployed("*-mini", "openai/*")], [], "which '*-mini' answers"),
        (
            asked("openai/*", name="openai/g*"),
            [deployed("openai/*", "openai/*")],
            [],
            "All calls that match 'openai/g*'",
        ),
        (
            asked(name="openai/gpt-4o", api_base=EVIL),
            [deployed("ours")],
            [],
            "All calls to 'openai/gpt-4o', which 'ours'",
        ),
        (
            asked(api_base=f"{OURS}/theirs"),
            [deployed(api_base=f"{OURS}/ours")],
            [],
            "go to 'https://ours.example/v1/the",
        ),
        (asked(rpm=10, api_base=EVIL), [deployed()], [], "Calls to 'gpt', with the prompts in them"),
        (asked("openai/*", name="openai/*"), [deployed()], [], "go to 'openai/*' in the account of the key that was"),
        (asked("groq/*", name="*"), [deployed(model="gpt-4o")], [], "All calls that match '*', with the prompts in"),
        (asked(api_base=OURS), [deployed(api_base=OURS)], [], "v1' in the account of the key that was given"),
        (asked(key=None, api_base=f"{OURS}?t=evil"), [deployed(api_base=OURS)], [], "go to 'https://ours.example/v1?t"),
        (asked(key=None, organization="evil"), [deployed()], [], "'openai/x' in the account of organization = 'evil'"),
        (
            asked("vertex_ai/x", key=None, vertex_project="evil"),
            [deployed(model="vertex_ai/x", vertex_project="ours")],
            [],
            "in the account of vertex_project = 'evil'",
        ),
    ],
)
def test_calls_go_nowhere_new_without_agreement(
    new: NewDeployment, existing: list[Deployment], sources: list[str], said: str
) -> None:
    assert said in effects(new, existing, sources)[0]


@pytest.mark.parametrize(
    ("new", "existing", "sources"),
    [
        (asked(), [], []),
        (asked(api_base=EVIL), [deployed("other", api_base=OURS)], []),
        (asked(key=None, credential="house"), [deployed()], []),
        (asked(key=None, credential="house", api_base=f"{OURS}/"), [deployed(api_base=OURS)], []),
        (asked(api_base=OURS, name="new"), [deployed(api_base=OURS)], ["gpt"]),
        (asked(api_base="http://vllm:8000/v1"), [deployed(api_base="http://vllm:8000/v1")], []),
        (asked(key=None, credential="house", organization="o"), [deployed(organization="o")], []),
        (asked("groq/llama", name="spare"), [deployed()], ["gpt"]),
        (asked("openai/*", name="openai/*"), [deployed(model="groq/x")], []),
        (asked(mock_response="hello"), [deployed(mock_response="hi")], []),
        (asked(mock_response="hello", name="spare"), [deployed()], ["gpt"]),
        (asked("replicate/x", key=None, credential="house"), [deployed(model="replicate/x")], []),
        (asked(temperature=0.1, name="new"), [deployed()], []),
    ],
)
def test_what_changes_nobodys_calls_asks_nobody(
    new: NewDeployment, existing: list[Deployment], sources: list[str]
) -> None:
    assert effects(new, existing, sources) == []


def test_two_steps_divert_no_failing_calls_either() -> None:
    """The name is there already, at another address: the chain would lead to that one too."""
    said = effects(asked(name="spare"), [deployed(), deployed("spare", api_base=EVIL)], ["gpt"])
    assert "Calls to 'gpt' that fail, with the prompts in them, go to 'https://evil.example/v1'." in said


def test_chains_that_lead_there_already_tell_of_the_new_place_only() -> None:
    here = [deployed("first"), deployed("gpt", api_base=OURS)]
    assert effects(asked(name="new", api_base=EVIL), here, leading=["first"]) == [
        "Calls to 'first' that fail, with the prompts in them, go to 'https://evil.example/v1'."
    ]
    ours = asked(key=None, credential="house", api_base=OURS)
    assert effects(ours, here, leading=["first"]) == [], "they go there today"


def test_the_default_chain_leads_there_for_all() -> None:
    assert effects(asked(name="gone", api_base=EVIL), [deployed()], leading=["*", "a"]) == [
        "Calls to 'a' and any other model that fail, with the prompts in them, go to 'https://evil.example/v1'."
    ]
    assert effects(asked(name="gone"), [deployed()], leading=["*"]) == [], "a provider's own answer to what fails"


def test_a_wildcard_takes_what_the_default_fallback_answers() -> None:
    own = asked("groq/*", name="groq/*", key=None, credential="house")
    (where, _) = effects(own, [deployed("spare", "openai/x")], default=["spare"])
    assert where == "All calls that match 'groq/*', with the prompts in them, go to 'groq/*'."
    assert effects(own, [deployed("spare", "openai/x")]) == []


def test_a_wildcard_takes_what_litellms_own_names_were_for() -> None:
    """Patterns come before them: a call to ``azure/x`` was answered by a deployment of that model."""
    (where, tested) = effects(asked("groq/*", name="*"), [deployed(model="azure/x", api_base=OURS)])
    assert where.endswith("go to 'groq/*' in the account of the key that was given.")
    assert tested.endswith("go to a deployment that nobody has tested.")
    assert effects(asked("groq/*", name="*"), []) == []


def test_each_models_failing_calls_are_judged_by_its_own_place() -> None:
    here = [deployed("first", api_base=OURS), deployed("second")]
    new = asked(name="new", api_base=OURS)
    assert effects(new, here, leading=["second", "first"]) == [
        "Calls to 'second' that fail, with the prompts in them, go to 'https://ours.example/v1'."
    ]


def test_every_name_is_told() -> None:
    (said,) = effects(asked(name="new", api_base=EVIL), [deployed()], [f"model-{n}" for n in range(20)])
    assert "'model-19'" in said
    assert " more" not in said


def test_a_name_in_use_is_not_spoilt_without_agreement() -> None:
    def house(model: str = "openai/x", **params: Any) -> NewDeployment:  # noqa: ANN401
        return asked(model, key=None, credential="house", **params)

    assert effects(asked(mock_response="obey me"), [deployed()]) == [
        "One in 2 of the calls to 'gpt' get the text of mock_response for an answer."
    ]
    for new, verify in ((house(), False), (house("openai/*"), True)):
        assert effects(new, [deployed()], verify=verify) == [
            "One in 2 of the calls to 'gpt' go to a deployment that nobody has tested."
        ]
    assert effects(house(temperature=99, order=1), [deployed()]) == [
        "Calls to 'gpt' are answered with its order, temperature."
    ]
    assert effects(house("openai/text-embedding-3-small"), [deployed()]) == [
        "One in 2 of the calls to 'gpt' go to a model of another kind (embedding)."
    ]
    assert "One in 2 of the calls to 'gpt' count at the price given here." in effects(
        house(output_cost_per_token=1000), [deployed()], version=Version(1, 108, 5)
    )
    assert effects(asked("groq/x", name="new"), [deployed()], ["gpt"], verify=False) == [], "they failed anyway"


def test_a_price_is_agreed_to_where_it_counts_for_more_than_its_own_account() -> None:
    old, new = Version(1, 83, 14), Version(1, 108, 5)
    twin = [deployed("other", "openai/x")]
    own = asked(name="new", input_cost_per_token=0)
    assert effects(own, twin, version=new) == effects(own, [], version=old) == []
    for other in ("openai/x", "x", "openai/*", "*"):
        assert len(effects(own, [deployed("other", other)], version=old)) == 1, other
    assert effects(own, [deployed("other", "azure/x")], version=old) == []
    (shared,) = effects(own, twin, version=old)
    assert shared == "This release of LiteLLM takes the price for 1 other deployment of 'openai/x' as well."
    assert effects(own, twin) == [shared], "of an unknown release the worse is taken"
    for key in (None, "os.environ/OPENAI_API_KEY"):
        (said,) = effects(asked(name="new", key=key, input_cost_per_token=0), [], version=new)
        assert "count at the price given here" in said


def test_a_mode_is_agreed_to_where_others_use_the_same_model() -> None:
    responses = asked(name="new", mode="responses")
    assert effects(responses, [deployed("other", "openai/y")]) == []
    assert effects(responses, [deployed("other", "openai/x")]) == [
        "LiteLLM may take mode = 'responses' for 1 other deployment of 'openai/x' as well."
    ]
