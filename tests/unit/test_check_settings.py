"""``litellm-steward check`` makes nothing, says what could not be made, and where each setting came from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import respx

from litellm_steward import check
from litellm_steward.diagnosis import Findings, diagnose
from litellm_steward.settings import Origins, load_settings
from tests.unit.test_check import KEY, PROXY, answers, proxy, screen, settings, unwrapped

__all__ = ["proxy"]


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.asyncio
async def test_nothing_is_made(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answers(proxy)
    made = {"steward_key_dir": tmp_path / "new" / "keys", "steward_audit_log": tmp_path / "record.jsonl"}
    code, _ = await screen(capsys, steward_key_delivery="file", **made)
    assert code == 0
    assert contents(tmp_path) == []


@pytest.mark.asyncio
@pytest.mark.parametrize("place", ["nowhere/record.jsonl", "file/record.jsonl", "folder", "link"])
async def test_a_record_that_cannot_be_kept_is_a_fault(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    answers(proxy)
    code, said = await screen(capsys, steward_audit_log=tmp_path / place)
    assert code == 1
    assert f"FAULT record {tmp_path / place} cannot be written (" in unwrapped(said)
    assert "the master key" in said, "the questions are asked all the same"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("place", ["file/keys", "file", "link"])
async def test_a_folder_for_keys_that_cannot_be_made(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    answers(proxy)
    code, said = await screen(capsys, steward_key_delivery="file", steward_key_dir=tmp_path / place)
    assert code == 1
    assert "FAULT key folder STEWARD_KEY_DIR cannot be used (" in unwrapped(said)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.asyncio
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_place_that_may_not_be_written_to(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o500)
    answers(proxy)
    places = {"steward_key_dir": shut / "new" / "keys", "steward_audit_log": shut / "record.jsonl"}
    code, said = await screen(capsys, steward_key_delivery="file", **places)
    assert code == 1
    assert unwrapped(said).count("Permission denied") == 2


# ---- where settings come from ----------------------------------------------------------------------


@pytest.mark.asyncio
async def test_where_each_setting_came_from_and_no_secret(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(proxy)
    file = tmp_path / "settings"
    file.write_text(
        f"LITELLM_BASE_URL={PROXY}\nLITELLM_MASTER_KEY={KEY}\nSTEWARD_APPROVAL=off\nSTEWARD_ENV_FILE=/other\n"
    )
    monkeypatch.setenv("STEWARD_APPROVAL", "elicit")
    assert await check.run(load_settings(env_file=file, steward_read_only=True)) == 0
    said = unwrapped(capsys.readouterr().out)
    assert (
        "STEWARD_READ_ONLY from the command line; STEWARD_APPROVAL from the environment; "
        f"LITELLM_BASE_URL, LITELLM_MASTER_KEY from the file '{file}'; the others are the defaults"
    ) in said
    assert f"STEWARD_ENV_FILE in '{file}' is not followed" in said
    assert KEY not in said


def test_defaults_are_told_as_such() -> None:
    assert "nothing: all are defaults" in [item.found for item in diagnose(settings(), Findings())]


def test_a_file_that_sets_nothing_is_told() -> None:
    idle = settings().coming_from(Origins(environment=("STEWARD_APPROVAL",), env_file=Path("/a/file")))
    said = {item.name: item.found for item in diagnose(idle, Findings())}
    assert said["env file"] == "'/a/file' sets nothing that is not set elsewhere"
