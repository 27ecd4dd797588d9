"""A deployment to be created: the tool's arguments, checked and in LiteLLM's own words."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from pydantic import SecretStr

from litellm_steward.addresses import MAX_ADDRESS, addresses_in, check_address, is_address, told_address
from litellm_steward.environment import CREDENTIAL_FIELD, resembles_reference, strings
from litellm_steward.errors import InvalidArgument
from litellm_steward.secret import reveal
from litellm_steward.text import clean, hash_key, money, quote, scrub, sentence_list

Mode = Literal["chat", "embedding", "completion", "other"]

MAX_PARAMS: Final = 20_000
FREE_TEXT: Final = frozenset({"mock_response", "stop", "tags", "extra_headers"})
"""Parameters in which an address is no place where calls go."""

PRICE: Final = re.compile(r".*(?:cost|pric).*")
"""Parameters that say what calls cost."""
MAX_PER_TOKEN: Final = 0.01
"""Dollars. The dearest model costs a tenth of it; what is above was meant for a million tokens."""

KEY_ONLY: Final = frozenset({
    "anthropic", "cerebras", "cohere", "cohere_chat", "custom_openai", "deepinfra", "deepseek", "fireworks_ai", "groq",
    "hosted_vllm", "jina_ai", "litellm_proxy", "llamafile", "lm_studio", "mistral", "nvidia_nim", "ollama",
    "ollama_chat", "openai", "openai_like", "openrouter", "perplexity", "sambanova", "text-completion-openai",
    "together_ai", "voyage", "xai",
})  # fmt: skip
"""Providers that authenticate with ``api_key`` alone and prefer it to any key in the proxy's environment."""

MAX_KEYS: Final = 10
_LIKE_KEY: Final = re.compile(r"sk-[^\s\"'&,;<>{}()]+")

MAX_NAMES: Final = 30
"""Names of an object that are shown."""
_SAYS_WHERE: Final = re.compile(
    r"os\.environ/\w{1,127}|[A-Z]+(?:_[A-Z]+)+|[~.]{0,2}/[\w./-]{1,200}|[\w.-]{1,60}\.(?:json|pem|key)"
)
"""A reference, a variable's name or a file: where a secret is, not the secret."""

NO_KEY: Final = "none"
"""Sent where there is no key, so that LiteLLM does not take one from its environment."""

_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+*=,@-]{0,254}")
_ARN: Final = re.compile(r"(?:^|[^a-z])arn:|agentcore|^bedrock.*arn", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEY: Final = re.compile(r"[!-~]{1,4096}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,60}")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}")
_PLACES: Final[Mapping[str, re.Pattern[str]]] = {
    "aws_region_name": _REGION,
    "region_name": _REGION,
    "vertex_location": _REGION,
    "vertex_project": _WORD,
    "api_version": _WORD,
}
"""LiteLLM builds host names and paths of these."""

_SYNONYMS: Final = {"base_url": "api_base", "litellm_credential_name": "credential"}
_NAMED: Final[Mapping[str, type | tuple[type, ...]]] = {
    "api_key": str,
    "credential": str,
    "api_base": str,
    "api_version": str,
    "rpm": int,
    "tpm": int,
    "input_cost_per_token": (int, float),
    "output_cost_per_token": (int, float),
    "cache_read_input_token_cost": (int, float),
    "max_budget": (int, float),
    "budget_duration": str,
    "tags": list,
}
"""Parameters of the tool that may come in ``litellm_params`` as well, but not in both places."""

_NOT_HERE: Final = {
    "model": "model is a parameter of its own",
    "model_name": "model_name is a parameter of its own",
    "custom_llm_provider": "write the provider before the model, as in openai/gpt-4o",
    "model_info": "only mode can be set of model_info; give it as litellm_params.mode",
}
_EMBEDDING: Final = re.compile(r"embed|(?:^|[/-])(?:bge|e5|gte|minilm)-")
_OTHER_MODE: Final = re.compile(
    r"dall-e|image|imagen|stable-diffusion|flux|whisper|transcri|tts|speech|audio|rerank|moderation|sora|veo|video|realtime"
)


