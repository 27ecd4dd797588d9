"""The file of settings: only the one that was named, and a sentence where it cannot be used."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from litellm_steward.cli import cli
from litellm_steward.env_file import LARGEST, read_env_file
from litellm_steward.settings import SettingsError, load_settings

SECRET = "sk-in-the-file-0123456789"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "named.env"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("content", [f"STEWARD_APPROVAL=off\nLITELLM_MASTER_KEY={SECRET}\n".encode(), b"\xff\xfe", b""])
@pytest.mark.parametrize("name", [".env", ".env.local", "prod.env", "env"])
def test_no_file_of_the_working_folder_is_read(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    settings = load_settings()
    assert (settings.steward_approval, settings.litellm_master_key) == ("auto", None)
    assert settings.origins.env_file is None


def test_nor_is_one_above_it_or_at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("STEWARD_APPROVAL=off\n")
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(below)
    assert load_settings().steward_approval == "auto"


def test_the_environment_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_ENV_FILE", str(written(folder, "STEWARD_APPROVAL=plan\n")))
    settings = load_settings()
    assert settings.steward_approval == "plan"
    assert settings.origins.file == ("STEWARD_APPROVAL",)


def test_the_command_line_names_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_ENV_FILE", str(folder / "nowhere"))
    assert load_settings(env_file=written(folder, "STEWARD_APPROVAL=plan\n")).steward_approval == "plan"


def test_blank_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_ENV_FILE", " ")
    assert load_settings().origins.env_file is None


def test_a_file_that_names_another_is_not_followed(folder: Path) -> None:
    (folder / "other").write_text("STEWARD_APPROVAL=off\n")
    settings = load_settings(env_file=written(folder, f"STEWARD_ENV_FILE={folder / 'other'}\n"))
    assert settings.steward_approval == "auto"
    assert settings.origins.names_another_file


UNUSABLE = {
    "malformed: the statement at line 2": f"STEWARD_APPROVAL=auto\n{SECRET}\n".encode(),
    "malformed: the statement at line 3": f'\n\nLITELLM_MASTER_KEY="{SECRET}\n'.encode(),
    "malformed: the statement at line 1": f"LITELLM_MASTER_KEY: {SECRET}\n".encode(),
    "is malformed: the statement at line 1 ": b"STEWARD_READ_ONLY\n",
    " malformed: the statement at line 1 ": b'"STEWARD_APPROVAL"=elicit\n',
    "the statement at line 1 is": b'{"STEWARD_APPROVAL": "elicit"}\n',
    "is not UTF-8 text": f"LITELLM_MASTER_KEY={SECRET}\xe9\n".encode("latin-1"),
    "not UTF-8 text": "STEWARD_APPROVAL=elicit\n".encode("utf-16"),
    "UTF-8 text": "STEWARD_APPROVAL=elicit\n".encode("utf-16-le"),
    "is larger than 256 KiB": b"#" * (LARGEST + 1),
}


@pytest.mark.parametrize(("said", "content"), UNUSABLE.items())
@pytest.mark.parametrize("command", ["check", "tools", "serve"])
def test_a_file_that_cannot_be_used_ends_the_start_with_a_sentence(
    command: str, said: str, content: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(folder, content)
    assert cli([command, "--env-file", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"litellm-steward: the file '{path}', which --env-file names, is ")
    assert said.strip() in err
    assert "sk-" not in err


@pytest.mark.parametrize("named", ["nowhere", ".", "x" * 5000, "a\0b"])
def test_a_file_that_cannot_be_read_is_named(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^the file '.*, which --env-file names, cannot be read \("):
        load_settings(env_file=Path(named))


def test_a_file_that_the_environment_names_in_vain(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEWARD_ENV_FILE", str(folder / "nowhere"))
    assert cli(["tools"]) == 2
    assert "/nowhere', which STEWARD_ENV_FILE names, cannot be read (No such file" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    path = written(folder, "STEWARD_APPROVAL=plan\n")
    path.chmod(0)
    with pytest.raises(SettingsError, match=r"cannot be read \(Permission denied\)"):
        load_settings(env_file=path)


def test_a_pipe_will_do(folder: Path) -> None:
    """As a shell gives one for ``--env-file <(secrets-manager export)``."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_text, args=("STEWARD_APPROVAL=plan\n",))
    writing.start()
    assert load_settings(env_file=pipe).steward_approval == "plan"
    writing.join()


def test_values_are_taken_as_they_stand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ``${NAME}`` nor ``$NAME`` is replaced, from the environment or from the file."""
    monkeypatch.setenv("HOME", "/somewhere")
    lines = [
        "LITELLM_MASTER_KEY=sk-${HOME}$HOME#1",
        "A=1",
        'B="${A}"',
        "C='${HOME:-x}' # a remark",
        "export D=5 # five",
    ]
    found = read_env_file(written(folder, "\ufeff" + "\r\n".join(lines)))
    assert found == {"LITELLM_MASTER_KEY": "sk-${HOME}$HOME#1", "A": "1", "B": "${A}", "C": "${HOME:-x}", "D": "5"}


def test_a_file_may_be_shared_with_other_programs(folder: Path) -> None:
    shared = "DATABASE_URL=postgres://x\nAPPROVAL=off\nHOME\nserver.port=1\nLITELLM_SALT_KEY=x\nREADONLY=1\n\n# end"
    settings = load_settings(env_file=written(folder, f"{shared}\nsteward_read_only=true\n"))
    assert settings.steward_read_only
    assert settings.origins.file == ("STEWARD_READ_ONLY",)


@pytest.mark.parametrize("name", ["STEWARD_READONLY", "LITELLM_BASEURL", "STEWARD_APPROVALS"])
def test_a_misspelt_setting_in_it_stops_the_start(name: str, folder: Path) -> None:
    path = written(folder, f"{name}={SECRET}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=path)
    assert f"{name} in the file '{path}' is not a setting: did you mean " in str(caught.value)
    assert SECRET not in str(caught.value)


def test_two_spellings_in_it_decide_nothing(folder: Path) -> None:
    with pytest.raises(SettingsError, match="STEWARD_APPROVAL stands twice in the file"):
        load_settings(env_file=written(folder, "STEWARD_APPROVAL=elicit\nsteward_approval=off\n"))
