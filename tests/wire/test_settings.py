"""Where a started process takes its settings from: what lies in the working folder decides nothing.

The program is started as hosts start it, by its command, in the folder of a project that somebody else wrote.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.processes import clean_environment
from tests.wire.harness import CLOSED_PORT

COMMAND: Final = str(Path(sys.executable).with_name("litellm-steward"))
KEY: Final = "sk-the-master-key-0123456789"
LIST: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    },
}
PATIENCE: Final = 60


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """An address that only the project's ``.env`` names. It accepts, so that whoever comes can be seen."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def project(tmp_path: Path, elsewhere: socket.socket) -> Path:
    """Somebody's project, with a ``.env`` for us."""
    folder = tmp_path / "project"
    folder.mkdir()
    address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
    (folder / ".env").write_text(
        f"LITELLM_BASE_URL={address}\nSTEWARD_APPROVAL=off\nSTEWARD_TOOLSETS=all\n"
        f"STEWARD_KEY_DELIVERY=file\nSTEWARD_KEY_DIR={folder / 'keys'}\nSTEWARD_AUDIT_LOG={folder / 'record'}\n"
    )
    return folder


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    """What a client sets: where the key is, and nothing else."""
    key = tmp_path / "master-key"
    key.write_text(KEY)
    return clean_environment(LITELLM_MASTER_KEY_FILE=str(key), **settings)


@contextmanager
def asked_for_tools(folder: Path, environment: dict[str, str], *argv: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [COMMAND, *argv],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(LIST) + "\n")
            process.stdin.flush()
            yield process
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def listed(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stdout is not None
    tools: list[dict[str, Any]] = json.loads(process.stdout.readline())["result"]["tools"]
    return tools


def run(folder: Path, environment: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *argv],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def nobody_came(listening: socket.socket) -> bool:
    listening.setblocking(False)
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("base_url", [{}, {"LITELLM_BASE_URL": CLOSED_PORT}], ids=["default", "closed"])
def test_what_lies_in_the_working_folder_decides_nothing(
    base_url: dict[str, str], project: Path, elsewhere: socket.socket, tmp_path: Path
) -> None:
    """The admin key would go to the address there as soon as tools are listed."""
    with asked_for_tools(project, environment(tmp_path, **base_url)) as process:
        assert len(listed(process)) == 10
    assert nobody_came(elsewhere)
    assert [path.name for path in project.iterdir()] == [".env"]


def test_check_says_that_it_decides_nothing(project: Path, elsewhere: socket.socket, tmp_path: Path) -> None:
    said = run(project, environment(tmp_path, LITELLM_BASE_URL=CLOSED_PORT), "check")
    assert said.stderr == ""
    shown = " ".join(said.stdout.split())
    assert "approval auto; new keys in the reply" in shown
    assert "LITELLM_BASE_URL, LITELLM_MASTER_KEY_FILE from the environment; the others are the defaults" in shown
    assert nobody_came(elsewhere)
    assert [path.name for path in project.iterdir()] == [".env"]


@pytest.mark.parametrize("by", ["--env-file", "STEWARD_ENV_FILE"])
def test_the_same_file_decides_where_it_is_named(
    by: str, project: Path, elsewhere: socket.socket, tmp_path: Path
) -> None:
    """And so does the test above see who comes."""
    file = str(project / ".env")
    argv = [by, file] if by.startswith("-") else []
    settings = environment(tmp_path, **({} if argv else {by: file}))
    with asked_for_tools(project, settings, *argv) as process:
        elsewhere.settimeout(PATIENCE)
        came, _ = elsewhere.accept()
        with came:
            assert KEY.encode() in came.recv(65536)
        elsewhere.close()
        assert len(listed(process)) > 10


@pytest.mark.parametrize("command", [[], ["check"], ["tools"], ["serve", "--transport", "sse"]])
@pytest.mark.parametrize(
    ("content", "said"),
    [(b"STEWARD_APPROVAL=elicit\xff\n", "is not UTF-8 text"), (f"{KEY}\n".encode(), "is malformed")],
)
def test_a_named_file_that_cannot_be_used_is_one_sentence(
    content: bytes, said: str, command: list[str], project: Path, tmp_path: Path
) -> None:
    (project / ".env").write_bytes(content)
    done = run(project, environment(tmp_path, STEWARD_ENV_FILE=".env"), *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("litellm-steward: the file '.env', which STEWARD_ENV_FILE names, ")
    assert said in done.stderr
    assert (done.stderr.count("\n"), KEY in done.stderr) == (1, False)


def test_one_that_nobody_named_does_not_matter(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_bytes(b"\xff\xfe")
    assert run(project, environment(tmp_path), "tools").returncode == 0


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STEWARD_READONLY", "STEWARD_READ_ONLY"),
        ("STEWARD_APPROVALS", "STEWARD_APPROVAL"),
        ("litellm_masterkey", "LITELLM_MASTER_KEY"),
    ],
)
def test_a_misspelt_setting_stops_every_command(name: str, meant: str, tmp_path: Path) -> None:
    for command in ([], ["check"], ["tools"]):
        done = run(tmp_path, environment(tmp_path, **{name: KEY}), *command)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name} in the environment is not a setting: did you mean {meant}?" in done.stderr
        assert KEY not in done.stderr


def test_what_litellm_and_kubernetes_set_does_not(tmp_path: Path) -> None:
    others = {
        "LITELLM_SALT_KEY": KEY,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_PORT_4000_TCP": "tcp://10.0.0.1:4000",
        "STEWARD_SERVICE_HOST": "10.0.0.2",
        "STEWARD_PORT": "tcp://10.0.0.2:80",
    }
    done = run(tmp_path, environment(tmp_path, **others), "tools")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("argv", [["--api-key", KEY], ["check", KEY], ["serve", "--port", KEY], [f"--read-only={KEY}"]])
def test_a_key_on_the_command_line_is_not_repeated(argv: list[str], tmp_path: Path) -> None:
    done = run(tmp_path, environment(tmp_path), *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert KEY not in done.stderr
    assert "Traceback" not in done.stderr