@dataclass(frozen=True)
class NewDeployment:
    """``params`` is all of ``litellm_params`` but the model and a literal key."""

    id: str
    model_name: str
    model: str
    params: Mapping[str, object]
    api_key: SecretStr | None
    mode_given: str | None = None

    @property
    def provider(self) -> str:
        """The prefix of the model; empty where LiteLLM is left to infer it."""
        prefix, slash, _ = self.model.partition("/")
        return prefix if slash else ""

    @property
    def api_base(self) -> str | None:
        value = self.params.get("api_base")
        return value if isinstance(value, str) else None

    @property
    def credential(self) -> str | None:
        value = self.params.get("litellm_credential_name")
        return value if isinstance(value, str) else None

    @property
    def brings_its_key(self) -> bool:
        """Whether it calls with a key of the caller's: one that only says that there is none is nobody's."""
        return self.api_key is not None and reveal(self.api_key) != NO_KEY

    @property
    def lacks_own_key(self) -> bool:
        """An address and no credential for it: LiteLLM would send the key of its environment there."""
        given = self.api_key is not None or self.credential is not None or "api_key" in self.params
        return self.api_base is not None and not given and self.provider in KEY_ONLY

    @property
    def key_ids(self) -> tuple[str, ...]:
        """LiteLLM's ids (hashes) of all that could be a virtual key of its own, ``api_key`` first.

        Raises ``InvalidArgument`` for more than anybody needs.
        """
        texts = [reveal(self.api_key)] if self.brings_its_key and self.api_key is not None else []
        for _, text in strings({"model": self.model, **self.params}):
            texts += _LIKE_KEY.findall(text)
        ids = tuple(dict.fromkeys(map(hash_key, texts)))
        if len(ids) > MAX_KEYS:
            raise InvalidArgument(f"litellm_params holds more than {MAX_KEYS} texts that look like keys")
        return ids

    @property
    def other_addresses(self) -> tuple[str, ...]:
        """Addresses that stand in any other place than ``api_base``: LiteLLM may send calls there as well."""
        return addresses_in({name: self.params[name] for name in self.params if name not in {"api_base", *FREE_TEXT}})

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, ``api_base`` first."""
        return ((self.api_base,) if self.api_base is not None else ()) + self.other_addresses

    @property
    def mocked(self) -> bool:
        return self.params.get("mock_response") is not None

    @property
    def mode(self) -> Mode:
        """What kind of call reaches it, as far as can be told before LiteLLM knows it."""
        return mode_of(self.mode_given, self.model)

    def litellm_params(self) -> dict[str, object]:
        """With the key in clear: for a request body and nothing else."""
        own = {"api_key": reveal(self.api_key)} if self.api_key is not None else {}
        return {"model": self.model, **self.params, **own}

    def body(self) -> dict[str, object]:
        """The body of ``POST /model/new``."""
        params, info = self.litellm_params(), dict[str, object](id=self.id)
        if self.mode_given is not None:
            info["mode"] = self.mode_given  # in litellm_params LiteLLM would send it on to the provider
        return {"model_name": self.model_name, "litellm_params": params, "model_info": info}

    def secrets(self) -> tuple[str, ...]:
        """Texts that an error must not repeat."""
        own = (reveal(self.api_key),) if self.api_key is not None else ()
        hidden = {name: value for name, value in self.params.items() if name not in _SHOWABLE}
        given = {text for path, text in strings(hidden) if len(text) >= 8 and text != path[-1]}
        return own + tuple(sorted(given, key=len, reverse=True))

    def with_params(self, **changed: object) -> NewDeployment:
        return replace(self, params={**self.params, **changed})

    def without_ambient_key(self) -> NewDeployment:
        return replace(self, api_key=SecretStr(NO_KEY))


_SHOWABLE: Final = frozenset({"api_base", "mock_response", "litellm_credential_name", "budget_duration", *_PLACES})


def mode_of(given: str | None, model: str) -> Mode:
    """``given`` is what the caller or LiteLLM says; without it the name has to do."""
    if given in {"chat", "embedding", "completion"}:
        return "chat" if given == "chat" else "embedding" if given == "embedding" else "completion"
    if given is not None:
        return "chat" if given == "responses" else "other"
    name = model.lower()
    if _EMBEDDING.search(name):
        return "embedding"
    return "other" if _OTHER_MODE.search(name) else "chat"


def new_deployment(
    model_name: str, model: str, named: Mapping[str, object | None], extra: Mapping[str, object] | None
) -> NewDeployment:
    """Check and merge. ``named`` are the tool's own parameters, ``extra`` is ``litellm_params``."""
    _check_model(model)
    merged = _merge(named, extra or {})
    mode = merged.pop("mode", None)
    if mode is not None and not (isinstance(mode, str) and _PARAMETER.fullmatch(mode)):
        raise InvalidArgument("litellm_params.mode must be a word such as chat or embedding")
    key = merged.pop("api_key", None)
    literal: SecretStr | None = None
    if isinstance(key, SecretStr):
        if resembles_reference(reveal(key)):
            merged["api_key"] = reveal(key)  # a reference is no secret, and is judged with the other fields
        else:
            literal = _checked_key(key)
    if "credential" in merged:
        if literal is not None or "api_key" in merged:
            raise InvalidArgument("Give api_key or credential, not both")
        merged["litellm_credential_name"] = merged.pop("credential")
    if "api_base" in merged and not resembles_reference(str(merged["api_base"])):
        check_address(str(merged["api_base"]))
    for name, pattern in _PLACES.items():
        value = merged.get(name, "-")
        if not isinstance(value, str) or not (
            resembles_reference(value) or name not in merged or pattern.fullmatch(value)
        ):
            raise InvalidArgument(f"{name} must be a plain word without spaces or slashes")
    _check_price("litellm_params", merged)
    new = NewDeployment(str(uuid.uuid4()), model_name, model, merged, literal, mode)
    for address in new.other_addresses:
        check_address(address, "An address in litellm_params")
    return new


