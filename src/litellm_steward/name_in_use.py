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

from litellm_steward.addresses import host_of, told_address
from litellm_steward.api.models import Deployment
from litellm_steward.api.version import Version
from litellm_steward.deployment_request import NewDeployment
from litellm_steward.text import count, quote, sentence_list

PRICE: Final = re.compile(r"(?:input|output|cache|search|code|citation)_[a-z0-9_]*(?:cost|pricing)[a-z0-9_]*")
PRICES_APART_FROM: Final = Version(1, 108, 5)
"""1.74.9 and 1.83.14 keep the price of a called deployment under the provider's model, for all that use it (measured:
others' calls became free until a restart). What lies between was not measured and is taken for the worse."""

ONE_SERVICE: Final = frozenset(
    [
        "",
        "anthropic",
        "azure",
        "azure_ai",
        "bedrock",
        "bedrock_converse",
        "cerebras",
        "cohere",
        "cohere_chat",
        "deepinfra",
        "deepseek",
        "fireworks_ai",
        "gemini",
        "groq",
        "jina_ai",
        "mistral",
        "nvidia_nim",
        "openai",
        "openrouter",
        "perplexity",
        "sambanova",
        "text-completion-openai",
        "together_ai",
        "vertex_ai",
        "voyage",
        "xai",
    ]
)
"""Providers that run their own models themselves: what fails elsewhere may go there unasked. With others the model's
name or the account says who answers."""

_SHAPES: Final = frozenset(
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
    ]
)
_ACCOUNT: Final = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"})


@dataclass(frozen=True)
class Taken:
    """Calls that the new deployment gets, and who answers them today."""

    whose: str
    today: tuple[Deployment, ...]
    succeed: bool = True
    """False of calls that nothing else answered."""


def effects(
    new: NewDeployment,
    existing: Sequence[Deployment],
    sources: Sequence[str] = (),
    version: Version | None = None,
    *,
    verify: bool = True,
) -> list[str]:
    """What somebody must agree to, in sentences, if anybody's calls change. ``sources`` shall fall back to it."""
    taken = _taken(new, existing, sources)
    said = [
        f"{calls.whose}, with the prompts in them, go to {where}." for calls in taken if (where := _where(new, calls))
    ]
    for calls in taken:
        if not calls.succeed or not calls.today:
            continue
        if new.mocked and any(d.litellm_params.mock_response is None for d in calls.today):
            said.append(f"{calls.whose} get the text of mock_response for an answer.")
        elif not new.mocked and not verify:
            said.append(f"{calls.whose} go to a deployment that nobody has tested (verify=false).")
        if shapes := sorted(_SHAPES & new.params.keys()):
            said.append(f"{calls.whose} are answered with its {sentence_list(shapes)}.")
    return [*said, *_of_everybody(new, existing, version)]


def _taken(new: NewDeployment, existing: Sequence[Deployment], sources: Sequence[str]) -> list[Taken]:
    name = quote(new.model_name)
    same = tuple(d for d in existing if d.model_name == new.model_name)
    covering = tuple(d for d in existing if "*" in d.model_name and _matches(d.model_name, new.model_name))
    taken = []
    if "*" in new.model_name:
        taken.append(Taken(f"All calls that match {name}", same))
    elif same:
        spread = {"weight", "order"} & new.params.keys()
        share = "Calls" if spread else f"One in {len(same) + 1} of the calls"
        taken.append(Taken(f"{share} to {name}", same))
    elif covering:
        taken.append(Taken(f"All calls to {name}, which {quote(covering[0].model_name)} answers today", covering))
    if sources:
        falling = tuple(d for d in existing if d.model_name in sources)
        whose = f"Calls to {sentence_list([quote(source) for source in sources])} that fail"
        taken.append(Taken(whose, falling, succeed=False))
    return taken


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def _where(new: NewDeployment, calls: Taken) -> str | None:
    """The address, the account or the provider that does not answer these calls today."""
    hosts = {host_of(d.litellm_params.api_base) for d in calls.today if d.litellm_params.api_base}
    if new.api_base is not None:
        return quote(told_address(new.api_base), 300) if host_of(new.api_base) not in hosts else None
    if _ACCOUNT & new.params.keys():
        return f"{quote(new.model)} in the account of the keys that were given"
    usual = [d for d in calls.today if not d.litellm_params.api_base]
    if any(new.provider == d.provider or new.model == d.litellm_params.model for d in usual):
        return None
    if new.provider not in ONE_SERVICE:
        return f"{quote(new.model)}, and {quote(new.provider)} says who that is"
    return quote(new.model) if calls.succeed and calls.today else None


def _of_everybody(new: NewDeployment, existing: Sequence[Deployment], version: Version | None) -> list[str]:
    """What LiteLLM keeps by the provider's model, and a price that a key of the proxy's is billed against."""
    others = [d for d in existing if d.litellm_params.model == new.model]
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
