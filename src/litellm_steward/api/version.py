"""Which LiteLLM release answers, found out once and cheaply."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from litellm_steward import errors
from litellm_steward.api import tested
from litellm_steward.api.proxy import ATTEMPTS, Proxy
from litellm_steward.api.wire import Wire


class Version(NamedTuple):
    """``1.108.5`` as numbers that compare."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        match = re.match(r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", text)
        return cls(*(int(part) for part in match.groups())) if match else None

    def __str__(self) -> str:
        return ".".join(map(str, self))


OLDEST_SUPPORTED: Final = Version(*tested.OLDEST)
NEWEST_TESTED: Final = Version(*tested.NEWEST)
"""The README says by which policy releases are chosen."""


HARMFUL: Final = frozenset({Version(1, 82, 7), Version(1, 82, 8)})
"""Published with malware that sent away what it found (PYSEC-2026-2)."""


def unsupported(version: Version | None) -> errors.Unsupported | None:
    """What is said of a release that is not served; ``None`` for every other, and for one that is not known."""
    if version is None or version >= OLDEST_SUPPORTED:
        return None
    if version in HARMFUL:
        return errors.Unsupported(
            f"LiteLLM {version} was published with malware (PYSEC-2026-2)",
            hint="Stop this proxy, and replace every credential that it or its machine could read: the providers' "
            "keys, the master key and all virtual keys, the salt key, the database's password.",
        )
    return errors.Unsupported(
        f"LiteLLM {version} is older than this steward supports ({OLDEST_SUPPORTED} and newer)",
        hint="Upgrade the proxy.",
    )


class Readiness(Wire):
    """``GET /health/readiness`` (and ``/details``): ``db`` is ``connected`` or says what is wrong."""

    status: str = ""
    db: str = ""
    litellm_version: str = ""


class OpenApi(Wire):
    """The head of ``/openapi.json``."""

    class Info(Wire):
        version: str = ""

    info: Info = Info()


async def readiness(proxy: Proxy, *, attempts: int = ATTEMPTS) -> Readiness:
    """``GET /health/readiness``; a 503 with the same body means the database is down."""
    return await proxy.get("/health/readiness", Readiness, also=(503,), attempts=attempts)


async def detect(proxy: Proxy) -> Version | None:
    """The release, or ``None`` if the proxy does not tell.

    Up to 1.83 the unauthenticated readiness answer names it, from 1.91 its authenticated ``details``
    do, and in between the OpenAPI document does.
    """
    for path in ("/health/readiness", "/health/readiness/details"):
        try:
            answer = await proxy.get(path, Readiness, also=(503,))
        except (errors.Missing, errors.RouteMissing, errors.RoleRefused):
            continue
        version = Version.parse(answer.litellm_version)
        if version is not None:
            return version
    try:
        document = await proxy.get("/openapi.json", OpenApi)
    except (errors.Missing, errors.RouteMissing, errors.RoleRefused):
        return None
    return Version.parse(document.info.version)
