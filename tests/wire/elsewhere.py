"""Another machine, as far as one machine can be two: a network namespace of its own, at the end of a virtual cable.

The server's side is a namespace as well, so that nothing of this machine's network is touched and everything is gone
with the two processes that hold the namespaces. Where no namespace can be made (that takes root, or a kernel which
lets users make them), requests come from this machine to another of its addresses.

Run as a program it is the other side's voice: requests on stdin, answers on stdout, one a line.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.wire.harness import ROOT, environment

HERE, THERE = "198.51.100.1", "198.51.100.2"
"""Addresses that RFC 5737 keeps for documentation: nobody else has them."""

QUIET: Final = 5.0
"""Seconds of silence after which an answer has ended."""

LIMIT: Final = 1 << 26
HOLD: Final = ("sleep", "infinity")


@dataclass(frozen=True)
class Answer:
    """What came back, headers in lower case; no status where the connection just ended."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Answer:
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/1\.[01] (\d{3})", first)
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return cls(int(match[1]) if match else 0, headers, body, raw)


@dataclass
class Voice:
    """Somebody at the other end."""

    process: asyncio.subprocess.Process

    async def say(self, address: str, port: int, request: bytes) -> Answer:
        """Send these bytes over a connection of their own."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        said = {"address": address, "port": port, "request": b64encode(request).decode()}
        self.process.stdin.write(json.dumps(said).encode() + b"\n")
        await self.process.stdin.drain()
        return Answer.of(b64decode(await self.process.stdout.readline()))


@dataclass(frozen=True)
class Place:
    """Where servers are started (``command`` in front of theirs), and how they are spoken to from elsewhere."""

    command: Sequence[str]
    address: str
    voice: Voice
    is_apart: bool
    """Whether requests come from another machine's address, and not just to another address of this one."""


@asynccontextmanager
async def two_places() -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        for rights in ((), ("-U", "-r")):
            here = await _namespace(stack, ("unshare", *rights, "-n", *HOLD))
            there = here and await _namespace(stack, (*_into(here, rights), "unshare", "-n", *HOLD))
            if here and there and await _cabled(_into(here, rights), _into(there, rights), there):
                voice = await _voice(stack, _into(there, rights))
                yield Place(_into(here, rights), HERE, voice, is_apart=True)
                return
        yield Place((), _other_address(), await _voice(stack, ()), is_apart=False)


def _into(holder: int, rights: Sequence[str]) -> tuple[str, ...]:
    return ("nsenter", "-t", str(holder), *(("-U", "--preserve-credentials") if rights else ()), "-n")


async def _namespace(stack: AsyncExitStack, command: Sequence[str]) -> int | None:
    """The process that holds a new namespace; ``None`` if there cannot be one."""
    if not sys.platform.startswith("linux") or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return None
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    stack.push_async_callback(_end, process)
    while process.returncode is None and _name_of(process.pid) != HOLD[0]:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    return process.pid if process.returncode is None else None


def _name_of(pid: int) -> str:
    """``unshare`` becomes what it starts once the namespace is made."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    return ""


async def _cabled(here: Sequence[str], there: Sequence[str], holder: int) -> bool:
    commands = [
        (*here, "ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(holder)),
        (*here, "ip", "address", "add", f"{HERE}/30", "dev", "cable"),
        (*there, "ip", "address", "add", f"{THERE}/30", "dev", "cable"),
        *((*side, "ip", "link", "set", name, "up") for side in (here, there) for name in ("lo", "cable")),
    ]
    for command in commands:
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        if await process.wait():
            return False
    return True


async def _voice(stack: AsyncExitStack, command: Sequence[str]) -> Voice:
    process = await asyncio.create_subprocess_exec(
        *command, sys.executable, "-m", "tests.wire.elsewhere", cwd=ROOT, env=environment(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LIMIT,
    )  # fmt: skip
    stack.push_async_callback(_end, process)
    return Voice(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


def _other_address() -> str:
    """An address of this machine that is not loopback, else another loopback address; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((THERE, 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


def _spoken(address: str, port: int, request: bytes) -> bytes:
    """All that comes back. An answer may come, and the connection end, before everything is sent."""
    answer = bytearray()
    with socket.create_connection((address, port), timeout=QUIET) as connection:
        with suppress(OSError):
            connection.sendall(request)
        with suppress(OSError):
            while piece := connection.recv(65536):
                answer += piece
    return bytes(answer)


def main() -> None:
    for line in sys.stdin:
        said = json.loads(line)
        answer = _spoken(said["address"], said["port"], b64decode(said["request"]))
        sys.stdout.write(b64encode(answer).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
