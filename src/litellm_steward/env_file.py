"""A file of settings that somebody named: lines of ``NAME=VALUE``, as python-dotenv reads them.

Values are taken as they stand: ``${NAME}`` is not replaced, because a password may hold a dollar sign, and because
a file that is read must not depend on anything else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from litellm_steward.setting_names import looks_like_ours

LARGEST: Final = 256 * 1024
"""Bytes. A file of settings has a few hundred; somebody may name a log, or a device without end."""


class EnvFileUnusable(Exception):
    """Why a file cannot be used. It quotes nothing of the file's content."""


def read_env_file(path: Path) -> Mapping[str, str]:
    """The variables of a file, by their names as written; an empty value is one.

    Raises ``EnvFileUnusable``. A file may be shared with other programs, so lines that cannot be meant for us
    are left out: names that no variable has, and names without ``=``, with which Docker passes a variable on.
    """
    return dict(variable for binding in parse_stream(io.StringIO(_text(path))) for variable in _variables(binding))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise EnvFileUnusable(f"cannot be read ({error.strerror})") from None
    except ValueError:  # a path with a zero byte
        raise EnvFileUnusable("cannot be read (no such path can be)") from None
    if len(content) > LARGEST:
        raise EnvFileUnusable(f"is larger than {LARGEST // 1024} KiB, so it is no file of settings")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EnvFileUnusable("is not UTF-8 text") from None
    if "\0" in text:
        raise EnvFileUnusable("is not UTF-8 text")
    return text


def _variables(binding: Binding) -> Iterator[tuple[str, str]]:
    """None for an empty line or a comment."""
    broken = EnvFileUnusable(f"is malformed: the statement at line {_line(binding)} is not NAME=VALUE")
    if binding.error:
        raise broken
    if binding.key is None:
        return
    if binding.value is not None and binding.key.isidentifier():
        yield binding.key, binding.value
    elif looks_like_ours(binding.key) or not (binding.key.isidentifier() or binding.value is not None):
        raise broken


def _line(binding: Binding) -> int:
    """Where the statement begins; the parser counts the empty lines before it to it."""
    written = binding.original.string
    return binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
