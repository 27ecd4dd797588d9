"""Take a running proxy's database away, for a moment, and give it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.sql import SQL, Identifier

from tests.live.harness import Seeded, wait_for


@contextmanager
def frozen(gateway: Seeded) -> Iterator[None]:
    """The database answers nobody: every table is locked, and whoever asks waits."""
    tables = gateway.sql("select tablename from pg_tables where schemaname = 'public'")
    names = SQL(", ").join(Identifier(name) for (name,) in tables)
    with psycopg.connect(gateway.running.dsn) as connection:
        connection.execute(SQL("lock table {} in access exclusive mode").format(names))
        yield
        connection.rollback()
    _recovered(gateway)


@contextmanager
def gone(gateway: Seeded) -> Iterator[None]:
    """The database takes no connection and has closed all it had: as if its server had been stopped."""
    name = gateway.sql("select current_database()")[0][0]
    try:
        _as_administrator(gateway, name, allowed="false")
        yield
    finally:
        _as_administrator(gateway, name, allowed="true")
    _recovered(gateway)


def _as_administrator(gateway: Seeded, name: str, *, allowed: str) -> None:
    elsewhere = psycopg.conninfo.make_conninfo(gateway.running.dsn, dbname="postgres")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(SQL("alter database {} with allow_connections " + allowed).format(Identifier(name)))
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])


def _recovered(gateway: Seeded) -> None:
    wait_for(lambda: gateway.admin("GET", "/v2/team/list").status_code == 200, "the proxy has its database back", 90)
