"""Counting tokens as models do (cl100k_base)."""

from __future__ import annotations

import json
from functools import cache

from bpe_openai import Encoding, get_encoding


@cache
def _encoding() -> Encoding:
    return get_encoding("cl100k_base")


def tokens(value: object) -> int:
    """Tokens of a text, or of a value as compact JSON."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(_encoding().encode(text))