def _check_model(model: str) -> None:
    if not _MODEL.fullmatch(model) and not resembles_reference(model):
        raise InvalidArgument("model must be provider/model, as in openai/gpt-4o or bedrock/anthropic.claude-3-haiku")
    if "@" in model and not model.startswith("vertex_ai"):
        raise InvalidArgument("model may contain @ only for vertex_ai")
    if _ARN.search(model) and not all(map(_names_a_region, _tails(model))):
        raise InvalidArgument("model holds an ARN whose region is none: arn:aws:bedrock:us-east-1:…")


def _tails(model: str) -> list[str]:
    """The model, and what is left of it after each slash: LiteLLM takes some prefixes off before it reads on."""
    return [model, *(model[at + 1 :] for at, letter in enumerate(model) if letter == "/")]


def _names_a_region(text: str) -> bool:
    """LiteLLM makes the fourth part of an ARN, wherever it thinks that one begins, a part of a host's name."""
    parts = text.split(":")
    return len(parts) < 4 or re.fullmatch(r"[a-z0-9-]{0,60}", parts[3]) is not None


def _merge(named: Mapping[str, object | None], extra: Mapping[str, object]) -> dict[str, object]:
    _check_size(extra)
    merged = {name: value for name, value in named.items() if value is not None}
    for key, value in extra.items():
        if not _PARAMETER.fullmatch(key):
            raise InvalidArgument(f"litellm_params: {quote(scrub(clean(key, 60)))} is no parameter's name")
        if key in _NOT_HERE:
            raise InvalidArgument(f"litellm_params.{key}: {_NOT_HERE[key]}")
        name = _SYNONYMS.get(key, key)
        if name in merged:
            raise InvalidArgument(f"litellm_params.{key} and {name} say the same thing; give one of them")
        if value is None:
            continue
        expected = _NAMED.get(name)
        if expected is not None and (not isinstance(value, expected) or isinstance(value, bool)):
            raise InvalidArgument(f"litellm_params.{key} is not of the type that {name} has")
        if expected is not None and isinstance(value, int | float) and value < 0:
            raise InvalidArgument(f"litellm_params.{key} must not be negative")
        merged[name] = SecretStr(value) if name == "api_key" and isinstance(value, str) else value
    return merged


def _check_price(name: str, value: object) -> None:
    """Prices are dollars for one token; what people know is dollars per million."""
    if isinstance(value, Mapping):
        for inner, its_value in cast("Mapping[object, object]", value).items():
            _check_price(str(inner), its_value)
    elif isinstance(value, list):
        for its_value in cast("list[object]", value):
            _check_price(name, its_value)
    elif PRICE.fullmatch(name) and "token" in name:
        price = _number(value)
        if price is not None and price < 0:
            raise InvalidArgument(f"{name} must not be negative")
        if price is not None and price > MAX_PER_TOKEN:
            raise InvalidArgument(
                f"{name} is in dollars per token: {price:g} is {money(price * 1e6)} per million tokens. "
                "Were dollars per million tokens meant? Nothing was created",
                hint=f"For {money(price)} per million tokens give {price / 1e6:.10g}.",
            )


def _number(value: object) -> float | None:
    """LiteLLM takes a price that is written as text as well."""
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _check_size(extra: Mapping[str, object]) -> None:
    try:
        size = len(json.dumps(extra, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        raise InvalidArgument("litellm_params must be plain JSON with finite numbers") from None
    if size > MAX_PARAMS:
        raise InvalidArgument(f"litellm_params must be at most {MAX_PARAMS:,} characters of JSON")


def _checked_key(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(reveal(key)) or reveal(key).lower().startswith("oidc/"):
        raise InvalidArgument("api_key must be printable characters without spaces")
    return key


def shown_parameter(name: str, value: object) -> str:
    """The value where it is a choice; of what may be a secret, only that it is there."""
    if isinstance(value, Mapping):
        names = [quote(str(inner), 60) for inner in value]
        return f"{{{sentence_list(names, MAX_NAMES)}: …}}"
    nested = isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value)
    says_where = isinstance(value, str) and _SAYS_WHERE.fullmatch(value) is not None
    if nested or (CREDENTIAL_FIELD.fullmatch(name) and not says_where and not isinstance(value, int | float)):
        return "[hidden]"
    if isinstance(value, str) and is_address(value):
        return quote(told_address(value), MAX_ADDRESS)
    return quote(scrub(value if isinstance(value, str) else repr(value)), 80)
