"""Time and chance held still, for the recorder and for the tests that play what it recorded."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from functools import cache
from itertools import count
from types import ModuleType, SimpleNamespace
from typing import Final, Self
from unittest.mock import patch

import litellm_steward
from litellm_steward.api import keys as key_api

ALIAS_END: Final = "c0ffee"
"""What ends an alias that the steward chose, instead of random digits."""


def chosen_id(number: int) -> str:
    """The n-th id that the steward chooses."""
    return f"1d000000-0000-4000-8000-{number:012d}"


@contextmanager
def still(now: datetime) -> Iterator[None]:
    """Inside, it is always ``now``, and chosen ids and aliases are always the same."""
    numbers = count(1)

    class Still(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now.timestamp(), tz)

    with ExitStack() as stack:
        for module in package():
            if hasattr(module, "utc_now"):
                stack.enter_context(patch.object(module, "utc_now", lambda: now))
        stack.enter_context(patch.object(key_api, "datetime", Still))
        stack.enter_context(patch.object(uuid, "uuid4", lambda: uuid.UUID(chosen_id(next(numbers)))))
        alike = SimpleNamespace(token_hex=lambda _: ALIAS_END)
        stack.enter_context(patch("litellm_steward.names.secrets", alike))
        yield


@cache
def package() -> tuple[ModuleType, ...]:
    """Every module of the product."""
    found = pkgutil.walk_packages(litellm_steward.__path__, "litellm_steward.")
    return tuple(importlib.import_module(module.name) for module in found if not module.name.endswith("__main__"))
