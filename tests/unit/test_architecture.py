"""The house: imports run one way, secrets are unwrapped in few places, and no file outgrows a reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import litellm_steward

ROOT = Path(litellm_steward.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}

GROUND = {"errors", "text", "secret", "periods"}
"""What the API side may know of the rest of the house."""

UPPER = ("tools", "prompts", "surface", "server", "serving", "diagnosis", "check", "cli", "__main__")
"""From here on it is about agents and people; everything else is a room between them and the API."""

MAY_IMPORT_MCP = {
    "approval",
    "arguments",
    "logs",
    "prompts",
    "reports",
    "schemas",
    "server",
    "serving",
    "surface",
    "tools",
}

REVEALERS = {
    "secret": "defines it",
    "api.proxy": "builds the request header",
    "delivery": "shows or writes a new key, once",
    "deployment_request": "builds the body that holds a provider's key",
    "tools.keys": "hashes a new key, and compares with our own",
    "user_changes": "sees whether a key was made",
}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def _imported(module: str) -> Iterator[str]:
    """Absolute names of what a module imports."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _neighbours(module: str) -> set[str]:
    """The modules of this package that a module imports."""
    names = {name.removeprefix("litellm_steward.") for name in _imported(module) if name.startswith("litellm_steward.")}
    return {name for name in names if name in MODULES} - {module}


def _room(module: str) -> str:
    return module.partition(".")[0]


def _calls(module: str, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(_tree(module))
    )


def test_imports_have_no_circle() -> None:
    order = list(TopologicalSorter({module: _neighbours(module) for module in MODULES}).static_order())
    assert order.index("errors") < order.index("api.proxy") < order.index("tools.keys") < order.index("cli")


@pytest.mark.parametrize("module", [module for module in MODULES if _room(module) == "api"])
def test_the_api_side_knows_only_itself_and_the_ground(module: str) -> None:
    assert {_room(name) for name in _neighbours(module)} <= {"api"} | GROUND


@pytest.mark.parametrize("module", sorted(GROUND))
def test_the_ground_knows_only_itself(module: str) -> None:
    assert _neighbours(module) <= GROUND


@pytest.mark.parametrize("module", [module for module in MODULES if _room(module) not in UPPER])
def test_no_room_between_knows_who_uses_it(module: str) -> None:
    assert {name for name in _neighbours(module) if _room(name) in UPPER} == set()


@pytest.mark.parametrize("module", [module for module in MODULES if _room(module) in UPPER])
def test_the_upper_floors_know_only_what_is_below(module: str) -> None:
    floor = UPPER.index(_room(module))
    assert {name for name in _neighbours(module) if _room(name) in UPPER[floor + 1 :]} == set()


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_litellm_and_only_the_agents_side_imports_mcp(module: str) -> None:
    outside = {name.partition(".")[0] for name in _imported(module)}
    assert "litellm" not in outside
    assert not outside & {"mcp", "mcp_types"} or _room(module) in MAY_IMPORT_MCP


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_longer_than_a_reader_likes(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", MODULES)
def test_bugs_are_caught_at_the_outermost_boundary_only(module: str) -> None:
    """Anywhere else ``except Exception`` would hide them."""
    handlers = [node.type for node in ast.walk(_tree(module)) if isinstance(node, ast.ExceptHandler)]
    caught = {
        name.id
        for handler in handlers
        for name in ast.walk(handler or ast.Name("BaseException", ast.Load()))
        if isinstance(name, ast.Name)
    }
    assert not caught & {"Exception", "BaseException"} or module in {"surface", "serving.stdio", "serving.http"}


def test_secrets_are_unwrapped_only_where_it_is_reviewed() -> None:
    assert {module for module in MODULES if _calls(module, "reveal")} | {"secret"} == set(REVEALERS)
    for module in set(MODULES) - {"secret"}:
        assert "get_secret_value" not in MODULES[module].read_text(encoding="utf-8"), module


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(_tree(module))


@pytest.mark.parametrize("module", MODULES)
def test_requests_are_sent_from_one_place(module: str) -> None:
    uses = {name for name in _imported(module) if name.partition(".")[0] in {"httpx", "requests", "urllib"}}
    sends = {name for name in uses if not name.startswith("urllib.parse")}
    assert not sends or module in {"api.proxy", "serving.health"}
