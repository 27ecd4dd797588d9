"""Where credentials come from, and the one place that unwraps them.

A secret lives in a ``SecretStr`` from the moment it enters the process. ``reveal`` is called only where it is
sent, shown once, compared, hashed or searched for.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

from pydantic import SecretStr

from litellm_steward.errors import Fault, StewardError


class SecretUnavailable(StewardError):
    """A credential is not configured or cannot be read; the message says how to mend it."""

    fault: ClassVar[Fault] = "admin key"


class SecretSource(Protocol):
    """Something that can be asked for a secret, each time it is needed."""

    def read(self) -> SecretStr: ...


class ConstantSecret:
    """A secret given as a setting."""

    def __init__(self, name: str, value: SecretStr | None) -> None:
        self._name, self._value = name, value

    def read(self) -> SecretStr:
        if self._value is None:
            raise SecretUnavailable(
                f"No LiteLLM admin key is configured: set {self._name} or {self._name}_FILE",
                hint="Run `litellm-steward check` to see what else is missing.",
            )
        return _sendable(self._name, self._value)


class FileSecret:
    """A secret in a file, read each time so that a rotation needs no restart."""

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path

    def read(self) -> SecretStr:
        try:
            value = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            raise SecretUnavailable(f"{self._name} names a file that cannot be read ({reason})") from None
        if not value:
            raise SecretUnavailable(f"{self._name} names an empty file")
        return _sendable(self._name, SecretStr(value))


def _sendable(name: str, secret: SecretStr) -> SecretStr:
    value = reveal(secret)
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise SecretUnavailable(
            f"{name} holds characters that no key has",
            hint="Look for a line break, a blank or a typographic quotation mark in it.",
        )
    return secret


class NoSecret:
    """A secret that is not ours to hold; asking for it is answered with what to do instead."""

    def __init__(self, message: str, *, hint: str) -> None:
        self._message, self._hint = message, hint

    def read(self) -> SecretStr:
        raise SecretUnavailable(self._message, hint=self._hint)


def reveal(secret: SecretStr) -> str:
    """Unwrap a secret. Every call is a place to review; there is no other."""
    return secret.get_secret_value()
