"""What a provider said when a test call failed: told apart, bounded, and without the keys providers quote back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import ClassVar, Final

from litellm_steward.addresses import AZURE_HOSTS, host_of, origin_of, told_address
from litellm_steward.api.decode import message_of
from litellm_steward.api.models import Deployment
from litellm_steward.errors import Fault, StewardError
from litellm_steward.text import HIDDEN, MAX_DETAIL, clean, quote, scrub

MOST_SAID: Final = 4_000
"""Characters of an error that are looked at. Whoever runs the address chooses them: no search of them may be slow."""

_STACK: Final = re.compile(r"(?i)(?:stack trace:|traceback \(most recent|deployment info:|received model group=)")
_WRAPPING: Final = re.compile(
    r"^(?:litellm\.)?(\w+(?:Error|Exception|Timeout))?:?\s*(?:\w+:\s*)?(?:\w+Exception - |\w+Error - )?"
)
_QUOTED_KEY: Final = re.compile(r"(?i)((?:provided|key|token|secret|credential)s?['\"]?\s*[:=]\s*['\"]?)[^\s'\",;]{6,}")
_RUN: Final = "[A-Za-z0-9+/_=-]"
_BLOB: Final = re.compile(rf"(?<!{_RUN})(?={_RUN}*\d)(?={_RUN}*[A-Za-z]){_RUN}{{32,}}")

UNKNOWN_PROVIDER: Final = "LiteLLM knows no such provider: model must be provider/model"
_KINDS: Final = (
    (r"llm provider not provided|unmapped llm provider", UNKNOWN_PROVIDER),
    (
        r"missing credentials|api_key client option must be set|missing .{0,30}api key",
        "There is no key for the provider",
    ),
    (r"unable to locate credentials|default credentials were not found", "The proxy has no identity for the provider"),
    (
        r"connection error|cannot connect|connect call failed|name or service not known|connection refused",
        "No connection",
    ),
    (r"^litellm\.timeout|timed out|timeouterror", "The provider did not answer in time"),
    (r"authenticationerror|permissiondenied|incorrect api key|invalid api key", "The provider refused the key"),
    (r"ratelimiterror|throttl", "The provider limits requests, or a quota is used up"),
    (r"notfounderror|model_not_found|does not exist", "The provider does not know the model or the address"),
    (r"serviceunavailable|internalservererror|badgateway", "The provider failed"),
    (r"contentpolicy|badrequesterror|unprocessable", "The provider rejected the test call"),
)
"""The first that fits wins: LiteLLM calls a dead host an InternalServerError."""


class ProviderFailed(StewardError):
    """The provider behind a deployment did not answer a test call as it should."""

    fault: ClassVar[Fault] = "provider"


def explain(
    said: str, secrets: Iterable[str], *, address: str | None = None, status: int | None = None, quoting: bool = True
) -> str:
    """``The provider refused the key (HTTP 401): 'Incorrect API key provided: [hidden]'``.

    Without ``quoting`` the kind of failure only.
    """
    said = _STACK.split(said[:MOST_SAID])[0]
    kind = kind_of(said)
    if kind == "No connection" and address:
        kind = f"No connection to the provider at {quote(told_address(address), 300)}"
    elif kind == "No connection":
        kind = "No connection to the provider"
    own = own_words(said, secrets) if quoting and kind != UNKNOWN_PROVIDER else ""  # a page of LiteLLM's advice
    code = f" (HTTP {status})" if status else ""
    if own:
        return f"{kind}{code}: {quote(own, MAX_DETAIL)}"
    return f"{kind}{code}" if quoting or kind == UNKNOWN_PROVIDER else f"{kind}{code}; its words are in the proxy's log"


def may_be_quoted(model: str, addresses: Iterable[str], existing: Iterable[Deployment]) -> bool:
    """Whether what is answered to a deployment may be shown: a provider's own, or a server that is set in config.yaml.

    LiteLLM follows redirects, and quotes what is no JSON. Any other host could lead it to an address inside, and
    this answer would show what is there (measured on 1.83.14 and 1.108.5). ``addresses``: all that its parameters hold.
    """
    set_up = {origin_of(d.litellm_params.api_base or "") for d in existing if not d.model_info.db_model}
    return "://" not in model and all(
        host_of(address).endswith(AZURE_HOSTS) or origin_of(address) in set_up for address in addresses
    )


def may_quote(deployment: Deployment, existing: Iterable[Deployment]) -> bool:
    """The same of one that exists: what config.yaml sets is the operator's own."""
    params = deployment.litellm_params
    return not deployment.model_info.db_model or may_be_quoted(params.model, params.addresses, existing)


def kind_of(said: str) -> str:
    text = said[:2_000].lower()
    return next((kind for sign, kind in _KINDS if re.search(sign, text)), "The test call failed")


def own_words(said: str, secrets: Iterable[str] = (), *, blobs: bool = False) -> str:
    """The provider's sentence out of LiteLLM's wrapping.

    ``blobs``: keep long runs of letters and digits. They are ids in what LiteLLM says, and may be keys elsewhere.
    """
    said = _STACK.split(said[:MOST_SAID])[0].strip()
    said = _WRAPPING.sub("", said, count=1).strip()
    start = said.find("{")
    if 0 <= start < 80 and said.endswith("}"):
        said = _from_json(said[start:]) or said
    said = scrub(said, secrets)
    said = _QUOTED_KEY.sub(rf"\1{HIDDEN}", said)
    return clean(said if blobs else _BLOB.sub(HIDDEN, said), MAX_DETAIL)


def _from_json(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return message_of(text.encode())[0]
