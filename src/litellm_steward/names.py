"""Names that are about to be stored in the proxy: what we refuse to create, and names we choose."""

from __future__ import annotations

import re
import secrets

from litellm_steward.errors import InvalidArgument
from litellm_steward.periods import utc_now
from litellm_steward.text import clean, is_key_hash, is_masked_key, is_raw_key


def check_name(argument: str, value: str | None) -> str | None:
    """A name people and models can read back: visible characters, one line, not a credential."""
    if value is None:
        return None
    if value != clean(value, 255) or not value:
        raise InvalidArgument(
            f"{argument} must be one line of at most 255 visible characters, without spaces at its ends, "
            "HTML tags or Markdown links"
        )
    if is_raw_key(value) or is_masked_key(value) or is_key_hash(value.lower()):
        raise InvalidArgument(f"{argument} looks like a key; names are stored and shown in clear")
    return value


def chosen_alias(*hints: str | None) -> str:
    """An alias for a key that was given none: a lost answer can then be looked up, and people can tell keys apart."""
    slug = next((s for s in (re.sub(r"[^a-z0-9]+", "-", (h or "").lower()).strip("-") for h in hints) if s), "key")
    return f"{slug[:40]}-{utc_now():%Y%m%d}-{secrets.token_hex(3)}"
