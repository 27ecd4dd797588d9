"""A new key is shown once, or written where only its owner can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from litellm_steward.delivery import Delivered, deliver, prepare_delivery
from litellm_steward.errors import Refused
from litellm_steward.settings import Settings
from tests.stage import settings_for
from tests.tape import BASE_URL

KEY = SecretStr("sk-delivered-0001")
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def _into(folder: Path) -> Settings:
    return settings_for(BASE_URL, {"steward_key_delivery": "file", "steward_key_dir": folder})


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_reply_holds_the_key_and_nothing_is_written(tmp_path: Path) -> None:
    settings = settings_for(BASE_URL, {"steward_key_dir": tmp_path / "keys"})
    prepare_delivery(settings)
    assert deliver(settings, KEY, "bot") == Delivered(key="sk-delivered-0001")
    assert not (tmp_path / "keys").exists()


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "keys"
    delivered = deliver(_into(folder), KEY, "cs-bot")
    path = folder / "cs-bot.key"
    assert delivered == Delivered(key_file=str(path))
    assert path.read_text() == "sk-delivered-0001\n"
    assert (_mode(path), _mode(folder)) == (0o600, 0o700)


def test_no_file_is_ever_overwritten(tmp_path: Path) -> None:
    settings = _into(tmp_path / "keys")
    names = [Path(deliver(settings, SecretStr(f"sk-{n}"), "bot").key_file or "").name for n in range(3)]
    assert names == ["bot.key", "bot-2.key", "bot-3.key"]
    assert (tmp_path / "keys" / "bot.key").read_text() == "sk-0\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / "bot.key").symlink_to(victim)
    (folder / "bot-2.key").symlink_to(tmp_path / "nowhere")
    delivered = deliver(_into(folder), KEY, "bot")
    assert delivered.key_file == str(folder / "bot-3.key")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
def test_a_folder_that_others_can_enter_is_refused_before_a_key_is_made(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Refused, match="chmod 700"):
        prepare_delivery(_into(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("")
    with pytest.raises(Refused, match="STEWARD_KEY_DIR cannot be used"):
        prepare_delivery(_into(path))


@as_root
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o500)
    with pytest.raises(Refused, match="not writable"):
        prepare_delivery(_into(folder))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/cron.d/x", "etc-cron.d-x.key"),
        ("/absolute", "absolute.key"),
        ("..", "key.key"),
        ("", "key.key"),
        ("a b\nc", "a-b-c.key"),
        ("日本", "key.key"),
        (".hidden", "hidden.key"),
        ("x" * 300, "x" * 80 + ".key"),
    ],
)
def test_a_name_cannot_lead_out_of_the_folder(name: str, file: str, tmp_path: Path) -> None:
    delivered = deliver(_into(tmp_path / "keys"), KEY, name)
    assert delivered.key_file == str(tmp_path / "keys" / file)


def test_the_hundredth_file_of_a_name_is_refused(tmp_path: Path) -> None:
    settings = _into(tmp_path / "keys")
    for _ in range(99):
        deliver(settings, KEY, "bot")
    with pytest.raises(Refused, match="too many files called bot"):
        deliver(settings, KEY, "bot")


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    deliver(_into(folder), KEY, "bot")
    assert [path.name for path in folder.iterdir()] == ["bot.key"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Refused, match="No space left on device"):
        deliver(_into(tmp_path / "keys"), KEY, "bot")
    assert list((tmp_path / "keys").iterdir()) == []
