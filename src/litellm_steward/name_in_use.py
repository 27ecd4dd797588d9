"""What a new deployment does to calls that are answered today: where they go, how they are answered, what they cost.

A deployment takes a share of the calls of its name; one that others fall back to takes those that fail; one whose
name only a wildcard served takes all of that name; and a wildcard takes whatever nothing else answers. LiteLLM keeps
some settings by the provider's model, so that they reach other deployments of it too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from litellm_steward.addresses import is_inside, shown_address, told_address
from litellm_steward.api.models import Deployment
from litellm_steward.api.router import DEFAULT
from litellm_steward.api.version import Version
from litellm_steward.deployment_request import NewDeployment, mode_of
from litellm_steward.text import count, quote, sentence_list
from litellm_steward.wildcards import answers, may_answer

PRICE: Final = re.compile(r"(?:input|output|cache|search|code|citation)_[a-z0-9_]*(?:cost|pricing)[a-z0-9_]*")
PRICES_APART_FROM: Final = Version(1, 108, 5)
"""1.83.14 keeps the price of a called deployment under the provider's model, for all that use it (measured:
others' calls became free until a restart). What lies between was not measured and is taken for the worse."""

ONE_SERVICE: Final = frozenset(
    [
        "anthropic",
        "cerebras",
        "cohere",
        "cohere_chat",
        "deepinfra",
        "deepseek",
        "fireworks_ai",
        "groq",
        "jina_ai",
        "mistral",
        "nvidia_nim",
        "openai",
        "perplexity",
        "sambanova",
        "text-completion-openai",
        "together_ai",
        "voyage",
        "xai",
    ]
)
"""Providers that answer with models of their own: calls that fail elsewhere may go there unasked. With others the
model's name or the account says who answers, or what is kept of a call."""

SHAPES: Final = frozenset(
    [
        "timeout",
        "stream_timeout",
        "max_retries",
        "temperature",
        "max_tokens",
        "max_completion_tokens",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "response_format",
        "dimensions",
        "weight",
        "order",
        "cooldown_time",
        "allowed_fails",
        "mock_timeout",
        "mock_delay",
        "reasoning_effort",
        "thinking",
        "verbosity",
        "service_tier",
        "drop_params",
        "merge_reasoning_content_in_choices",
        "tags",
        "max_parallel_requests",
        "aws_region_name",
        "region_name",
        "vertex_location",
    ]
)
"""Parameters that give nothing away, and change how calls are answered or spread."""

_ACCOUNT: Final = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"})
_OF_ACCOUNT: Final = ("organization", "vertex_project")
"""Say whose account it is, whichever key is used."""


@dataclass(frozen=True)
class Taken:
    """Calls that the new deployment gets, and who answers them today. ``whose`` says which, in a sentence."""

    today: tuple[Deployment, ...]
    whose: str = ""
    succeed: bool = True
    """False of calls that nothing else answered."""
    also: tuple[Deployment, ...] = ()
    """What has the new one's name already, and gets a share of calls that come to it for the first time."""


def effects(
    new: NewDeployment,
    existing: Sequence[Deployment],
    sources: Sequence[str] = (),
    version: Version | None = None,
    *,
    leading: Sequence[str] = (),
    default: Sequence[str] = (),
    verify: bool = True,
) -> list[str]:
    """What somebody must agree to, in sentences, if anybody's calls change.

    ``sources`` shall fall back to the new deployment's name; the chains of ``leading`` name it already. ``default``
    is the chain of calls that nothing else answers.
    """
    taken = _taken(new, existing, default)
    said = [
        f"{calls.whose}, with the prompts in them, go to {where}." for calls in taken for where in _where(new, calls)
    ]
    said += _failing(new, existing, sources, [source for source in leading if source not in sources])
    for calls in taken:
        if calls.today:
            said += _otherwise(new, calls, verify=verify)
    return [*said, *_of_everybody(new, existing, version)]


def _taken(new: NewDeployment, existing: Sequence[Deployment], default: Sequence[str]) -> list[Taken]:
    """Calls that succeed today, or that come to a wildcard for the first time."""
    name = quote(new.model_name)
    same = _named(new.model_name, existing)
    if "*" in new.model_name:
        # Patterns come before LiteLLM's own names of models, and before the default fallback.
        others = (d for d in existing if "*" in d.model_name or _matches(new.model_name, d.litellm_params.model))
        return [Taken((*same, *others, *_callable(default[:1], existing)), f"All calls that match {name}")]
    if same:
        spread = {"weight", "order", "rpm", "tpm"} & new.params.keys()  # LiteLLM weighs deployments by each of these
        share = "Calls" if spread else f"One in {len(same) + 1} of the calls"
        return [Taken(same, f"{share} to {name}")]
    covering = _covering(new.model_name, existing)
    if covering:
        return [Taken(covering, f"All calls to {name}, which {quote(covering[0].model_name)} answers today")]
    return []


def _matches(pattern: str, model: str) -> bool:
    return answers(pattern, model) if "/" in model else may_answer(pattern, model)


def _failing(
    new: NewDeployment, existing: Sequence[Deployment], sources: Sequence[str], leading: Sequence[str]
) -> list[str]:
    """Calls that fail today and come to it: each model's are judged by where its own go, and told together."""
    same = _named(new.model_name, existing)
    taken = {name: Taken(_callable([name], existing), succeed=False, also=same) for name in sources}
    taken |= {name: Taken((*_callable([name], existing), *same), succeed=False) for name in leading}
    together: dict[str, list[str]] = {}
    for name, calls in taken.items():
        for where in _where(new, calls):
            together.setdefault(where, []).append(name)
    return [f"{_falling(names)}, with the prompts in them, go to {where}." for where, names in together.items()]


