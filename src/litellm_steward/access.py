"""What the steward's own key may do at the proxy, found out when somebody asks for the tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from litellm_steward.api import standing
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.standing import OwnKey
from litellm_steward.together import patiently

ADMIN: Final = "proxy_admin"
VIEWER: Final = "proxy_admin_viewer"
MANAGEMENT: Final = "management_routes"

KNOWN_FOR: Final = 300.0
UNKNOWN_FOR: Final = 30.0
"""Seconds until the proxy is asked again, after an answer and after none."""


@dataclass(frozen=True)
class Access:
    """Our own key at the proxy: no virtual key is the master key. ``role`` is that of its user."""

    key: OwnKey | None
    role: str

    @property
    def sees_the_company(self) -> bool:
        """Anybody else is shown their own keys and teams as if there were no others."""
        return self.key is None or self.role in {ADMIN, VIEWER}

    @property
    def may_change(self) -> bool:
        """The master key, or a key of an admin that is not confined to other routes."""
        if self.key is None:
            return True
        return self.role == ADMIN and (not self.key.allowed_routes or MANAGEMENT in self.key.allowed_routes)

    def obstacle(self, *, changes: bool) -> str | None:
        """Why a tool cannot work with this key."""
        if not self.sees_the_company:
            return "the LiteLLM key in use is not an admin's: the proxy would show it only a part, as if it were all"
        if changes and not self.may_change:
            return "the LiteLLM key in use may not change anything at the proxy"
        return None


async def access_of(proxy: Proxy) -> Access:
    """``GET /key/info`` and, for a virtual key, its user's role. A dead proxy is not waited for."""
    key = await standing.own_key(proxy, attempts=1)
    role = await standing.role_of(proxy, key.user_id) if key is not None and key.user_id else ""
    return Access(key, role)


@dataclass
class KnownAccess:
    """The last answer, and when to ask again. Without one every tool is offered, and the proxy refuses what it must."""

    clock: Callable[[], float] = time.monotonic
    last: Access | None = None
    _until: float = 0
    _asking: anyio.Lock = field(default_factory=anyio.Lock)

    async def known(self, proxy: Proxy) -> Access | None:
        """The last answer, however old; waited for only if nobody has ever asked.

        A key that sees a part only would be answered with it as if it were all: the proxy does not refuse.
        """
        return self.last if self._until else await self.ask(proxy)

    async def ask(self, proxy: Proxy) -> Access | None:
        """The answer, waited for only if it is due."""
        async with self._asking:
            if self.clock() < self._until:
                return self.last
            found = self.last = await patiently(access_of(proxy), None)
            self._until = self.clock() + (KNOWN_FOR if found is not None else UNKNOWN_FOR)
            return found
