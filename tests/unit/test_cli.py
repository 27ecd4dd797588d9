from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from litellm_steward import __version__
from litellm_steward.cli import OVERRIDES, TAKES, cli
from litellm_steward.settings import SETTINGS, Settings
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
        (
            ["--env-file", "nowhere"],
            "the file 'nowhere', which --env-file names, cannot be read (No such file or directory).",
        ),
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


KEY = "sk-typed-0123456789abcdef"
TYPED = [
    (["--api-key", KEY], "no such option: --api-key."),
    (["check", "--api-key", KEY], "no such option: --api-key."),
    ([f"--master-key={KEY}"], "no such option: --master-key."),
    (["serve", f"--auth-token={KEY}"], "no such option: --auth-token."),
    ([f"-k{KEY}"], "no such option: -k."),
    ([f"--{KEY}"], "no such option: an option that is not shown."),
    (["--envfile", KEY], "no such option: --envfile; did you mean --env-file?"),
    ([KEY], "COMMAND is serve, check or tools."),
    (["check", KEY], "1 argument too many."),
    (["tools", "--json", KEY, KEY], "2 arguments too many."),
    (["--", KEY], "no such option"),
    (["serve", "--port", KEY], "--port takes a number from 0 to 65535."),
    (["serve", f"--port={KEY}"], "--port takes a number from 0 to 65535."),
    (["serve", "--transport", KEY], "--transport takes one of stdio, sse, streamable-http."),
    (["serve", "--transport", "sse", "--host", KEY], "--host takes an address of this machine, or its name."),
    ([f"--approval={KEY}"], "--approval takes one of auto, elicit, plan, off."),
    (["--log-level", KEY], "--log-level takes one of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
    ([f"--read-only={KEY}"], "--read-only takes no value."),
    (["tools", f"--json={KEY}"], "--json takes no value."),
    ([f"--help={KEY}"], "-h/--help takes no value."),
    (["--base-url", KEY], "LITELLM_BASE_URL: must start with http:// or https://."),
    (["tools", "--toolsets", KEY], "STEWARD_TOOLSETS names an unknown toolset: '[hidden]'."),
    (["--env-file", KEY], "the file '[hidden]', which --env-file names, cannot be read"),
]


@pytest.mark.parametrize(("argv", "said"), TYPED, ids=[" ".join(argv).replace(KEY, "KEY") for argv, _ in TYPED])
def test_a_key_that_was_typed_is_not_repeated(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(argv) == 2
    out, err = capsys.readouterr()
    assert (out, KEY[8:] in err) == ("", False)
    assert said in err


@pytest.mark.parametrize("word", ["hunter2", "pass word\x1b[31m", "-phunter2", "--x=hunter2"])
def test_nor_is_a_secret_of_no_known_shape(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([word], ["check", word], ["serve", "--port", word], ["serve", "--transport", word], ["--x", word]):
        assert cli(argv) == 2
        err = capsys.readouterr().err
        assert "hunter2" not in err
        assert "\x1b" not in err


def test_who_types_a_key_is_told_to_replace_it(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--api-key", KEY], ["serve", "--port", KEY], [KEY]):
        cli(argv)
        assert "Replace a key that was typed here" in capsys.readouterr().err
    cli(["fly"])
    assert "Replace" not in capsys.readouterr().err


def test_every_option_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    options = set[str]()
    for command in ([], ["serve"], ["check"], ["tools"]):
        assert cli([*command, "--help"]) == 0
        options |= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out))
    assert options == set(TAKES) - {"COMMAND"}


def test_the_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    cli(["--help"])
    said = capsys.readouterr().out
    assert [name for name in (*SETTINGS, "STEWARD_ENV_FILE") if name not in said] == []


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
    assert set(OVERRIDES.values()) <= set(Settings.model_fields)


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


@pytest.mark.parametrize("command", [["tools"], ["tools", "--json"], ["check"]])
def test_reading_commands_write_nothing(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder for keys, nor the record, nor what is above them."""
    monkeypatch.setenv("LITELLM_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LITELLM_MASTER_KEY", KEY)
    monkeypatch.setenv("STEWARD_KEY_DELIVERY", "file")
    monkeypatch.setenv("STEWARD_KEY_DIR", str(tmp_path / "new" / "keys"))
    monkeypatch.setenv("STEWARD_AUDIT_LOG", str(tmp_path / "record.jsonl"))
    assert cli(command) == (1 if command == ["check"] else 0)
    assert list(tmp_path.iterdir()) == []


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
