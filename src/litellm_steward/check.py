"""``litellm-steward check``: will this configuration work?"""

from __future__ import annotations

import sys

from litellm_steward.settings import Settings
from litellm_steward.steward import open_steward


async def run(settings: Settings) -> int:
    """Print what was found; 0 if the proxy answers."""
    async with open_steward(settings) as steward:
        version = await steward.version()
    sys.stdout.write(f"{settings.litellm_base_url}: {version or 'no LiteLLM version found'}\n")
    return 0 if version else 1
