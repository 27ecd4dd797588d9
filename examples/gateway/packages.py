"""Installs one LiteLLM release from the package index, also where the index lacks what the release pins.

Recent releases pin packages that appear in an index days later, or never. Each release is tried as it was published
first; only if that has no solution are those pins relaxed, one step after the other, and what was relaxed is kept
beside the installation and told by `status` and `up`.
"""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from .errors import GatewayError
from .processes import run_logged, tail

PYTHONS: Final = ">=3.11,<3.14"
OLDEST_PYTHON: Final = (3, 11)
PYTHON_TOO_NEW: Final = (3, 14)
"""What all supported LiteLLM releases install on."""

CERTIFI: Final = ("certifi>=2024",)
COMPANIONS: Final = ("litellm-proxy-extras>=0.4.110", "litellm-enterprise>=0.1.79")
"""LiteLLM's migrations and its licensed parts; from these on they fit every release that needs them relaxed."""

NEVER_IMPORTED: Final = ("litellm-proxy ; python_version < '3'",)
"""Required since 1.110 and imported by nothing in the wheel; an impossible condition leaves it out."""

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    CERTIFI,
    (*CERTIFI, *COMPANIONS),
    (*CERTIFI, *COMPANIONS, *NEVER_IMPORTED),
)
"""What overrides the release's own requirements, from nothing to everything."""

NO_SOLUTION: Final = "No solution found"
"""How uv begins when the index lacks something; any other failure, such as a dead network, relaxing does not mend."""


@dataclass(frozen=True, slots=True)
class Departures:
    """Where an installation differs from what the release asks for; all empty where it does not."""

    overridden: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    added_to_schema: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same for people."""
        told = {
            "overridden": self.overridden,
            "left out": self.left_out,
            "added to the database's schema": self.added_to_schema,
        }
        return tuple(f"{what}: {', '.join(those)}" for what, those in told.items() if those)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return asdict(self)

    def save(self, venv: Path) -> None:
        """Keep it with the installation."""
        (venv / "departures.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, venv: Path) -> "Departures":
        """What `save` kept."""
        try:
            stored: dict[str, Any] = json.loads((venv / "departures.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        return cls.parse(stored)

    @classmethod
    def parse(cls, stored: Mapping[str, Sequence[str]]) -> "Departures":
        """Read back what `as_json` made."""
        return cls(**{name: tuple(those) for name, those in stored.items()})

    def with_schema(self, added: Sequence[str]) -> "Departures":
        """The same, and what was added to the schema."""
        return replace(self, added_to_schema=tuple(added))


def install_release(home: Path, venv: Path, uv: Path, packages: Sequence[str]) -> Departures:
    """Make the environment of one LiteLLM release, as published if that can be had."""
    make_venv(home, venv, uv)
    for step in STEPS:
        failure = _add(home, venv, uv, packages, step)
        if not failure:
            return _departures(venv, step)
        if NO_SOLUTION not in failure:
            break
    raise GatewayError(f"{packages[0]} could not be installed; does it exist, and does the network work?\n{failure}")


def install_wheel(home: Path, venv: Path, uv: Path, package: str) -> None:
    """Make an environment with one package in it."""
    make_venv(home, venv, uv)
    failure = _add(home, venv, uv, [package], ())
    if failure:
        raise GatewayError(f"{package} could not be installed; does the network work?\n{failure}")


def make_venv(home: Path, venv: Path, uv: Path) -> None:
    """Make an empty environment of a Python that suits every release."""
    log = home / "install.log"
    command: list[str | Path] = [uv, "venv", "--quiet", "--clear", "--python", _python(), venv]
    if run_logged(command, log=log, cwd=home, env=_environment()):
        raise GatewayError(
            f"LiteLLM's releases need a Python {PYTHONS} and uv found none; install Python 3.12, "
            f"for example with `uv python install 3.12`.\n{tail(log)}"
        )


def _add(home: Path, venv: Path, uv: Path, packages: Sequence[str], step: Sequence[str]) -> str:
    """Install packages; the end of what uv said if it failed."""
    log = home / "install.log"
    overrides = home / "overrides.txt"
    overrides.write_text("".join(f"{line}\n" for line in step), encoding="utf-8")
    python = venv / "bin" / "python"
    command: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, "--override", overrides]
    said_before = log.stat().st_size if log.exists() else 0
    if not run_logged([*command, *packages], log=log, cwd=home, env=_environment()):
        return ""
    with log.open(encoding="utf-8", errors="replace") as whole:
        whole.seek(said_before)
        said = whole.read()
    return f"{NO_SOLUTION}.\n{tail(log)}" if NO_SOLUTION in said else tail(log)


def _departures(venv: Path, step: Sequence[str]) -> Departures:
    """Which pins of the release do not hold, by its own metadata, among those that this step relaxed."""
    packages = next((venv / "lib").glob("python3.*/site-packages"))
    metadata = next(packages.glob("litellm-[0-9]*.dist-info")) / "METADATA"
    asked = dict(re.findall(r"(?m)^Requires-Dist: ([\w.-]+)==([\w.]+)", metadata.read_text(encoding="utf-8")))
    overridden, left_out = [], []
    for name in (re.split(r"[ >]", line)[0] for line in step):
        found = next(packages.glob(f"{name.replace('-', '_')}-[0-9]*.dist-info"), None)
        there = found.name.removesuffix(".dist-info").rpartition("-")[2] if found is not None else None
        if there is None:
            left_out.append(f"{name} {asked.get(name, '')}".strip())
        elif name in asked and asked[name] != there:
            overridden.append(f"{name} {there} instead of {asked[name]}")
    return Departures(tuple(overridden), tuple(left_out))


def _python() -> str:
    """The Python that runs this, if it suits LiteLLM; else let uv look for one that does."""
    return sys.executable if OLDEST_PYTHON <= sys.version_info[:2] < PYTHON_TOO_NEW else PYTHONS


def _environment() -> dict[str, str]:
    return {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
