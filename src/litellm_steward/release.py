"""The release that the proxy runs: found out when needed, kept for a while, and refused where it is not supported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.releases import learn_release
from litellm_steward.api.version import Version, detect, unsupported
from litellm_steward.together import patiently

KEPT: Final = 300.0
"""Seconds: the proxy may be upgraded, and to one that does not tell its release the question costs megabytes."""

KEPT_UNSUPPORTED: Final = 30.0
"""Seconds: the same after a release that is not supported, and after no answer."""


@dataclass
class KnownRelease:
    """What is known of one proxy's release, with one key."""

    clock: Callable[[], float] = time.monotonic
    _announced: Version | None = None
    _announced_until: float = 0
    _version: Version | None = None
    _version_until: float = 0
    _asking: anyio.Lock = field(default_factory=anyio.Lock)

    async def require_supported(self, proxy: Proxy) -> None:
        """Raises ``Unsupported`` for a release that is too old, or known to be harmful; before anything else is asked.

        Every such release names itself to whoever asks, so the light question is enough. A proxy that does not name
        itself there, or does not answer, goes on: what is asked of it next says what is wrong.
        """
        async with self._asking:
            if self.clock() >= self._announced_until:
                answered, self._announced = await patiently(learn_release(proxy), (False, None))
                known = answered and unsupported(self._announced) is None
                self._announced_until = self.clock() + (KEPT if known else KEPT_UNSUPPORTED)
        refusal = unsupported(self._announced)
        if refusal is not None:
            raise refusal

    async def version(self, proxy: Proxy) -> Version | None:
        """The release; ``None`` if the proxy does not tell."""
        if self._announced is not None and self.clock() < self._announced_until:
            return self._announced
        if self.clock() >= self._version_until:
            self._version = await detect(proxy)
            self._version_until = self.clock() + KEPT
        return self._version
