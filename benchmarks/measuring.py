"""Asks a real server, over stdio as a client does, and notes what an answer takes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, Final

from mcp import Client, StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from benchmarks.relay import Relay, slowest_chain
from benchmarks.subjects import Case, Subjects
from examples.gateway.keys import master_key
from examples.gateway.settings import default_home
from tests.processes import clean_environment
from tests.tokens import tokens

LONG: Final = 20.0
"""What takes so many seconds is asked once."""

SHORT: Final = 1.0
ROUNDS: Final = 5
"""What takes less than ``SHORT`` seconds is measured so often, and the median counts: other programs' work on the same
processor takes longer than what is measured here."""

RESET_PEAK: Final = "5"
"""Written to ``/proc/PID/clear_refs``, this lets the peak of resident memory begin anew."""


@dataclass(frozen=True)
class Asked:
    """One answer. Seconds and bytes; ``waiting`` is the slowest chain of proxy calls."""

    wall: float
    waiting: float
    calls: int
    in_a_row: int
    read: int
    peak: int
    data_tokens: int
    text_tokens: int
    refused: str = ""

    @property
    def ratio(self) -> float:
        return self.wall / self.waiting if self.waiting else 0.0

    @property
    def tokens(self) -> int:
        """Structured content and text hold the same facts; a client gives its model one of them."""
        return max(self.data_tokens, self.text_tokens)


@dataclass(frozen=True)
class Measured:
    """The first answer of a new server, and a later one. ``peak`` of either is beyond the idle server."""

    idle: int
    first: Asked
    later: Asked | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measured:
        later = found["later"]
        return cls(found["idle"], Asked(**found["first"]), Asked(**later) if later else None)

    @property
    def usual(self) -> Asked:
        return self.later or self.first

    @property
    def peak(self) -> int:
        return max(asked.peak for asked in (self.first, self.later) if asked)


async def measure(proxy_url: str, case: Case, subjects: Subjects, tell: Callable[[str], None]) -> Measured:
    """A new server for each round: the first call has to find out what the release can do."""
    rounds = [await _round(proxy_url, case, subjects, tell)]
    while len(rounds) < ROUNDS and rounds[0].first.wall < SHORT:
        rounds.append(await _round(proxy_url, case, subjects, tell))
    later = [one.later for one in rounds if one.later]
    return Measured(rounds[0].idle, _middle([one.first for one in rounds]), _middle(later) if later else None)


async def _round(proxy_url: str, case: Case, subjects: Subjects, tell: Callable[[str], None]) -> Measured:
    async with Relay(proxy_url) as relay, _server(relay.url) as (client, pid):
        await client.list_tools()
        await client.list_prompts()
        await _prepare_client(client, case)
        idle = _resident(pid, "VmRSS")
        relay.take()
        arguments = case.arguments(subjects)
        first = await _ask(client, relay, pid, idle, case, arguments, tell)
        later = None if first.wall > LONG else await _ask(client, relay, pid, idle, case, arguments, tell)
        return Measured(idle, first, later)


def _middle(asked: Sequence[Asked]) -> Asked:
    """The one of the median ratio, with the most calls and memory that any of them took."""
    middle = sorted(asked, key=lambda one: one.ratio)[len(asked) // 2]
    return replace(middle, calls=max(one.calls for one in asked), peak=max(one.peak for one in asked))


async def _prepare_client(client: Client, case: Case) -> None:
    """Let the client compile the schema it checks answers with: that is not the server's time."""
    if case.kind == "tool":
        with suppress(RuntimeError):
            await client.session.validate_tool_result(case.target, CallToolResult(content=[], structured_content={}))


async def _ask(
    client: Client,
    relay: Relay,
    pid: int,
    idle: int,
    case: Case,
    arguments: Mapping[str, object],
    tell: Callable[[str], None],
) -> Asked:
    _begin_peak(pid)
    began = time.monotonic()
    data, text, refused = await (_prompt if case.kind == "prompt" else _tool)(client, case.target, dict(arguments))
    wall = time.monotonic() - began
    peak = _resident(pid, "VmHWM") - idle
    calls = relay.take()
    chain = slowest_chain(calls)
    for call in sorted(calls, key=lambda call: call.began):
        mark = "|" if any(call is one for one in chain) else " "
        tell(f"{mark} {call.began - began:7.3f} {call.seconds:7.3f} {call.size:>10,} {call.status} {call.request}")
    return Asked(
        wall=wall,
        waiting=sum(call.seconds for call in chain),
        calls=len(calls),
        in_a_row=len(chain),
        read=sum(call.size for call in calls),
        peak=peak,
        data_tokens=tokens(data) if data else 0,
        text_tokens=tokens(text),
        refused=refused,
    )


async def _tool(client: Client, name: str, arguments: dict[str, object]) -> tuple[object, str, str]:
    result = await client.call_tool(name, arguments)
    if not isinstance(result, CallToolResult):
        raise TypeError(type(result))
    text = "\n".join(content.text for content in result.content if isinstance(content, TextContent))
    return result.structured_content, text, text if result.is_error else ""


async def _prompt(client: Client, name: str, arguments: dict[str, object]) -> tuple[object, str, str]:
    try:
        result = await client.get_prompt(name, {key: str(value) for key, value in arguments.items()})
    except MCPError as error:
        return None, str(error), str(error)
    text = "\n".join(message.content.text for message in result.messages if isinstance(message.content, TextContent))
    return None, text, ""


@asynccontextmanager
async def _server(url: str) -> AsyncIterator[tuple[Client, int]]:
    settings = {"LITELLM_BASE_URL": url, "LITELLM_MASTER_KEY": master_key(default_home()), "STEWARD_TOOLSETS": "all"}
    with TemporaryDirectory() as folder, TemporaryFile("w") as log:
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "litellm_steward"],
            env=clean_environment(**settings),
            cwd=folder,  # away from any .env of the developer
        )
        async with Client(stdio_client(parameters, errlog=log), cache=None) as client:
            yield client, _own_server()


def _own_server() -> int:
    """The process id of the server that this process started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
            if parent == os.getpid() and b"litellm_steward" in command:
                return int(stat.parent.name)
    raise LookupError("the server's process was not found")


def _begin_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK, encoding="ascii")


def _resident(pid: int, name: str) -> int:
    """Bytes of resident memory: ``VmRSS`` now, ``VmHWM`` at its peak."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def dump(found: Mapping[str, Mapping[str, Measured]]) -> str:
    """Results by release and case."""
    plain = {release: {name: one.as_json() for name, one in cases.items()} for release, cases in found.items()}
    return json.dumps(plain, indent=1) + "\n"


def load(path: Path) -> dict[str, dict[str, Measured]]:
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {release: {name: Measured.from_json(one) for name, one in cases.items()} for release, cases in found.items()}
