from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from litellm_steward import __version__
from litellm_steward.cli import OVERRIDES, cli
from litellm_steward.settings import Settings
from litellm_steward.tools.catalog import CATALOG


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["--version"]) == 0
    assert capsys.readouterr().out == f"litellm-steward {__version__}\n"


def test_the_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["tools"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [spec.name, spec.effect] for spec in CATALOG if spec.toolset == "default"
    ]
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("argv", [["--read-only", "tools", "--json"], ["tools", "--json", "--read-only"]])
def test_the_tools_as_a_client_sees_them(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(argv) == 0
    tools = json.loads(capsys.readouterr().out)["tools"]
    assert [tool["name"] for tool in tools] == [
        spec.name for spec in CATALOG if spec.toolset == "default" and spec.effect == "reads"
    ]
    assert all({"inputSchema", "outputSchema", "annotations", "description"} <= tool.keys() for tool in tools)


def test_an_option_wins_over_the_file_and_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "env").write_text("STEWARD_READ_ONLY=true\nSTEWARD_TOOLSETS=nope\n")
    monkeypatch.setenv("STEWARD_TOOLSETS", "neither")
    assert cli(["--env-file", "env", "tools", "--toolsets", "default"]) == 0
    assert "delete_key" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["tools", "--toolsets", "nope"], "STEWARD_TOOLSETS names an unknown toolset: 'nope'. Valid are: all, default"),
        (["--env-file", "nowhere"], "--env-file nowhere does not exist."),
        (["--base-url", "localhost:4000"], "LITELLM_BASE_URL: must start with http:// or https://"),
        (["serve", "--port", "1"], "--host and --port need --transport streamable-http or sse."),
        (
            ["serve", "--transport", "sse", "--host", "192.0.2.1"],
            "--host '192.0.2.1' can be reached from other machines",
        ),
    ],
)
def test_a_wrong_configuration_is_a_sentence(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["serve", "--port", "70000"], ["--approval", "maybe"], ["fly"], ["--read"]])
def test_a_wrong_command_line_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(argv) == 2
    assert "usage: litellm-steward" in capsys.readouterr().err


def test_a_port_in_use_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli(["serve", "--transport", "streamable-http", "--port", port]) == 1
    assert capsys.readouterr().err == f"litellm-steward: Port {port} of 127.0.0.1 is in use. Choose another --port.\n"


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("litellm_steward.cli.configure_logging", interrupt)
    assert cli(["tools"]) == 130
    assert capsys.readouterr() == ("", "")


def test_no_option_takes_a_secret() -> None:
    assert not [name for name in OVERRIDES.values() if "key" in name or "token" in name]


def test_options_stand_for_settings_that_exist() -> None:
    assert set(OVERRIDES.values()) - {"_env_file"} <= set(Settings.model_fields)


def test_a_dead_proxy_does_not_stop_the_start() -> None:
    request = {
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
    command = [sys.executable, "-m", "litellm_steward", "--base-url", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        listed = json.loads(process.stdout.readline())["result"]["tools"]
        process.stdin.close()
        assert process.wait(60) == 0
    assert [tool["name"] for tool in listed] == [spec.name for spec in CATALOG if spec.toolset == "default"]


def test_stdio_refuses_a_wrong_configuration_before_it_serves() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "litellm_steward", "--toolsets", "nope"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("litellm-steward: STEWARD_TOOLSETS names an unknown toolset: 'nope'.")


def test_the_check_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(settings: Settings) -> int:
        await asyncio.sleep(0)
        return 7 if settings.steward_read_only else 0

    monkeypatch.setattr("litellm_steward.check.run", run)
    assert cli(["check", "--read-only"]) == 7


def test_approval_off_warns_at_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["serve", "--approval", "off", "--port", "1"]) == 2
    assert "STEWARD_APPROVAL=off: keys and models are deleted without asking anybody" in capsys.readouterr().err
