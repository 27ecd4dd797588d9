"""What the tested releases lack, so that nobody has to try it on them. Other releases are found out by trying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.teams import SEARCH
from litellm_steward.api.version import Version, readiness

LACKS: Final[Mapping[Version, frozenset[str]]] = {
    Version(1, 83, 14): frozenset(
        {
            SEARCH,
            "GET /user/daily/activity/aggregated/keys",
            "GET /user/daily/activity/aggregated/users",
            "GET /user/daily/activity/export",
            "GET /team/daily/activity/aggregated",
            "GET /team/daily/activity/aggregated/keys",
            "GET /team/daily/activity/export",
            "GET /customer/daily/activity/aggregated",
            "GET /customer/daily/activity/export",
            "GET /tag/daily/activity/aggregated",
            "GET /tag/daily/activity/export",
        }
    )
}


async def learn_release(proxy: Proxy) -> tuple[bool, Version | None]:
    """``GET /health/readiness``: that it was answered, and the release if it is one that names itself there."""
    version = Version.parse((await readiness(proxy, attempts=1)).litellm_version)
    for what in LACKS.get(version, ()) if version else ():
        proxy.note_lack(what)
    return True, version
