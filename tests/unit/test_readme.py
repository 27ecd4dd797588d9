"""What the README says of tools and settings is what they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from examples.gateway import LTS, NEWEST, OLDEST
from litellm_steward import __version__
from litellm_steward.api.tested import DAY
from litellm_steward.api.version import NEWEST_TESTED, OLDEST_SUPPORTED
from litellm_steward.settings import Settings
from litellm_steward.tools.catalog import CATALOG
from tests import tested

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table of a section."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_tools_are_the_catalogs() -> None:
    said = {row[0].strip("`"): row[1] for row in table("The ten tools")}
    assert said == {spec.name: spec.effect for spec in CATALOG if spec.toolset == "default"}


@pytest.mark.parametrize("row", table("The ten tools"), ids=lambda row: row[0].strip("`"))
def test_the_endpoints_are_used(row: list[str]) -> None:
    endpoints = re.findall(r"`([^`]+)`", row[3])
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    code = code.replace("/{scope}/daily", "/user/daily /team/daily /customer/daily").replace("daily daily", "daily")
    for endpoint in endpoints:
        scope, _, rest = endpoint.removeprefix("/").partition("/daily/")
        assert f'"{endpoint}"' in code or (rest and f"/{scope}/daily" in code), endpoint


def test_every_setting_with_its_default_and_meaning() -> None:
    rows = {row[0].strip("`"): row[1:] for row in table("Settings")}
    assert list(rows) == [name.upper() for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        default, meaning = rows[name.upper()]
        assert default == shown(field.default), name
        assert meaning == field.description, name


def shown(default: object) -> str:
    match default:
        case None | ():
            return "–"
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`{','.join(default)}`"
        case _:
            return f"`{default}`"


def test_the_releases_that_were_tested_are_those_that_the_example_gateway_runs() -> None:
    """``make tested`` writes them down, the day as well."""
    assert tested.MODULE.read_text(encoding="utf-8") == tested.module(DAY)
    assert tested.readme(DAY) == README
    assert (str(OLDEST_SUPPORTED), str(NEWEST_TESTED)) == (OLDEST, NEWEST)
    assert f"Tested with LiteLLM {OLDEST}, {LTS} and {NEWEST} (on {DAY})" in README
    assert f"({OLDEST} is the oldest), its LTS line ({LTS.rpartition('.')[0]}.x)" in README


def test_the_version() -> None:
    assert f"litellm-steward {__version__}\n" in README


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", README, re.DOTALL))
def test_the_configurations_are_json_with_real_settings(block: str) -> None:
    configuration = json.loads(block)
    servers = configuration.get("mcpServers") or configuration["servers"]
    for server in servers.values():
        assert {name.lower() for name in server.get("env", {})} <= set(Settings.model_fields)


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    said = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"(?m)(?:`|^)make ([a-z-]+)", said)
    assert "demo" in targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
