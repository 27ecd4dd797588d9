"""Where secrets are unwrapped, requests sent and bugs caught: in few places, so that they can be reviewed.

Which way imports run and how long a file may be: see ``test_house.py``.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import litellm_steward
from tests.unit.test_house import imported_by

ROOT = Path(litellm_steward.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
SOURCES = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}
TREES = {module: ast.parse(source) for module, source in SOURCES.items()}
IMPORTS = {module: imported_by(path) for module, path in MODULES.items()}

REVEALERS = {
    "secret": "defines it",
    "approval": "makes the sealing key of the one that replicas share",
    "api.proxy": "builds the request header, and hashes our own key to recognise it",
    "delivery": "shows or writes a new key, once",
    "deployment_request": "builds the body that holds a provider's key",
    "key_changes": "hashes a new key that could not be handed over, to delete it",
    "serving.gate": "hashes the HTTP clients' token, to compare it",
    "settings": "counts the characters of the HTTP clients' token",
    "tools.keys": "hashes a new key",
}
BOUNDARIES = {
    "surface": "of a tool",
    "server": "of a request",
    "prompts": "of a prompt",
    "serving.stdio": "of the process",
}
SENDERS = {
    "api.proxy": "to LiteLLM",
    "api.bodies": "reads what came back",
    "serving.health": "to ourselves",
    "serving.issuer_keys": "to the issuer of access tokens",
}
MCP_USERS = {
    "approval",
    "arguments",
    "callers",
    "logs",
    "prompts",
    "reports",
    "schemas",
    "server",
    "serving",
    "surface",
    "tools",
}


def test_imports_have_no_circle() -> None:
    graph = {
        module: {name.removeprefix("litellm_steward.") for name in names} & set(MODULES) - {module}
        for module, names in IMPORTS.items()
    }
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("errors") < order.index("api.proxy") < order.index("tools.keys") < order.index("cli")


def test_secrets_are_unwrapped_only_where_it_is_reviewed() -> None:
    calls = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reveal"
    }
    assert calls | {"secret"} == set(REVEALERS)
    assert {module for module, source in SOURCES.items() if "get_secret_value" in source} == {"secret"}


def test_bugs_are_caught_at_the_outermost_boundaries_only() -> None:
    """Anywhere else ``except Exception`` would hide them."""
    catching = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    }
    assert catching == set(BOUNDARIES)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & {"Exception", "BaseException"})


def test_requests_are_sent_from_one_place() -> None:
    clients = ("httpx", "httpx2", "requests", "http.client", "urllib.request")
    assert {module for module, names in IMPORTS.items() if any(_is(name, clients) for name in names)} == set(SENDERS)


def test_only_the_agents_side_knows_mcp() -> None:
    users = {
        module.partition(".")[0]
        for module, names in IMPORTS.items()
        if any(_is(n, ("mcp", "mcp_types")) for n in names)
    }
    assert users <= MCP_USERS


def _is(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_every_module_says_what_it_is_for() -> None:
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_nothing_is_evaluated_or_run() -> None:
    """What the proxy says is data: a repr is read with ``literal_eval``."""
    calls = {
        (module, node.func.id)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"eval", "exec", "compile"}
    }
    assert calls == set()
