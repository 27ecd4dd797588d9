"""Fills a running gateway's database with a company of 300 teams, 5,000 users, 50,000 keys and sixty days of books."""

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from examples.gateway import postgres
from examples.gateway.errors import GatewayError
from examples.gateway.gateway import QUIET, Running
from examples.gateway.progress import Progress
from examples.gateway.settings import release

from .oddities import LOGGED_USER, SURGING_TEAM, Company, DeletedKey, MovedKey, every_odd_name
from .tables import TABLES, Table

HERE: Final = Path(__file__).resolve().parent
MARK: Final = "company-size"
"""The configuration entry that says that, and for which day, a database was filled."""


def fill(running: Running, progress: Progress = QUIET, *, today: dt.date | None = None) -> Company:
    """Fill the database, once, with books that end today (UTC), and name the special cases."""
    now = dt.datetime.now(dt.UTC)
    day = (today or now.date()).isoformat()
    filled = _filled(running)
    if filled is not None and filled.last_day != day:
        raise GatewayError(
            f"This gateway was filled on {filled.last_day}; to fill it for {day}, empty it first with `up --fresh`."
        )
    if filled is not None:
        return filled
    if not running.dsn:
        raise GatewayError("This gateway has no database to fill; start it without --no-database.")
    elapsed = (now - dt.datetime.combine(now.date(), dt.time(), dt.UTC)).total_seconds()
    with progress.step("filling the database with a company of 50,000 keys"):
        answer = sql(running, _script(running, day, max(60, int(elapsed))))
    found: dict[str, Any] = json.loads(answer[-1][0])
    return _company(found)


def filled_company(running: Running) -> Company:
    """The special cases of a gateway that `fill` filled before."""
    company = _filled(running)
    if company is None:
        raise GatewayError("This gateway was not filled; run `python -m examples.gateway fill`.")
    return company


def sql(running: Running, statements: str) -> list[list[str]]:
    """Run SQL in the gateway's own database, past the proxy."""
    server = postgres.server_of(running.home)
    return postgres.query(server, running.dsn.rpartition("dbname=")[2], statements)


def style(version: str) -> str:
    """How a release books what failed: 1.83 with the key, later ones with the provider and the prompt's tokens too."""
    return "old" if release(version) < (1, 100) else "new"


def quoted(text: str) -> str:
    """An SQL literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"


def _script(running: Running, day: str, elapsed: int) -> str:
    columns = _columns(running)
    drops, makes = _indexes(running)
    names = ",\n".join(f"({quoted(kind)}, {number}, {quoted(name)})" for kind, number, name in every_odd_name())
    parts = [
        f"\\set today '{day}'",
        f"\\set elapsed {elapsed}",
        f"\\set style '{style(running.version)}'",
        f"\\set version '{running.version}'",
        f"\\set master_key_hash '{hashlib.sha256(running.master_key.encode()).hexdigest()}'",
        f"\\set logged_user {LOGGED_USER}",
        f"\\set surging_team {SURGING_TEAM}",
        "SET work_mem = '128MB'; SET maintenance_work_mem = '128MB'; SET jit = off;",
        "BEGIN;",
        f"CREATE TEMP TABLE odd_name (kind text, n int, name text); INSERT INTO odd_name VALUES {names};",  # noqa: S608  # our own
        *((HERE / name).read_text(encoding="utf-8") for name in ("people.sql", "usage.sql", "standing.sql")),
        *drops,
        *(_insert(table, columns[table.name]) for table in TABLES if table.name in columns),
        *makes,
        (HERE / "special.sql").read_text(encoding="utf-8"),
        "COMMIT;",
        *(f'ANALYZE "{table.name}";' for table in TABLES if table.name in columns),
        f"SELECT param_value FROM \"LiteLLM_Config\" WHERE param_name = '{MARK}';",  # noqa: S608  # our own
    ]
    return "\n".join(parts)


def _columns(running: Running) -> dict[str, frozenset[str]]:
    """The columns of each table that this release has."""
    rows = sql(
        running,
        "SELECT table_name, string_agg(column_name, ' ') FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name LIKE 'LiteLLM%' GROUP BY table_name",
    )
    return {table: frozenset(columns.split()) for table, columns in rows}


def _insert(table: Table, existing: frozenset[str]) -> str:
    chosen = {name: value for name, value in table.columns.items() if name.strip('"') in existing}
    return f'INSERT INTO "{table.name}" ({", ".join(chosen)})\nSELECT {", ".join(chosen.values())} FROM {table.source};'


def _indexes(running: Running) -> tuple[list[str], list[str]]:
    """Statements that drop and make again what would have to be kept up to date row by row."""
    rows = sql(
        running,
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND "
        "(tablename LIKE 'LiteLLM_Daily%Spend' OR tablename IN ('LiteLLM_SpendLogs', 'LiteLLM_VerificationToken'))",
    )
    return [f'DROP INDEX "{name}";' for name, _ in rows], [f"{definition};" for _, definition in rows]


def _filled(running: Running) -> Company | None:
    rows = sql(running, f"SELECT param_value FROM \"LiteLLM_Config\" WHERE param_name = '{MARK}'")  # noqa: S608  # our own
    return _company(json.loads(rows[0][0])) if rows else None


def _company(found: dict[str, Any]) -> Company:
    rest: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    rest["moved"] = tuple(MovedKey(**key) for key in found["moved"])
    rest["deleted"] = tuple(DeletedKey(**key) for key in found["deleted"])
    return Company(**rest)
