"""The rules of the house that a machine can check: which way imports run, and how long a file may be."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "litellm_steward"
LONGEST: Final = 400

FLOORS: Final = (
    {"errors", "text", "__init__"},
    {"secret", "periods", "addresses", "together"},
    {"api"},
    {"*"},  # the rooms between
    {"tools"},
    {"surface", "prompts", "diagnosis", "offers"},
    {"server"},
    {"serving", "check"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. A module imports from its own floor and those below."""

MODULES: Final = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def floor_of(module: str) -> int:
    room = module.partition(".")[0] or "__init__"
    named = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return named[0] if named else next(number for number, rooms in enumerate(FLOORS) if "*" in rooms)


def imported_by(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    here = floor_of(name_of(path))
    ours = {name.removeprefix("litellm_steward.") for name in imported_by(path) if name.startswith("litellm_steward.")}
    assert sorted(name for name in ours if floor_of(name) > here) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "api").glob("*.py")), ids=name_of)
def test_the_api_knows_no_mcp(path: Path) -> None:
    assert [name for name in imported_by(path) if name.partition(".")[0] == "mcp"] == []


def test_nothing_imports_litellm() -> None:
    """It is a service at the end of a URL."""
    everything = [*MODULES, *(ROOT / "examples").rglob("*.py")]
    roots = {name.partition(".")[0] for path in everything for name in imported_by(path)}
    assert "litellm" not in roots


def test_the_gateway_stands_alone() -> None:
    roots = {
        name.partition(".")[0] for path in (ROOT / "examples" / "gateway").rglob("*.py") for name in imported_by(path)
    }
    assert not roots & {"litellm_steward", "tests"}


def test_no_file_is_too_long() -> None:
    folders = ("src", "tests", "examples", "benchmarks")
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
