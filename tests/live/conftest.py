"""Seeded gateways for the live tests: the oldest and the newest LiteLLM release, one after the other.

``STEWARD_LIVE_PORT=4600`` keeps the gateways running on 4600 and 4601 between runs and uses what is
seeded there, and those of company size on 4610 to 4612: for developing a test, not for proving anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress

import pytest

from examples.gateway import NEWEST, OLDEST, SUPPORTED, Gateway, GatewayError, Ledger, seed
from examples.gateway.company_size import fill
from tests.live.company_directory import Filled
from tests.live.harness import Era, Evidence, Person, Seeded, Steward, over_stdio

VERSIONS = (OLDEST, NEWEST)

Connect = Callable[..., AbstractAsyncContextManager[Steward]]


@pytest.fixture(scope="session", params=VERSIONS)
def gateway(request: pytest.FixtureRequest) -> Iterator[Seeded]:
    version: str = request.param
    port = os.environ.get("STEWARD_LIVE_PORT")
    if port:
        yield _kept(version, int(port) + VERSIONS.index(version))
        return
    booted = Gateway(version)
    running = booted.up(owner_pid=os.getpid())
    try:
        yield Seeded(running, seed(running))
    finally:
        booted.down()


def _kept(version: str, port: int) -> Seeded:
    booted = Gateway(version, port=port)
    running = booted.up()
    with suppress(FileNotFoundError):
        return Seeded(running, Ledger.load(running.log_path.parent / "ledger.json"))
    return Seeded(running, seed(running))


@pytest.fixture(scope="session", params=SUPPORTED)
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """A gateway that holds a company of 50,000 keys. Nobody uses it, so that its figures stand still."""
    version: str = request.param
    port = os.environ.get("STEWARD_LIVE_PORT")
    if port:
        yield _kept_filled(version, int(port) + 10 + SUPPORTED.index(version))
        return
    booted = Gateway(version)
    running = booted.up(owner_pid=os.getpid())
    try:
        yield Filled(running, fill(running))
    finally:
        booted.down()


def _kept_filled(version: str, port: int) -> Filled:
    """Filled once a day: the books end on the day on which it was done."""
    booted = Gateway(version, port=port)
    running = booted.up()
    try:
        return Filled(running, fill(running))
    except GatewayError:
        running = booted.up(fresh=True)
        return Filled(running, fill(running))


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return Evidence(tmp_path_factory.mktemp("evidence"))


@pytest.fixture
def connect(gateway: Seeded, evidence: Evidence) -> Connect:
    """``async with connect(person=types("cs-bot"), STEWARD_READ_ONLY="true") as steward: ...``."""

    def open_one(
        person: Person | None = None, era: Era = "auto", **settings: str
    ) -> AbstractAsyncContextManager[Steward]:
        return over_stdio(gateway.running, evidence, person, era, **settings)

    return open_one
