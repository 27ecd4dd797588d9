"""The two secrets of a home: the proxy's master key, and the key that encrypts what it keeps in its database.

Each is made at random when it is first needed and kept in a file that only its owner can read. To have a master key of
your own, write it into the file before the first `up`.
"""

import os
import secrets
from pathlib import Path

from .errors import GatewayError
from .locks import locked


def master_key(home: Path) -> str:
    """The administrator's credential on every gateway of this home."""
    return _kept(home / "master-key")


def salt_key(home: Path) -> str:
    """What the proxies of this home encrypt with; it must stay the same for as long as their databases live."""
    return _kept(home / "salt-key")


def _kept(file: Path) -> str:
    """The key in this file, made first if there is none."""
    with locked(file.parent / "keys.lock"):
        if not file.exists():
            draft = file.with_name(f".{file.name}")
            draft.unlink(missing_ok=True)  # of one that died half-way
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
                new.write(f"sk-{secrets.token_urlsafe(24)}\n")
            draft.replace(file)
        key = file.read_text(encoding="utf-8").strip()
    if not key.startswith("sk-") or len(key.split()) != 1:
        raise GatewayError(f"{file} holds no key: it must be one word that begins with `sk-`; remove it for a new one.")
    return key
