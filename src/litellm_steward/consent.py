"""What somebody has to agree to before a deployment is created: facts that can be read, each told in a sentence.

Agreement is needed where one of these holds. Where which calls would go is not worked out.

- The name is in use: a deployment, pattern, alias, group, chain or the default fallback has or covers it, or it is a
  pattern itself. LiteLLM would send calls of others to the new deployment.
- ``fallback_for`` is given.
- An address is given that no deployment has, or one to which an identity of the proxy may go along.
- The provider is new, or the account may be: a key, a stored credential or a variable is given, or the model's name
  says whose it is. Under an unused name, too: calls come to it from LiteLLM's pass-through routes and old clients.
- A price is given, or any parameter that is not on the list of harmless ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from litellm_steward import fallbacks
from litellm_steward.addresses import MAX_ADDRESS, shown_address, told_address
from litellm_steward.api.models import Deployment
from litellm_steward.api.router import DEFAULT
from litellm_steward.deployment_request import FREE_TEXT, KEY_ONLY, MAX_NAMES, PRICE, NewDeployment, shown_parameter
from litellm_steward.environment import Reference, strings
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.text import quote, sentence_list

HARMLESS: Final = frozenset({
    "allowed_fails", "api_version", "aws_region_name", "budget_duration", "cooldown_time", "dimensions", "drop_params",
    "encoding_format", "frequency_penalty", "itpm", "max_budget", "max_completion_tokens", "max_parallel_requests",
    "max_retries", "max_tokens", "merge_reasoning_content_in_choices", "mock_delay", "mock_response", "mock_timeout",
    "modify_params", "n", "order", "otpm", "presence_penalty", "reasoning_effort", "region_name", "response_format",
    "rpm", "seed", "service_tier", "stop", "stream_options", "stream_timeout", "tags", "temperature", "thinking",
    "timeout", "top_k", "top_p", "tpm", "verbosity", "vertex_location", "weight",
})  # fmt: skip
"""Parameters that say how this deployment answers and how much: nothing leaves, and no other deployment changes."""

_TOLD_APART: Final = frozenset({"api_base", "api_key", "litellm_credential_name"})
"""Parameters that are facts of their own."""

OWN_MODELS: Final = frozenset({
    "anthropic", "cerebras", "cohere", "cohere_chat", "deepseek", "groq", "jina_ai", "mistral", "nvidia_nim", "openai",
    "perplexity", "sambanova", "text-completion-openai", "voyage", "xai",
})  # fmt: skip
"""Providers whose models are their own, but for what the name tells. With others a model may be anybody's."""
_SOMEBODYS: Final = re.compile(r"ft:|-ft$|arn:|accounts/|deployment|endpoint|projects/|@", re.IGNORECASE)


def facts(
    new: NewDeployment, catalog: ModelCatalog, sources: Sequence[str], references: Sequence[Reference]
) -> tuple[str, ...]:
    """Why this deployment needs agreement, in sentences for the plan; empty if nobody has to be asked.

    ``sources``: the models that shall fall back to it. ``references``: the variables of the proxy that it names.
    """
    deployments = catalog.deployments
    found = [*_name(new.model_name, catalog), *_addresses(new, deployments, references), *_account(new, deployments)]
    if sources:
        names = sentence_list([quote(name) for name in sources], len(sources))
        found.append(f"Calls to {names} that fail go to the new deployment, with the prompts in them.")
    return tuple(dict.fromkeys([*found, *_parameters(new)]))


def details(new: NewDeployment, *, verify: bool) -> tuple[str, ...]:
    """What else a plan should tell: needs no agreement by itself."""
    told = ["It answers with the text of mock_response, whatever it is asked."] if new.mocked else []
    if not verify and not new.mocked:
        told.append("It is not tested first (verify is false).")
    shown = [f"{name} = {shown_parameter(name, value)}" for name, value in new.params.items() if name in HARMLESS]
    return (*told, f"It is made with {sentence_list(shown, MAX_NAMES)}.") if shown else tuple(told)


def _name(name: str, catalog: ModelCatalog) -> Iterator[str]:
    """Who has the name or covers it: what answers its calls today, and which calls may come to it besides."""
    live, covered = catalog.router, catalog.covering(name)
    if "*" in name:
        yield f"{quote(name)} is a pattern: it takes calls to all names that match it and that no deployment has."
    way = covered.way if covered.certain else "possible pattern"
    if way in _TODAY:
        by = _deployed(covered.deployments)
        yield _TODAY[way].format(name=quote(name), through=quote(covered.through), by=by)
    if group := [group for group, models in live.groups.items() if name in models]:
        yield f"Calls to the routing group {_quoted(group)} come to {quote(name)} as well."
    if any(name in d.model_info.access_groups for d in catalog.deployments):
        yield f"{quote(name)} is an access group: every key that may call the group may call the new deployment."
    if leading := fallbacks.leading_to(live, name):
        yield f"Fallbacks or aliases lead to {quote(name)} already: {_quoted(leading)}."
    if any(source == name for source, _ in (*live.general, *live.context_window, *live.content_policy)):
        yield f"{quote(name)} has a fallback chain already: calls that the new deployment fails go on along it."
    if live.unreadable:
        yield "Our admin key may not read aliases and fallbacks: the name may be in use."


