"""On which LiteLLM releases the live tests run; ``TEST_RELEASES`` names others, as in ``lts 1.109.1``."""

from __future__ import annotations

import os
from typing import Final

from examples.gateway import NEWEST, OLDEST, SUPPORTED, version_of
from examples.gateway.settings import release


def chosen(usual: tuple[str, ...]) -> tuple[str, ...]:
    """The versions that were named, each once and oldest first; the usual ones if none were."""
    named = os.environ.get("TEST_RELEASES", "").split()
    return tuple(sorted({version_of(name) for name in named}, key=release)) or usual


SEEDED: Final = chosen((OLDEST, NEWEST))
AT_COMPANY_SIZE: Final = chosen(SUPPORTED)