def _falling(names: Sequence[str]) -> str:
    shown = sentence_list([quote(name) for name in names if name != DEFAULT], len(names))
    others = "any other model" if DEFAULT in names else ""
    return f"Calls to {' and '.join(filter(None, (shown, others)))} that fail"


def _named(name: str, existing: Sequence[Deployment]) -> tuple[Deployment, ...]:
    return tuple(d for d in existing if d.model_name == name)


def _callable(names: Sequence[str], existing: Sequence[Deployment]) -> tuple[Deployment, ...]:
    """What answers to the names in a chain; to the default one's, everything."""
    return tuple(d for d in existing if d.model_name in names or DEFAULT in names)


def _covering(name: str, existing: Sequence[Deployment]) -> tuple[Deployment, ...]:
    """What answers to a name that no deployment has: wildcards, longest first, and LiteLLM's own name of a model."""
    found = [
        d
        for d in existing
        if ("*" in d.model_name and may_answer(d.model_name, name)) or d.litellm_params.model == name
    ]
    return tuple(sorted(found, key=lambda d: (-len(d.model_name), d.model_name, d.id)))


def _where(new: NewDeployment, calls: Taken) -> list[str]:
    """The addresses, accounts or providers that do not answer these calls today."""
    places = {_place(d.litellm_params.api_base) for d in calls.today if d.litellm_params.api_base}
    known = [d for d in calls.today if not d.litellm_params.api_base]
    others = [d.litellm_params.api_base or "" for d in calls.also if d.litellm_params.api_base]
    found = [quote(shown_address(address) or address, 300) for address in others if _place(address) not in places]
    account = _account(new, calls)
    if new.api_base is not None:
        known_place = _place(new.api_base) in places and not account
        return found if known_place else [*found, f"{quote(told_address(new.api_base), 300)}{account}"]
    if new.mocked:
        return found
    if account:
        return [*found, f"{quote(new.model)}{account}"]
    return [*found, *_provider(new, calls, known)]


def _provider(new: NewDeployment, calls: Taken, known: Sequence[Deployment]) -> list[str]:
    """The provider, where its name is all that says who answers, and it is none of those of today."""
    one_service = new.provider in ONE_SERVICE
    at_home = any(new.model == d.litellm_params.model for d in known) or (
        one_service and any(new.provider == d.provider for d in known)
    )
    if at_home and not new.brings_its_key:
        return []
    if calls.succeed and calls.today:
        return [quote(new.model)]
    if (at_home or one_service) and "ft:" not in new.model:
        return []
    return [f"{quote(new.model)}, whoever that is"] if calls.today or "*" in new.model_name else []


def _account(new: NewDeployment, calls: Taken) -> str:
    """In whose account calls would be answered, where that is none of those of today.

    Calls that fail may go to an account at a provider that is known: that is what a fallback is for in an outage. A
    server of one's own is one party, whoever's key it is asked with.
    """
    if new.mocked:
        return ""
    if _ACCOUNT & new.params.keys():
        return " in the account of the keys that were given"
    if not (calls.succeed and calls.today):
        return ""
    for name in _OF_ACCOUNT:
        given = new.params.get(name)
        if given is not None and given not in {getattr(d.litellm_params, name) for d in calls.today}:
            return f" in the account of {name} = {quote(str(given))}"
    own_account = new.brings_its_key and not (new.api_base is not None and is_inside(new.api_base))
    return " in the account of the key that was given" if own_account else ""


def _place(address: str | None) -> str:
    """What tells one party from another: on some hosts the path, or the query, says whose account it is."""
    return (address or "").rstrip("/").lower()


def _otherwise(new: NewDeployment, calls: Taken, *, verify: bool) -> list[str]:
    """How calls that succeed today are answered from then on."""
    said = []
    if new.mocked and any(d.litellm_params.mock_response is None for d in calls.today):
        said.append(f"{calls.whose} get the text of mock_response for an answer.")
    elif not new.mocked and (not verify or new.mode == "other" or "*" in new.model):
        said.append(f"{calls.whose} go to a deployment that nobody has tested.")
    if not new.mocked and all(mode_of(d.model_info.mode, d.litellm_params.model) != new.mode for d in calls.today):
        said.append(f"{calls.whose} go to a model of another kind ({new.mode}).")
    if shapes := sorted(SHAPES & new.params.keys()):
        said.append(f"{calls.whose} are answered with its {sentence_list(shapes, len(shapes))}.")
    if any(PRICE.fullmatch(name) for name in new.params):
        said.append(f"{calls.whose} count at the price given here.")
    return said


def _of_everybody(new: NewDeployment, existing: Sequence[Deployment], version: Version | None) -> list[str]:
    """What LiteLLM keeps by the provider's model, and a price that a key of the proxy's is billed against."""
    others = [d for d in existing if _is_twin(new.model, d.litellm_params.model)]
    whose = f"{count(len(others), 'other deployment')} of {quote(new.model)}"
    said = []
    if any(PRICE.fullmatch(name) for name in new.params):
        if others and (version is None or version < PRICES_APART_FROM):
            said.append(f"This release of LiteLLM takes the price for {whose} as well.")
        if new.api_key is None and not new.mocked:
            said.append("Its calls count at the price given here, whatever the proxy's own account is billed for them.")
    if new.mode_given is not None and others:
        said.append(f"LiteLLM may take mode = {quote(new.mode_given)} for {whose} as well.")
    return said


def _is_twin(model: str, other: str) -> bool:
    """The same model of a provider, which may be written before it or left out, or one that a wildcard may be."""
    provider, slash, name = model.rpartition("/")
    other_provider, other_slash, other_name = other.rpartition("/")
    if slash and other_slash and provider != other_provider:
        return False
    return name == other_name or "*" in other_name
