"""A gateway from installation to its last process: `Gateway(version).up()` and `.down()`."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from . import postgres, proxy
from .errors import GatewayError
from .install import Installed, install, wheel_programs
from .keys import master_key, salt_key
from .locks import locked
from .processes import Watched, spawn
from .progress import Progress, Silent
from .runs import Run, runs_of
from .settings import HOST, NEWEST, REPOSITORY, default_home, version_of

QUIET: Final = Silent()
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers. `dsn` is a libpq connection string, empty without a database."""

    version: str
    base_url: str
    master_key: str = field(repr=False)
    dsn: str
    log_path: Path
    pid: int

    @property
    def home(self) -> Path:
        """Where it is installed and runs."""
        return self.log_path.parent.parent

    @property
    def salt_key(self) -> str:
        """What it encrypts with."""
        return salt_key(self.home)


class Gateway:
    """A real LiteLLM proxy on a real PostgreSQL, of a version or of what is called `oldest`, `lts` or `newest`.

    Without a port it takes a free one and is ephemeral: it begins with an empty database, and `down` removes it.
    """

    def __init__(self, version: str = NEWEST, port: int | None = None, home: Path | None = None) -> None:
        self.version = version_of(version)
        self.home = (home if home is not None else default_home()).resolve()
        self.ephemeral = port is None
        self.run = Run(self.home, port if port is not None else proxy.free_port())

    @property
    def database(self) -> str:
        """The name of this gateway's database."""
        return f"litellm_{self.version.replace('.', '_')}_{self.run.port}"

    def up(
        self,
        *,
        fresh: bool = False,
        owner_pid: int | None = None,
        progress: Progress = QUIET,
        database: bool = True,
        config: Path | None = None,
        environment: Mapping[str, str] = NOTHING,
    ) -> Running:
        """Install what is missing, start what does not run, and return when the proxy answers.

        `environment` is added to the proxy's own, if it is started now.

        With `owner_pid`, everything stops when that process ends, however it ends. If starting fails or is interrupted,
        what was started is stopped; the log stays. Another version on the same port is replaced.
        """
        starter = self.run.starter()
        if starter is not None and starter.pid != os.getpid():
            raise GatewayError(f"Process {starter.pid} is starting a gateway on port {self.run.port}; wait for it.")
        running = self._found_running(database=database)
        if running is not None and not fresh and config is None:
            if owner_pid is not None:
                self._guard(owner_pid)
            progress.say(f"already running at {running.base_url}")
            return running
        installed = install(self.home, self.version, progress)
        for departure in installed.departures.sentences:
            progress.say(f"LiteLLM {self.version} is not as it was published; {departure}")
        self.run.stop()
        if not proxy.port_is_free(self.run.port):
            raise GatewayError(
                f"Port {self.run.port} is taken{proxy.port_holder(self.run.port)}; "
                "choose another with --port, or stop that process."
            )
        self.run.folder.mkdir(parents=True, exist_ok=True)
        self.run.claim.write_text(str(Watched.remember(os.getpid())), encoding="utf-8")
        try:
            self._guard(owner_pid)
            return self._start(
                installed, fresh=fresh, progress=progress, database=database, config=config, more=environment
            )
        except BaseException:
            with suppress(FileNotFoundError):
                self.run.claim.unlink()
            stop(self.run, keep_log=True)
            raise
        finally:
            with suppress(FileNotFoundError):
                self.run.claim.unlink()

    def down(self) -> None:
        """Stop this gateway, and PostgreSQL if no gateway of this home remains."""
        stop(self.run)

    def _start(
        self,
        installed: Installed,
        *,
        fresh: bool,
        progress: Progress,
        database: bool,
        config: Path | None,
        more: Mapping[str, str],
    ) -> Running:
        if fresh or self.ephemeral or self.run.facts().get("version") != self.version:
            self.run.ledger.unlink(missing_ok=True)
        facts: dict[str, Any] = {"version": self.version, "port": self.run.port}
        facts["database"] = self.database if database else None
        facts |= {"ephemeral": self.ephemeral, "departures": installed.departures.as_json()}
        self.run.describe(facts)
        dsn, url = "", None
        if database:
            server = postgres.server_of(self.home)
            with locked(self.home / "postgres.lock"):
                with progress.step("starting PostgreSQL"):
                    postgres.start(server)
                with progress.step("preparing the database"):
                    postgres.create_database(server, installed, self.database, fresh=fresh or self.ephemeral)
            dsn, url = server.dsn(self.database), server.prisma_url(self.database)
        chosen = config
        if chosen is None:
            chosen = self.run.folder / "config.yaml"
            chosen.write_text(proxy.config_for(self.version), encoding="utf-8")
        with progress.step(f"starting LiteLLM {self.version} on port {self.run.port}"):
            pid = proxy.start(installed, self.run, chosen, url, more)
            proxy.wait_until_ready(self.run, database=database)
        running = self._running(pid, dsn)
        self.run.describe({**facts, "dsn": dsn, "base_url": running.base_url})
        return running

    def _running(self, pid: int, dsn: str) -> Running:
        return Running(self.version, f"http://{HOST}:{self.run.port}", master_key(self.home), dsn, self.run.log, pid)

    def _found_running(self, *, database: bool) -> Running | None:
        """This very gateway, if it was started before and still answers."""
        seen, facts = self.run.proxy(), self.run.facts()
        if seen is None or facts.get("version") != self.version or bool(facts.get("dsn")) != database:
            return None
        try:
            proxy.wait_until_ready(self.run, database=database)
        except GatewayError:
            return None
        return self._running(seen.pid, facts["dsn"])

    def _guard(self, owner_pid: int | None) -> None:
        """Leave a small process behind: it stops this gateway if its starter dies half-way or its owner ever."""
        owner = [] if owner_pid is None else [str(Watched.remember(owner_pid))]
        command: list[str | Path] = [sys.executable, "-m", "examples.gateway.guard", self.run.folder, *owner]
        log = self.run.folder / "guard.log"
        spawn(command, log=log, pid_file=self.run.folder / "guard.pid", cwd=REPOSITORY, env=os.environ)


def stop(run: Run, *, keep_log: bool = False) -> bool:
    """Stop one gateway, forget it if it was ephemeral, and stop PostgreSQL if nothing needs it. True if it ran."""
    ran = run.stop()
    facts = run.facts()
    if wheel_programs(run.home) is None:
        return ran
    server = postgres.server_of(run.home)
    with locked(run.home / "postgres.lock"):
        if facts.get("ephemeral") and facts.get("database") and postgres.is_running(server):
            with suppress(GatewayError):
                postgres.drop_database(server, facts["database"])
        if not any(other.active() for other in runs_of(run.home)):
            postgres.stop(server)
    if facts.get("ephemeral") and not keep_log:
        run.forget()
    return ran
