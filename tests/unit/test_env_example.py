"""``.env.example`` is read by people before anything else is, so it may not lie."""

from __future__ import annotations

from pathlib import Path

from litellm_steward.settings import Settings, load_settings

LINES = (Path(__file__).parents[2] / ".env.example").read_text().splitlines()
EXAMPLES = dict(line.removeprefix("#").split("=", 1) for line in LINES if line[:1] == "#" and "=" in line.split(" ")[0])


def test_every_setting_is_there() -> None:
    assert set(EXAMPLES) == {name.upper() for name in Settings.model_fields}


def test_every_value_is_the_default(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in EXAMPLES.items()))
    shown = load_settings(env_file=env_file)
    assert len(shown.origins.file) == len(EXAMPLES)
    for name, field in Settings.model_fields.items():
        assert getattr(shown, name) == field.default, name


def test_nothing_is_set_by_copying_it() -> None:
    assert all(line.startswith("#") for line in LINES if line)
