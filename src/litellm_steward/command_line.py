"""A command line that is refused is answered without what was typed, because that may have been a key.

argparse quotes the arguments that it does not understand. Its words are never shown: what is wrong is said by the
option's name and by what the option takes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from litellm_steward.text import count, scrub

_OPTION: Final = re.compile(r"--[a-z][a-z-]{1,30}")
_SHOWN_OF_SHORT: Final = 2
"""``-psecret`` is an option and its value in one."""
_NEAR: Final = 0.7

WARNING: Final = (
    "No option takes a secret: the admin key is LITELLM_MASTER_KEY_FILE or LITELLM_MASTER_KEY. "
    "Replace a key that was typed here, because other users of this machine can read command lines."
)


class WrongCommandLine(Exception):
    """Why a command line is refused, in a sentence that holds nothing of what was typed but an option's name."""


class Parser(argparse.ArgumentParser):
    """Raises instead of quoting, and takes no abbreviations."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - argparse's own arguments
        super().__init__(**{**given, "allow_abbrev": False, "exit_on_error": False})

    def error(self, message: str) -> NoReturn:  # noqa: ARG002 - it quotes
        raise WrongCommandLine("This command line cannot be understood.")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str], takes: Mapping[str, str]) -> argparse.Namespace:
    """``takes``: for each option, and for COMMAND, what it takes. Raises ``WrongCommandLine``."""
    for word in argv:
        if word.startswith("-") and word.partition("=")[0] not in takes:
            raise WrongCommandLine(_unknown(word, takes))
    try:
        options, left = parser.parse_known_args(argv)
    except argparse.ArgumentError as error:
        name = error.argument_name or ""
        what = takes.get(name) or next((takes[part] for part in name.split("/") if part in takes), "cannot be given so")
        raise WrongCommandLine(f"{name or 'An argument'} {what}. {_warning(argv)}".rstrip()) from None
    if left:
        raise WrongCommandLine(f"{count(len(left), 'argument')} too many. {WARNING}")
    return options


def _unknown(word: str, takes: Mapping[str, str]) -> str:
    name = word.partition("=")[0]
    if not name.startswith("--"):
        shown = name[:_SHOWN_OF_SHORT]
    else:
        shown = name if _OPTION.fullmatch(name) and scrub(name) == name else "an option that is not shown"
    near = get_close_matches(shown, takes, n=1, cutoff=_NEAR)
    guess = f"; did you mean {near[0]}?" if near else "."
    return f"There is no such option: {shown}{guess} {WARNING}"


def _warning(argv: Sequence[str]) -> str:
    """What else to say where a word looks like a key."""
    return WARNING if any(scrub(word) != word for word in argv) else ""
