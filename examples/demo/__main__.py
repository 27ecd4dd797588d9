"""`python -m examples.demo`: boot, seed, talk, and leave the gateway running for a desktop host."""

import argparse
import asyncio
import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Final, NoReturn

from examples.gateway import NEWEST, Gateway, GatewayError, Ledger, Progress, Running, seed
from examples.gateway.proxy import port_is_free
from examples.gateway.runs import Run
from examples.gateway.settings import DEFAULT_PORT, default_home

from .conversations import CONVERSATIONS
from .stage import SERVER, WrongAnswerError, curtain, say, settings_of

PORTS: Final = range(DEFAULT_PORT, DEFAULT_PORT + 20)
LATE: Final = 180
"""Seconds before midnight UTC: figures of "today" would lose what was seeded before it."""


def main(arguments: list[str] | None = None) -> int:
    """Play the demo. If anything goes wrong, say what, and leave nothing running."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Eight conversations with a gateway.")
    parser.add_argument("--port", type=int, help=f"for the gateway; default: the first free one from {DEFAULT_PORT}")
    parser.add_argument("--stop", action="store_true", help="stop the gateway at the end")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    progress = Progress(sys.stdout)
    gateway = Gateway(NEWEST, _port() if asked.port is None else asked.port)
    try:
        say("A real LiteLLM proxy on a real PostgreSQL; the first time, installing them takes some minutes.\n")
        _wait_for_a_whole_day(progress)
        running = gateway.up(fresh=True, progress=progress)
        asyncio.run(_play(running, seed(running, progress)))
    except BaseException as failure:  # noqa: BLE001  # whatever it is, nothing must stay behind
        gateway.down()
        print(f"\ndemo: {'; '.join(_reasons(failure))}", file=sys.stderr)
        print(f"(the gateway is stopped; its log is {gateway.run.log})", file=sys.stderr)
        return 1
    say(f"\n{'─' * 100}\nAll eight conversations were right, after {time.monotonic() - started:.0f} s.\n")
    if asked.stop:
        gateway.down()
    else:
        _how_to_go_on(running)
    return 0


async def _play(running: Running, ledger: Ledger) -> None:
    async with curtain(running, ledger) as stage:
        for conversation in CONVERSATIONS:
            await conversation(stage)


def _port() -> int:
    """The first port that is free, or held by an earlier demo's gateway, which is then replaced."""
    home = default_home()
    return next(port for port in PORTS if port_is_free(port) or Run(home, port).proxy() is not None)


def _wait_for_a_whole_day(progress: Progress) -> None:
    now = datetime.now(UTC)
    left = 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
    if left < LATE:
        with progress.step("waiting for the UTC day to end, so that all of today's calls are of today"):
            time.sleep(left + 1)


def _how_to_go_on(running: Running) -> None:
    server = {"command": str(SERVER), "env": settings_of(running)}
    say(f"The gateway goes on at {running.base_url} (master key {running.master_key}).")
    say("To talk to it yourself, put this into Claude Desktop's configuration")
    say("(Settings → Developer → Edit Config), and restart Claude Desktop:\n")
    say(json.dumps({"mcpServers": {"litellm-steward": server}}, indent=2))
    say("\nTo stop the gateway: make gateway-down")


def _reasons(failure: BaseException) -> Iterator[str]:
    """What went wrong, out of the groups that concurrent code puts it in."""
    if isinstance(failure, BaseExceptionGroup):
        for inner in failure.exceptions:
            yield from _reasons(inner)
    elif isinstance(failure, KeyboardInterrupt):
        yield "interrupted"
    elif isinstance(failure, WrongAnswerError):
        yield f"this was to be true and is not: {failure}"
    elif isinstance(failure, GatewayError):
        yield str(failure)
    else:
        yield "".join(traceback.format_exception(failure))


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
