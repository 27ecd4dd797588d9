"""How much an answer may take when nobody asked for more: lists in it are as long as fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from litellm_steward.tools.view import View

ROOM: Final = 1_400
"""Tokens of structured content, by ``size``; it is an estimate, and 1,500 are to be kept."""

_DENSE: Final = re.compile(r"[0-9a-f-]{32,}")
"""Hashes of keys and ids of deployments: letters that no tokenizer has words for."""

V = TypeVar("V", bound=View)


def size(view: View) -> int:
    """About how many tokens a view is as it is sent: three bytes each, and half as many of a hash."""
    text = view.model_dump_json(exclude_none=True)
    return (len(text.encode()) + sum(map(len, _DENSE.findall(text)))) // 3


def fitting(views: Sequence[V], room: int) -> list[V]:
    """As many as fit; at least one."""
    chosen = list[V]()
    for view in views:
        room -= size(view)
        if room < 0 and chosen:
            break
        chosen.append(view)
    return chosen
