"""What SECURITY.md says is held by tests, is; and what it says of the code by reading it."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TESTS = {
    node.name
    for path in (ROOT / "tests").rglob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
}
ITEMS = re.findall(r"^\| (MCP\d\d) (.+)\|$", SECURITY, re.MULTILINE)


def test_each_item_of_the_owasp_mcp_top_10_has_a_row() -> None:
    assert [number for number, _ in ITEMS] == [f"MCP{n:02}" for n in range(1, 11)]


@pytest.mark.parametrize("row", [row for _, row in ITEMS], ids=[number for number, _ in ITEMS])
def test_the_tests_that_it_names_exist(row: str) -> None:
    named = re.findall(r"`(test_\w+)`", row)
    assert named
    assert set(named) <= TESTS


def test_every_dependency_is_locked_with_its_hash() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    from_elsewhere = [package for package in lock["package"] if "registry" in package["source"]]
    assert len(from_elsewhere) > 20
    for package in from_elsewhere:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
    assert {next(iter(package["source"])) for package in lock["package"]} <= {"registry", "editable"}


def test_nothing_runs_commands() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert imported.isdisjoint({"subprocess", "pickle", "ctypes", "shlex", "marshal"}), path
        assert called.isdisjoint({"eval", "exec", "compile", "__import__"}), path
