"""What every tool works with, opened once for the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import Version, detect
from litellm_steward.approval import Approvals
from litellm_steward.reports import Reports
from litellm_steward.settings import Settings


@dataclass
class Steward:
    """The settings, the one connection to the proxy, the approvals in flight and the reports to fetch."""

    settings: Settings
    proxy: Proxy
    approvals: Approvals
    reports: Reports = field(default_factory=Reports)
    _version: Version | None = None

    async def version(self) -> Version | None:
        """The proxy's release, found out when first needed and kept; ``None`` if it does not tell."""
        if self._version is None:
            self._version = await detect(self.proxy)
        return self._version


@asynccontextmanager
async def open_steward(settings: Settings) -> AsyncIterator[Steward]:
    """The process's steward. Nothing is sent: a dead proxy must not stop the server from starting."""
    async with Proxy(
        settings.litellm_base_url,
        settings.master_key,
        key_header=settings.litellm_key_header,
        timeout=settings.steward_timeout,
    ) as proxy:
        yield Steward(settings, proxy, Approvals(settings.steward_approval))
