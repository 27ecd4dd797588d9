"""How a new key reaches the person who asked: shown once in the reply, or written to a file."""

from __future__ import annotations

import errno
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from litellm_steward.errors import Refused
from litellm_steward.secret import reveal
from litellm_steward.settings import Settings


@dataclass(frozen=True)
class Delivered:
    """Exactly one of the two is set."""

    key: str | None = None
    key_file: str | None = None


def prepare_delivery(settings: Settings) -> None:
    """Fail before a key is made, not after, if it could not be handed over."""
    if settings.steward_key_delivery == "file":
        _folder(settings)


def check_delivery(settings: Settings) -> None:
    """As ``prepare_delivery``, but the folder is not made: raises ``Refused`` if it could not be used or made."""
    folder = settings.steward_key_dir
    if settings.steward_key_delivery != "file" or folder is None:
        return
    try:
        if not folder.exists():
            _check_can_be_made(folder)
            return
        _check_folder(folder)
    except OSError as error:
        raise _unusable(error) from error


def deliver(settings: Settings, key: SecretStr, name: str) -> Delivered:
    """Hand over a new key. In a file: mode 0600, in a folder of mode 0700, never over an existing file."""
    if settings.steward_key_delivery == "reply":
        return Delivered(key=reveal(key))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "key"
    folder = _folder(settings)
    whole = folder / f".{secrets.token_hex(8)}.part"
    try:
        _write(whole, reveal(key) + "\n")
        for attempt in range(1, 100):
            path = folder / (f"{stem}.key" if attempt == 1 else f"{stem}-{attempt}.key")
            try:
                os.link(whole, path)  # at once and whole, and never over a file or a link that is there
            except FileExistsError:
                continue
            return Delivered(key_file=str(path))
    except OSError as error:
        raise Refused(f"STEWARD_KEY_DIR could not be written ({error.strerror})") from error
    finally:
        whole.unlink(missing_ok=True)
    raise Refused(f"STEWARD_KEY_DIR has too many files called {stem}")


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _folder(settings: Settings) -> Path:
    folder = settings.steward_key_dir
    if folder is None:
        raise Refused("STEWARD_KEY_DELIVERY=file needs STEWARD_KEY_DIR")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(folder)
    except OSError as error:
        raise _unusable(error) from error
    return folder


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if folder.stat().st_mode & 0o077:
        raise Refused(f"STEWARD_KEY_DIR must be accessible to its owner only: chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Refused("STEWARD_KEY_DIR is not writable")


def _check_can_be_made(folder: Path) -> None:
    """What ``mkdir --parents`` would need: the nearest folder that is there is one, and may be written to."""
    above = next(parent for parent in folder.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if os.path.lexists(folder) or not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _unusable(error: OSError) -> Refused:
    return Refused(f"STEWARD_KEY_DIR cannot be used ({error.strerror})")
