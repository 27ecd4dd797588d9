"""How large the arguments of one call may be, whatever the tool.

The schemas bound each argument. This bounds what they cannot: objects without a schema, however nested, arguments that
do not exist, and the work of finding out what is wrong with them. The first excess ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litellm_steward.errors import InvalidArgument
from litellm_steward.text import clean, named, scrub

ARGUMENTS: Final = 100
VALUES: Final = 5_000
"""Texts, numbers, lists and objects in all arguments together."""

DEPTH: Final = 20
TEXT: Final = 32_768
"""Characters of one text, a document in ``litellm_params`` included."""

NAME: Final = 300
"""Characters of a name in an object."""


def check_sizes(arguments: Mapping[str, object]) -> None:
    """Raise ``InvalidArgument`` for what no call needs. Looks at ``VALUES`` values at most."""
    if len(arguments) > ARGUMENTS:
        raise InvalidArgument(f"There are {len(arguments):,} arguments; no tool takes so many")
    left = VALUES
    for name, value in arguments.items():
        left = _check(name, value, left)


def _check(argument: str, value: object, left: int) -> int:
    """How many more values there may be after this argument."""
    _check_name(argument, argument)
    waiting = [(value, 1)]
    while waiting:
        here, depth = waiting.pop()
        if depth > DEPTH:
            raise _too_large(argument, f"must be nested at most {DEPTH} deep")
        if isinstance(here, str) and len(here) > TEXT:
            raise _too_large(argument, f"must have at most {TEXT:,} characters")
        if isinstance(here, Mapping | list):
            left -= len(here)
            if left < 0:
                raise _too_large(argument, f"is too large: the arguments may hold {VALUES:,} values in all")
            for name in here if isinstance(here, Mapping) else ():
                _check_name(argument, name)
            inside = here.values() if isinstance(here, Mapping) else here
            waiting += [(inner, depth + 1) for inner in inside]
    return left


def _check_name(argument: str, name: str) -> None:
    if len(name) > NAME:
        raise _too_large(argument, f"holds a name of more than {NAME} characters")


def _too_large(argument: str, said: str) -> InvalidArgument:
    return InvalidArgument(f"{named(clean(scrub(argument[:NAME]), 60))} {said}", hint="Nothing was sent.")
