"""What all unit tests share: nothing of the machine's environment reaches them, and nothing leaves it."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steward's settings come from the test alone."""
    for name in os.environ:
        if name.startswith(("LITELLM_", "STEWARD_")):
            monkeypatch.delenv(name)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries do not wait; what they would have waited is written down here."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("litellm_steward.api.proxy.anyio.sleep", sleep)
    return waited
