"""A steward that is started in somebody's project, whose ``.env`` names another gateway and agrees to everything."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from examples.gateway import SUPPORTED, Silent
from examples.gateway.install import install
from examples.gateway.settings import default_home
from litellm_steward.setting_names import strays
from litellm_steward.settings import ENV_FILE, SETTINGS
from tests.live.conftest import Connect
from tests.live.harness import Seeded, types
from tests.processes import clean_environment

pytestmark = pytest.mark.live

NAME: Final = re.compile(r"""["'](LITELLM_[A-Z0-9_]+)["']""")


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture
def project(tmp_path: Path, elsewhere: socket.socket) -> Path:
    (tmp_path / ".env").write_text(
        f"STEWARD_APPROVAL=off\nLITELLM_BASE_URL=http://127.0.0.1:{elsewhere.getsockname()[1]}\n"
        f"STEWARD_AUDIT_LOG={tmp_path / 'record'}\nSTEWARD_KEY_DELIVERY=file\nSTEWARD_KEY_DIR={tmp_path / 'keys'}\n"
    )
    return tmp_path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.asyncio
async def test_delete_key_asks_whatever_lies_in_the_working_folder(
    gateway: Seeded, connect: Connect, project: Path, elsewhere: socket.socket
) -> None:
    alias = f"in-the-open-{time.monotonic_ns()}"
    async with connect(folder=project) as steward:
        made = (await steward("generate_key", key_alias=alias, max_budget=1)).ok()
        assert "key" in made, "shown in the reply, not written to the folder that the file names"
        planned = (await steward("delete_key", key=alias)).ok()
        assert planned["status"] == "approval_required"
        assert (await steward("get_key_info", key=alias)).ok()["status"] == "active"
    async with connect(types(alias), folder=project) as steward:
        assert (await steward("delete_key", key=alias)).ok()["status"] == "deleted"
    assert _names(project) == [".env"]
    with pytest.raises(BlockingIOError):
        elsewhere.accept()


@pytest.mark.asyncio
async def test_the_same_file_counts_where_it_is_named(gateway: Seeded, connect: Connect, project: Path) -> None:
    """So the test above would see it if it counted there. The environment, which names the gateway, wins."""
    alias = f"named-{time.monotonic_ns()}"
    async with connect(folder=project, STEWARD_ENV_FILE=str(project / ".env")) as steward:
        assert "key_file" in (await steward("generate_key", key_alias=alias, max_budget=1)).ok()
        assert (await steward("delete_key", key=alias)).ok()["status"] == "deleted"
    assert (project / "record").exists()


def test_check_writes_nothing_and_says_where_settings_came_from(gateway: Seeded, project: Path, tmp_path: Path) -> None:
    """On a gateway where all works, so that everything is asked."""
    file = tmp_path / "named"
    file.write_text(
        f"LITELLM_MASTER_KEY={gateway.running.master_key}\nSTEWARD_AUDIT_LOG={tmp_path / 'record'}\n"
        f"STEWARD_KEY_DELIVERY=file\nSTEWARD_KEY_DIR={tmp_path / 'new' / 'keys'}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "litellm_steward", "check", "--env-file", str(file), "--read-only"],
        env=clean_environment(LITELLM_BASE_URL=gateway.running.base_url),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    shown = " ".join(done.stdout.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "STEWARD_READ_ONLY from the command line; LITELLM_BASE_URL from the environment; LITELLM_MASTER_KEY, "
        f"STEWARD_KEY_DELIVERY, STEWARD_KEY_DIR, STEWARD_AUDIT_LOG from the file '{file}'; the others are the defaults"
    ) in shown
    assert gateway.running.master_key not in done.stdout
    assert _names(project) == [".env", "named"]


@pytest.mark.parametrize("version", SUPPORTED)
def test_no_name_that_litellm_reads_is_taken_for_a_misspelt_setting(version: str) -> None:
    """People run both on one machine, with one environment. A new release with a new name fails here."""
    packages = install(default_home(), version, Silent()).site_packages
    names = {
        name
        for package in ("litellm", "litellm_proxy_extras", "litellm_enterprise")
        for path in (packages / package).rglob("*.py")
        for name in NAME.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert {"LITELLM_SALT_KEY", "LITELLM_MODE", "LITELLM_MASTER_KEY"} <= names
    assert list(strays(dict.fromkeys(names, "x"), SETTINGS | {ENV_FILE})) == []
