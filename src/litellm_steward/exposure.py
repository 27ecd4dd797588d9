"""What a new deployment could make the proxy give away, and to whom.

Whoever can add a deployment can have the proxy call an address of their choice. That must not take along
what the caller does not hold: a variable of the proxy, a stored credential, a key or cloud identity from
its environment. ``exposures`` says in sentences what a person has to agree to first; an empty answer
means that the caller's own secrets go to the caller's own address.

What it does to calls that are answered today is told by ``name_in_use``.

The parameters that are harmless are listed; any other one, known or new, needs agreement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from litellm_steward.addresses import AZURE_HOSTS, MAX_ADDRESS, host_of, is_address, told_address
from litellm_steward.deployment_request import FREE_TEXT, NewDeployment
from litellm_steward.environment import CREDENTIAL_FIELD, Reference, strings
from litellm_steward.name_in_use import ONE_SERVICE, PRICE, SHAPES
from litellm_steward.text import quote, scrub, sentence_list

BRING_THEIR_KEY: Final = ONE_SERVICE | frozenset(
    [
        "openrouter",
        "hosted_vllm",
        "ollama",
        "ollama_chat",
        "lm_studio",
        "llamafile",
        "custom_openai",
        "openai_like",
        "litellm_proxy",
    ]
)
"""Providers that authenticate with ``api_key`` alone and prefer it to any key in the proxy's environment."""

_HARMLESS: Final = SHAPES | frozenset(
    [
        "modify_params",
        "mock_response",
        "itpm",
        "otpm",
        "rpm",
        "tpm",
        "max_budget",
        "budget_duration",
        "vertex_project",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "organization",
        "api_version",
        "encoding_format",
        "stream_options",
        "litellm_credential_name",
        "api_base",
        "api_key",
    ]
)
MOST_NAMES: Final = 30
"""Names of an object that are shown."""

_PLACE: Final = re.compile(
    r"os\.environ/\w{1,127}|[A-Z]+(?:_[A-Z]+)+|[~.]{0,2}/[\w./-]{1,200}|[\w.-]{1,60}\.(?:json|pem|key)"
)


def exposures(new: NewDeployment, references: tuple[Reference, ...]) -> tuple[str, ...]:
    """What a person must agree to before this deployment is created or tested; nothing if nothing."""
    said = []
    for address in new.addresses:
        where = quote(told_address(address), MAX_ADDRESS)
        said += [f"The value of the proxy's environment variable {r.name} is sent to {where}." for r in references]
        if new.credential is not None:
            said.append(f"The stored credential {quote(new.credential)} is sent to {where}.")
        if not _brings_its_own(new):
            provider = quote(new.provider) if new.provider else "the inferred provider"
            said.append(f"Whatever identity the proxy has for {provider} may be shown to {where}.")
    for name, value in new.params.items():
        if name not in _HARMLESS and not PRICE.fullmatch(name):
            said.append(f"{name} = {_shown(name, value)} is set, which the steward does not know to be harmless.")
        elif name != "api_base" and name not in FREE_TEXT and _leads_somewhere(value):
            said.append(f"{name} holds an address.")
    if "://" in new.model:
        said.append(f"The model {quote(new.model)} holds an address.")
    return tuple(said)


def own_key_missing(new: NewDeployment) -> bool:
    """An address of the caller's, and no credential for it: LiteLLM would send the key of its environment there."""
    return (
        new.api_base is not None
        and new.api_key is None
        and new.credential is None
        and "api_key" not in new.params
        and new.provider in BRING_THEIR_KEY
    )


def _brings_its_own(new: NewDeployment) -> bool:
    """Whether nothing of the proxy's own can go along to ``api_base``."""
    if new.provider in BRING_THEIR_KEY:
        return True  # ``own_key_missing`` sees to it that there is an api_key
    # Azure's own hosts show a request's headers to nobody, so a token from the environment is safe there.
    return (
        new.provider in {"azure", "azure_ai"}
        and new.api_key is not None
        and host_of(new.api_base or "").endswith(AZURE_HOSTS)
    )


def _leads_somewhere(value: object) -> bool:
    return any("://" in text for _, text in strings(value))


def _shown(name: str, value: object) -> str:
    """The value where it is a choice; of what may be a secret, only that it is there."""
    if isinstance(value, Mapping):
        names = [quote(str(inner), 60) for inner in value]
        return f"{{{sentence_list(names, MOST_NAMES)}: …}}"
    if _nested(value) or (CREDENTIAL_FIELD.fullmatch(name) and not _says_where(value)):
        return "[hidden]"
    if isinstance(value, str) and is_address(value):
        return quote(told_address(value), MAX_ADDRESS)
    return quote(scrub(value if isinstance(value, str) else repr(value)), 80)


def _nested(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value)


def _says_where(value: object) -> bool:
    """A reference, a variable's name or a file: where a secret is, not the secret."""
    return isinstance(value, str) and _PLACE.fullmatch(value) is not None
