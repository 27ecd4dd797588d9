"""Names of variables: which are settings, which are somebody else's, and which look like a misspelt setting.

A misspelt setting would be no setting at all: with ``STEWARD_READONLY=true`` everything could be changed. So every
``STEWARD_*`` name must be one of ours. ``LITELLM_*`` names are LiteLLM's own too, and those of its users, so there
only a name that is spelt nearly like one of ours is taken for it. The values are never part of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Final

_OURS: Final = re.compile(r"(?:LITELLM[\W_]*)?STEWARD[\W_]")
_HEADS: Final = ("STEWARD", "LITELLM")
"""How a setting's name begins. Both have seven letters."""
_HEAD: Final = 7
_LIKE_A_HEAD: Final = 0.7
_MISSPELT: Final = 0.85
_MEANT: Final = 0.6

_INJECTED: Final = re.compile(
    r".*_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)", re.IGNORECASE
)
"""What Kubernetes sets in every container for a Service named ``steward`` or ``litellm``, and ``docker --link`` too."""
_INJECTED_PORT: Final = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)
"""The value of ``STEWARD_PORT`` when Kubernetes sets it; a person would write a number."""

_RULES: Final = frozenset({"READONLY", "APPROVAL", "TOOLSETS", "KEYDELIVERY", "KEYDIR", "AUDITLOG", "ALLOWEDENV"})
"""What bounds an agent: with LITELLM_ in front, which nothing of LiteLLM's reads, it would bound nothing."""


@dataclass(frozen=True)
class Stray:
    """A variable that was probably meant to be a setting, and the setting that was meant, if that can be guessed."""

    name: str
    meant: str | None


def strays(variables: Mapping[str, str], settings: Collection[str]) -> Iterator[Stray]:
    """The variables that stop the start. ``settings``: the valid names, in capitals; the case of a name is free."""
    for name, value in variables.items():
        if name.upper() not in settings and (found := _stray(name, value, settings)) is not None:
            yield found


def looks_like_ours(name: str) -> bool:
    """Whether a name begins as a setting does, or nearly so."""
    head = _squeezed(name)[:_HEAD]
    return any(head == ours or _likeness(head, ours) >= _LIKE_A_HEAD for ours in _HEADS)


def _stray(name: str, value: str, settings: Collection[str]) -> Stray | None:
    if not looks_like_ours(name) or _is_injected(name, value):
        return None
    upper = name.upper()
    if _OURS.match(upper):
        return Stray(name, _nearest(_OURS.sub("", upper, count=1), settings))
    for setting in settings:
        if _is_misspelt(upper, setting):
            return Stray(name, setting)
    return None


def _is_injected(name: str, value: str) -> bool:
    if _INJECTED.fullmatch(name) is not None:
        return True
    return name.upper().endswith("_PORT") and _INJECTED_PORT.match(value) is not None


def _nearest(rest: str, settings: Collection[str]) -> str | None:
    """By what follows the first word: ``STEWARD_MASTER_KEY`` is ``LITELLM_MASTER_KEY``."""
    by_rest = {_rest(setting): setting for setting in settings}
    found = get_close_matches(_squeezed(rest), by_rest, n=1, cutoff=_MEANT)
    return by_rest[found[0]] if found else None


def _is_misspelt(name: str, setting: str) -> bool:
    squeezed, ours = _squeezed(name), _squeezed(setting)
    if squeezed == ours:
        return True
    if squeezed[:_HEAD] == "LITELLM" and squeezed[_HEAD:] == ours[_HEAD:]:
        return squeezed[_HEAD:] in _RULES
    if set(name.split("_")) > set(setting.split("_")):
        return False  # one word more is another thing: LITELLM_UI_BASE_URL
    if _likeness(squeezed[:_HEAD], ours[:_HEAD]) < _LIKE_A_HEAD:
        return False
    return _likeness(squeezed[_HEAD:], ours[_HEAD:]) >= _MISSPELT


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).upper()


def _rest(setting: str) -> str:
    return _squeezed(setting)[_HEAD:]


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
