"""What all unit tests share: nothing of the machine's environment reaches them, and nothing leaves it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steward's settings come from the test alone."""
    for name in os.environ:
        if name.startswith(("LITELLM_", "STEWARD_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True, scope="session")
def no_certificates() -> Iterator[None]:
    """No test speaks TLS, and reading the machine's certificates takes longer than most tests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("httpx.create_ssl_context", "httpx._transports.default.create_ssl_context"):
            patch.setattr(name, lambda **_: context)
        yield


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries do not wait; what they would have waited is written down here."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("litellm_steward.api.proxy.anyio.sleep", sleep)
    return waited
