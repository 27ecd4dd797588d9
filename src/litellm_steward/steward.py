"""What every tool works with, opened once for the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import anyio
from pydantic import SecretStr

from litellm_steward.access import KnownAccess
from litellm_steward.api.proxy import Proxy, Transport
from litellm_steward.api.version import Version
from litellm_steward.approval import Approvals
from litellm_steward.audit import AuditLog
from litellm_steward.release import KnownRelease
from litellm_steward.reports import Reports
from litellm_steward.secret import ConstantSecret
from litellm_steward.settings import KEY_HEADER, Settings, SettingsError

CALLERS_KEPT: Final = 256
"""Callers with keys of their own whose reports are kept."""


@dataclass
class Steward:
    """The settings, the one connection to the proxy, the approvals in flight and the reports to fetch."""

    settings: Settings
    proxy: Proxy
    approvals: Approvals
    reports: Reports = field(default_factory=Reports)
    audit: AuditLog = field(default_factory=AuditLog)
    release: KnownRelease = field(default_factory=KnownRelease)
    access: KnownAccess = field(default_factory=KnownAccess)
    changing_models: anyio.Lock = field(default_factory=anyio.Lock)
    """Held by who changes deployments or fallbacks: each change is judged by those that are there."""
    _callers: OrderedDict[str, Steward] = field(default_factory=OrderedDict)

    async def version(self) -> Version | None:
        """The proxy's release, found out when needed and kept for a while; ``None`` if it does not tell."""
        return await self.release.version(self.proxy)

    def of_caller(self, identity: str, key: SecretStr) -> Steward:
        """The steward that works with this caller's key.

        It shares connections, the record and the approvals, which are bound to who asked for them. What the
        proxy told one caller, no other is told.
        """
        found = self._callers.pop(identity, None)
        if found is None:
            proxy = self.proxy.with_key(
                ConstantSecret(KEY_HEADER, key), hint=f"It is the one in this request's {KEY_HEADER}."
            )
            found = replace(
                self,
                proxy=proxy,
                reports=Reports(),
                release=KnownRelease(),
                access=KnownAccess(),
                _callers=OrderedDict(),
            )
        self._callers[identity] = found
        if len(self._callers) > CALLERS_KEPT:
            self._forget_one()
        return found

    def _forget_one(self) -> None:
        """Not the one that calls now; first a caller whose key was never accepted, which may be made up."""
        *others, _ = self._callers.items()
        unknown = [identity for identity, steward in others if steward.access.last is None]
        del self._callers[unknown[0] if unknown else others[0][0]]


def make_steward(settings: Settings, transport: Transport | None = None) -> Steward:
    """A steward that sends nothing yet. Raises ``SettingsError`` for a record that cannot be kept."""
    audit = AuditLog(settings.steward_audit_log)
    try:
        audit.check()
    except OSError as error:
        raise SettingsError(f"STEWARD_AUDIT_LOG cannot be written ({error.strerror})") from None
    proxy = Proxy(
        settings.litellm_base_url,
        settings.master_key,
        key_header=settings.litellm_key_header,
        timeout=settings.steward_timeout,
        transport=transport,
        before_write=audit.before_write,
    )
    return Steward(
        settings, proxy, Approvals.shared(settings.steward_approval, settings.steward_approval_key), audit=audit
    )


@asynccontextmanager
async def open_steward(settings: Settings) -> AsyncIterator[Steward]:
    """The process's steward. Nothing is sent: a dead proxy must not stop the server from starting."""
    steward = make_steward(settings)
    async with steward.proxy:
        yield steward
