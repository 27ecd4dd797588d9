"""Every route of a LiteLLM release, read from its own application, and how each is asked for."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from examples.gateway import Silent
from examples.gateway.install import install
from examples.gateway.settings import default_home

_DUMP: Final = """
import json
from litellm.proxy.proxy_server import app
try:
    from litellm.proxy._lazy_features import register_all_features
    register_all_features(app)  # since 1.84 most routes are registered when somebody asks for them
except ImportError:
    pass

def walk(routes, prefix=""):
    for route in routes:
        if hasattr(route, "effective_candidates"):  # a router that was included, since FastAPI 0.130
            yield from walk(route.effective_candidates(), prefix)
            continue
        inner = getattr(route, "starlette_route", None) or route
        path = prefix + (getattr(route, "path", "") or getattr(inner, "path", ""))
        kind = type(getattr(route, "original_route", route)).__name__
        if kind == "Mount":
            yield path, "mount", []
            yield from walk(getattr(route, "routes", None) or [], path)
        else:
            yield path, "socket" if "WebSocket" in kind else "http", sorted(getattr(route, "methods", None) or [])

print("@@" + json.dumps(list(walk(app.routes))))
"""

_UNASKED: Final = {"HEAD", "OPTIONS"}
_PARAMETER: Final = re.compile(r"\{([^}:]+)[^}]*\}")
_BODIES: Final[Mapping[str, dict[str, Any]]] = {
    # they look at the model before they look at the key
    "/laya/v1/systemone": {"model": "english"},
    "/bespoke/v1/systemone": {"model": "nimble-latest"},
}
_SOCKET: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEA==",
}


@dataclass(frozen=True)
class Route:
    """One method of one path, as the release writes it: ``DELETE /v1/files/{file_id:path}``."""

    method: str
    path: str
    socket: bool = False

    def __str__(self) -> str:
        return f"{'SOCKET' if self.socket else self.method} {self.path}"

    @property
    def url(self) -> str:
        """With a model that there is for a model, and ``x`` for anything else."""
        return _PARAMETER.sub(lambda found: "gpt-4o-mini" if "model" in found[1] else "x", self.path)

    @property
    def headers(self) -> dict[str, str]:
        """An MCP server is asked for an answer, and not for a stream, on which it would say nothing."""
        accepted = "application/json" if self.method == "GET" else "application/json, text/event-stream"
        return {"Accept": accepted, **(_SOCKET if self.socket else {})}

    @property
    def body(self) -> dict[str, Any] | None:
        return None if self.method == "GET" else _BODIES.get(self.path, {})


def routes_of(version: str) -> list[Route]:
    """The whole table of an installed release; loading it takes a quarter of a minute."""
    python = install(default_home(), version, Silent()).venv / "bin" / "python"
    environment = {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    said = subprocess.run([python, "-c", _DUMP], env=environment, capture_output=True, text=True, check=True).stdout
    found: list[Route] = []
    for path, kind, methods in json.loads(said.rpartition("@@")[2]):
        if kind == "mount":
            found += [Route(method, f"{path}/") for method in ("GET", "POST")]
        elif kind == "socket":
            found.append(Route("GET", path, socket=True))
        else:
            found += [Route(method, path) for method in methods if method not in _UNASKED]
    return list(dict.fromkeys(found))


def may_lie_beneath(path: str, above: str) -> bool:
    """Whether some address of this route is ``above``, or lies beneath it: LiteLLM lets a key use those, too."""
    segments = path.strip("/").split("/")
    for number, wanted in enumerate(above.strip("/").split("/")):
        if number >= len(segments):
            return False
        if ":path}" in segments[number]:
            return True
        if "{" not in segments[number] and segments[number] != wanted:
            return False
    return True
