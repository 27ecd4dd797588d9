"""Gateways for the live tests, one LiteLLM release after the other.

Tests of a seeded gateway run on the oldest and the newest release, those of company size on every supported one.
``TEST_RELEASES="lts newest"`` (``make test RELEASES="lts newest"``) names the releases for both instead.

``TEST_GATEWAY_PORT=4600`` keeps the gateways running from 4600 on between runs and uses what is
seeded there, and those of company size from 4610 on: for developing a test, not for proving anything.
What is seeded there agrees with its ledger (``test_aa_seeded_gateway.py``) only until other tests add to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from examples.gateway import Gateway, GatewayError, Ledger, Running, seed
from examples.gateway.company_size import fill
from tests.live.company_directory import Filled
from tests.live.harness import Era, Evidence, Person, Seeded, Steward, over_stdio
from tests.releases import AT_COMPANY_SIZE, SEEDED

SOMEBODYS_KEY = "sk-must-not-reach-the-proxy"
"""In the environment of whoever starts a gateway, under the names of ``SOMEBODYS``."""
SOMEBODYS = ("OPENAI_API_KEY", "LITELLM_MASTER_KEY", "AWS_SECRET_ACCESS_KEY")

Connect = Callable[..., AbstractAsyncContextManager[Steward]]


@pytest.fixture(scope="session", params=SEEDED)
def gateway(request: pytest.FixtureRequest, evidence: Evidence) -> Iterator[Seeded]:
    with _up(request.param, SEEDED.index(request.param)) as (_, running):
        seeded = Seeded(running, _ledger(running))
        for key in seeded.ledger.keys.values():
            evidence.canaries.plant("virtual key", key.raw)
        yield seeded


@contextmanager
def _up(version: str, number: int) -> Iterator[tuple[Gateway, Running]]:
    """Booted for these tests, or one that is kept running on the port of this number."""
    port = os.environ.get("TEST_GATEWAY_PORT")
    if port:
        kept = Gateway(version, port=int(port) + number)
        yield kept, kept.up()
        return
    booted = Gateway(version)
    try:
        yield booted, _started(booted)
    finally:
        booted.down()


def _started(booted: Gateway) -> Running:
    """Ends with this process. Its environment is to be its own."""
    with pytest.MonkeyPatch.context() as environment:
        for name in SOMEBODYS:
            environment.setenv(name, SOMEBODYS_KEY)
        return booted.up(owner_pid=os.getpid())


@pytest.fixture(scope="session", params=SEEDED[-1:])
def without_database(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A proxy that knows its models and nothing else."""
    booted = Gateway(request.param)
    try:
        yield booted.up(owner_pid=os.getpid(), database=False)
    finally:
        booted.down()


def _ledger(running: Running) -> Ledger:
    """What is seeded there, or will be now."""
    with suppress(FileNotFoundError):
        return Ledger.load(running.log_path.parent / "ledger.json")
    return seed(running)


@pytest.fixture(scope="session", params=AT_COMPANY_SIZE)
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """A gateway that holds a company of 50,000 keys. Nobody uses it, so that its figures stand still."""
    with _up(request.param, 10 + AT_COMPANY_SIZE.index(request.param)) as (booted, running):
        try:
            filled = Filled(running, fill(running))
        except GatewayError:
            if booted.ephemeral:
                raise
            emptied = booted.up(fresh=True)  # the books of one that was kept end on the day on which it was filled
            filled = Filled(emptied, fill(emptied))
        yield filled


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Searched at the end, in every process that runs live tests: a leak is the error of the last test there."""
    gathered = Evidence(tmp_path_factory.mktemp("evidence"))
    yield gathered
    assert gathered.leaks() == []


@pytest.fixture
def connect(gateway: Seeded, evidence: Evidence) -> Connect:
    """``async with connect(person=types("cs-bot"), STEWARD_READ_ONLY="true") as steward: ...``."""

    def open_one(
        person: Person | None = None, era: Era = "auto", folder: Path | None = None, **settings: str
    ) -> AbstractAsyncContextManager[Steward]:
        return over_stdio(gateway.running, evidence, person, era, folder, **settings)

    return open_one
