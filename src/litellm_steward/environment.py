"""``os.environ/NAME`` in a new deployment: the proxy puts its own variable there when it calls the provider.

LiteLLM takes any variable, its salt key and database password among them, so what may be named is a
setting of ours (``STEWARD_ALLOWED_ENV``), in every field and at every depth. Where it may stand is
narrower still: LiteLLM resolves references in top-level fields only, and shows most of those, resolved,
to everyone who may list models; so a reference stands in a field that holds a credential or nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from litellm_steward.api.version import Version
from litellm_steward.errors import InvalidArgument, Refused, Unsupported
from litellm_steward.settings import Settings
from litellm_steward.text import quote

_REFERENCE: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]{0,127})")
_RESEMBLES: Final = re.compile(r"os\W{0,3}environ")
FEDERATED: Final = "oidc/"
"""The start of LiteLLM's other way to read its environment, its files and its cloud identity."""
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{3,127}")
CREDENTIAL_FIELD: Final = re.compile(r"(?:.+_)?(?:key|key_id|secret|token|password|credentials)")
"""Fields whose values LiteLLM removes or masks when it lists models."""

NAMES_A_SECRET: Final = frozenset({"aws_web_identity_token", "azure_ad_token", "azure_federated_token_file"})
"""Fields whose plain value LiteLLM looks up in its environment, without any ``os.environ/`` before it."""

RESOLVED_FROM: Final = Version(1, 91, 5)
"""1.83.14 sends references in stored models to the provider as text, 1.91.5 and later resolve them. What lies between
was not measured and is taken for the unfavourable case."""


@dataclass(frozen=True)
class Reference:
    """One variable of the proxy, named in one field."""

    field: str
    name: str


def find_references(fields: Mapping[str, object], settings: Settings) -> tuple[Reference, ...]:
    """Every reference in ``fields``; raises if one is malformed, misplaced or not allowed."""
    found = []
    for path, text in strings(fields):
        name = _referred(path, text)
        if name is None:
            continue
        if not settings.env_reference_allowed(name):
            raise Refused(
                f"{path[0]} may not refer to the proxy's environment variable {quote(name)}",
                hint=f"STEWARD_ALLOWED_ENV allows: {', '.join(settings.steward_allowed_env) or 'none'}.",
            )
        if len(path) > 1 or not CREDENTIAL_FIELD.fullmatch(path[0]):
            raise Refused(
                f"{'.'.join(path[:3])} may not hold a reference to the proxy's environment: "
                "it is no field for credentials, so LiteLLM would show its value",
                hint="Use the reference in api_key, or a stored credential.",
            )
        found.append(Reference(path[0], name))
    return tuple(found)


def resembles_reference(text: str) -> bool:
    """Whether ``find_references`` judges this text: it is allowed there by its name and place, or raises."""
    return _RESEMBLES.search(_plain(text)) is not None


def refuse_references(fields: Mapping[str, object]) -> None:
    """For what has no use for them: every reference is refused, whatever ``STEWARD_ALLOWED_ENV`` allows."""
    for path, text in strings(fields):
        if resembles_reference(text) or _plain(text).startswith(FEDERATED):
            raise Refused(f"{path[0]} may not refer to the proxy's environment. Nothing was created")


def check_resolved(references: tuple[Reference, ...], version: Version | None) -> None:
    """Refuse references on releases that would send their text to the provider instead."""
    if not references:
        return
    if version is None:
        raise Unsupported(
            "The proxy does not tell its version, so what it does with os.environ/ is not known", hint=_ELSE
        )
    if version < RESOLVED_FROM:
        raise Unsupported(
            f"LiteLLM {version} does not resolve os.environ/ in models added at run time; it sends the text", hint=_ELSE
        )


_ELSE: Final = "Give credential (a stored credential) or api_key instead. Nothing was created."


def strings(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in a JSON value with the way to it, the names in objects included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[object, object]", value).items():
            yield (*path, str(name)), str(name)
            yield from strings(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from strings(inner, path)


def _referred(path: tuple[str, ...], text: str) -> str | None:
    """The variable that a text names. Whatever only resembles a reference is refused, not guessed at."""
    exact = _REFERENCE.fullmatch(text)
    if exact:
        return exact[1]
    plain = _plain(text)
    if _RESEMBLES.search(plain):
        raise InvalidArgument(f"{path[0]}: a reference is written os.environ/NAME, with nothing before or after it")
    if plain.startswith(FEDERATED):
        raise Refused(
            f"{path[0]} may not start with oidc/, which reads the proxy's own tokens, files and variables",
            hint="Keep federated identities in config.yaml or in a stored credential.",
        )
    return text if path[0] in NAMES_A_SECRET and _VARIABLE.fullmatch(text) else None


def _plain(text: str) -> str:
    """As LiteLLM may come to read it: without what nobody sees, and in one case."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in {"Cf", "Cc"})
    return seen.casefold().strip()