_TODAY: Final[Mapping[str, str]] = {
    "name": "{name} is in use: its calls are answered by {by}. The new deployment takes some of them, or all.",
    "alias": "{name} is an alias, whose calls are answered by {by}.",
    "group": "{name} is a routing group, whose calls are answered by {by}.",
    "pattern": "The pattern {through} takes calls to {name} today, and {by} answers them. LiteLLM prefers the exact "
    "name to a pattern: all of them go to the new deployment.",
    "possible pattern": "The pattern {through} may take calls to {name} today, if LiteLLM knows such a model; {by} "
    "answers them then. All of them go to the new deployment.",
    "provider model": "{name} is the provider's name of a model, and calls to it are answered by {by} today. All of "
    "them go to the new deployment.",
    "default fallback": "No deployment is called {name}; calls to it may be answered by the default fallback {through} "
    "today ({by}). All of them go to the new deployment.",
}


def _addresses(new: NewDeployment, deployments: Sequence[Deployment], references: Sequence[Reference]) -> Iterator[str]:
    """Where calls go, and what of the proxy's own goes along."""
    known = {_place(address) for d in deployments for address in d.litellm_params.addresses}
    credentials = [f"value of the proxy's environment variable {r.name}" for r in references]
    credentials += [f"stored credential {quote(new.credential)}"] if new.credential is not None else []
    for address in new.addresses:
        where = quote(told_address(address), MAX_ADDRESS)
        if _place(address) not in known:
            yield f"Calls, with the prompts in them, go to {where}: no deployment of this gateway has that address."
        yield from (f"The {credential} is sent to {where}." for credential in credentials)
        if new.provider not in KEY_ONLY:
            provider = quote(new.provider) if new.provider else "the provider that LiteLLM infers"
            yield f"Whatever identity the proxy has for {provider} may be shown to {where}."
    if not new.addresses:
        yield from (f"The {credential} is used." for credential in credentials)
    if "://" in new.model:
        yield f"The model {quote(new.model)} holds an address."


def _account(new: NewDeployment, deployments: Sequence[Deployment]) -> Iterator[str]:
    """Who answers, and in whose account."""
    if not new.provider:
        yield f"The provider of {quote(new.model)} is left to LiteLLM to infer."
    elif new.provider not in {d.provider for d in deployments}:
        yield f"The provider {quote(new.provider)} is new to this gateway."
    if new.brings_its_key:
        yield "Calls, with the prompts in them, go to the account of the api_key that was given."
    somebodys = new.provider not in OWN_MODELS or _SOMEBODYS.search(new.model) is not None
    if somebodys and new.model not in {d.litellm_params.model for d in deployments}:
        yield f"{quote(new.model)} may be somebody's own model or account, and no deployment of this gateway uses it."


def _parameters(new: NewDeployment) -> Iterator[str]:
    for name, value in new.params.items():
        if PRICE.fullmatch(name):
            yield f"The price {name} = {shown_parameter(name, value)} is set: budgets and reports go by it."
        elif name not in HARMLESS | _TOLD_APART:
            yield f"{name} = {shown_parameter(name, value)} is set, which the steward does not know to be harmless."
        elif name != "api_base" and name not in FREE_TEXT and any("://" in text for _, text in strings(value)):
            yield f"{name} holds an address."
    if new.mode_given is not None:
        yield f"LiteLLM may take mode = {quote(new.mode_given)} for other deployments of {quote(new.model)} as well."


def _place(address: str) -> str:
    """What tells one address from another. On some hosts the path or the query says whose account it is."""
    return address.strip().rstrip("/")


def _deployed(deployments: Sequence[Deployment]) -> str:
    told = []
    for deployment in deployments:
        address = shown_address(deployment.litellm_params.api_base)
        told.append(quote(deployment.litellm_params.model) + (f" at {quote(address, MAX_ADDRESS)}" if address else ""))
    return sentence_list(told) or "no deployment"


def _quoted(names: Sequence[str]) -> str:
    told = ["any model (the default fallback)" if name == DEFAULT else quote(name) for name in names]
    return sentence_list(told, len(told))
