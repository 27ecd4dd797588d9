"""``litellm-steward check`` as a person runs it, and whether what it foretells comes true."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.gateway import Running
from tests.live.conftest import Connect
from tests.live.harness import Seeded
from tests.processes import clean_environment

pytestmark = pytest.mark.live

READS = {
    "get_key_info": {"key": "cs-bot"},
    "get_model_info": {},
    "get_team_info": {"team": "Marketing"},
    "get_user_info": {"user": "alex_dev"},
}


@dataclass
class Screen:
    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.lines).split())

    def line(self, name: str) -> str:
        return next(line for line in self.lines if line[7:20].strip() == name)

    @property
    def failing(self) -> str:
        """The tools that are said not to work."""
        _, found, rest = " ".join(line.strip() for line in self.lines).partition("tools  not")
        return rest if found else ""


def check(folder: Path, base_url: str, key: str, **settings: str) -> Screen:
    done = subprocess.run(
        [sys.executable, "-m", "litellm_steward", "check"],
        env=clean_environment(LITELLM_BASE_URL=base_url, LITELLM_MASTER_KEY=key, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert key not in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 25, done.stdout
    return Screen(done.returncode, lines)


def test_the_master_key(gateway: Seeded, tmp_path: Path) -> None:
    seen = check(tmp_path, gateway.running.base_url, gateway.running.master_key)
    assert seen.code == 0
    assert seen.line("LiteLLM").startswith(f"ok     LiteLLM      {gateway.version}")
    assert seen.line("database") == "ok     database     connected"
    assert seen.line("admin key") == "ok     admin key    the master key"
    assert seen.line("new models").startswith("ok")
    assert ("no latency" in seen.text) == gateway.is_oldest
    assert seen.failing == ""
    assert seen.lines[-1] == "This configuration works."


@pytest.mark.parametrize("alias", ["", "old-contractor", "trial-key"])
def test_a_wrong_a_blocked_and_an_expired_key(gateway: Seeded, tmp_path: Path, alias: str) -> None:
    key = gateway.ledger.keys[alias].raw if alias else "sk-a-key-that-nobody-has"
    seen = check(tmp_path, gateway.running.base_url, key)
    assert seen.code == 1
    assert seen.line("admin key").startswith("FAULT")
    assert "Set LITELLM_MASTER_KEY to the proxy's master key" in seen.text


@pytest.mark.asyncio
async def test_what_is_foretold_of_a_viewers_key_comes_true(gateway: Seeded, connect: Connect, tmp_path: Path) -> None:
    key = gateway.ledger.keys["viewer-key"].raw
    seen = check(tmp_path, gateway.running.base_url, key)
    assert seen.code == 1
    assert "a viewer's key of user 'viewer'" in seen.line("admin key")
    async with connect(LITELLM_MASTER_KEY=key) as steward:
        failed = {tool for tool, arguments in READS.items() if (await steward(tool, **arguments)).is_error}
        assert "may not" in (await steward("create_team", team_alias="never")).error()
    assert {tool for tool in READS if tool in seen.failing} == failed
    assert "create_team" in seen.failing


def test_a_viewers_key_is_enough_to_read_all_but_customers(gateway: Seeded, tmp_path: Path) -> None:
    key = gateway.ledger.keys["viewer-key"].raw
    seen = check(tmp_path, gateway.running.base_url, key, STEWARD_READ_ONLY="true")
    assert seen.code == (1 if gateway.is_oldest else 0), seen.text
    assert ("get_user_info: this key may not read customers" in seen.text) == gateway.is_oldest


def test_a_limited_key(gateway: Seeded, tmp_path: Path) -> None:
    seen = check(tmp_path, gateway.running.base_url, gateway.ledger.keys["alex-personal"].raw)
    assert seen.code == 1
    assert "a limited key, not an admin's, of user 'alex_dev'" in seen.line("admin key")
    assert "Use the master key" in seen.text


def test_a_dead_proxy_is_told(tmp_path: Path) -> None:
    seen = check(tmp_path, "http://127.0.0.1:9", "sk-whatever-it-is")
    assert seen.code == 1
    assert "No connection to the LiteLLM proxy at http://127.0.0.1:9 (connection refused)" in seen.text


def test_a_proxy_without_a_database(without_database: Running, tmp_path: Path) -> None:
    seen = check(tmp_path, without_database.base_url, without_database.master_key)
    other = check(tmp_path, without_database.base_url, "sk-a-key-that-nobody-has")
    assert (seen.code, other.code) == (1, 1)
    assert seen.line("database").startswith("FAULT")
    assert "Set DATABASE_URL in the proxy's environment" in seen.text
    assert "get_model_info" not in seen.failing
    assert "not the master key" in other.line("admin key")
