"""Stored credentials: ``GET /credentials``. Only their names are read; the values come masked and are dropped."""

from __future__ import annotations

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.wire import Rows, Wire


class Credential(Wire):
    credential_name: str = ""


class Credentials(Wire):
    credentials: Rows[Credential] = []


async def names(proxy: Proxy) -> list[str]:
    """The names a deployment can refer to as ``litellm_credential_name``."""
    return [c.credential_name for c in (await proxy.get("/credentials", Credentials)).credentials if c.credential_name]
