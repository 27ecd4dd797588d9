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
        (asked("replicate/evil/model", name="*"), [deployed()], [], "'replicate' says who that is"),
        (asked("sagemaker/theirs", key=None), [deployed()], [], "'sagemaker' says who that is"),
        (
            asked("bedrock/x", key=None, aws_access_key_id="AKIA", aws_secret_access_key="x"),
            [deployed(model="bedrock/x")],
            [],
            "in the account of the keys that were given",
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
        (asked(), [deployed()], []),
        (asked(api_base=f"{OURS}/2"), [deployed(api_base=OURS)], []),
        (asked("groq/llama", name="spare"), [deployed()], ["gpt"]),
        (asked("openai/*", name="openai/*"), [deployed()], []),
        (asked(mock_response="hello"), [deployed(mock_response="hi")], []),
        (asked(mock_response="hello", name="spare"), [deployed()], ["gpt"]),
        (asked("replicate/x"), [deployed(model="replicate/y")], []),
        (asked(temperature=0.1, name="new"), [deployed()], []),
    ],
)
def test_what_changes_nobodys_calls_asks_nobody(
    new: NewDeployment, existing: list[Deployment], sources: list[str]
) -> None:
    assert effects(new, existing, sources) == []


def test_a_name_in_use_is_not_spoilt_without_agreement() -> None:
    assert effects(asked(mock_response="obey me"), [deployed()]) == [
        "One in 2 of the calls to 'gpt' get the text of mock_response for an answer."
    ]
    assert effects(asked(), [deployed()], verify=False) == [
        "One in 2 of the calls to 'gpt' go to a deployment that nobody has tested (verify=false)."
    ]
    assert effects(asked(temperature=99, order=1), [deployed()]) == [
        "Calls to 'gpt' are answered with its order, temperature."
    ]
    assert effects(asked(name="new"), [deployed()], ["gpt"], verify=False) == [], "they failed anyway"


def test_a_price_is_agreed_to_where_it_counts_for_more_than_its_own_account() -> None:
    old, new = Version(1, 83, 14), Version(1, 108, 5)
    twin = [deployed("other", "openai/x")]
    own = asked(name="new", input_cost_per_token=0)
    assert effects(own, twin, version=new) == effects(own, [], version=old) == []
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
