"""Stewards of which every byte that leaves them is kept: what they say, write, log, trace and send to the proxy."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast

import httpx
from mcp import Client, StdioServerParameters, stdio_client

from litellm_steward.steward import Steward
from tests.canaries import Canaries
from tests.live.harness import Answered, Seeded, environment
from tests.observed import SPANS
from tests.wire.inside import Inside

ROOT: Final = Path(__file__).parents[2]
Http = Literal["sse", "streamable-http"]

RESULTS, HTTP, STDERR, SPAN, AUDIT = "results", "HTTP answers", "stderr", "spans", "audit log"
LINES, HEADERS, BODIES = "URLs to the proxy", "headers to the proxy", "bodies to the proxy"
PLACES: Final = (RESULTS, HTTP, STDERR, SPAN, AUDIT, LINES, HEADERS, BODIES)
NEW_KEY: Final = "new key in a reply"

_HEAD: Final = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) [^\r\n]* HTTP/1\.1\r\n(?:[^\r\n]+\r\n)+")


@dataclass
class Wire:
    """One TCP relay on loopback: what was said in each direction, connection by connection."""

    target: str = ""
    url: str = ""
    asked: list[bytearray] = field(default_factory=list)
    answered: list[bytearray] = field(default_factory=list)
    _open: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=list)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for end in [end for ends in self._open for end in ends]:
                end.transport.abort()
            while self._open:  # noqa: ASYNC110 - each relay ends when its two ends are closed
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = httpx.URL(self.target)
        there, back = await asyncio.open_connection(target.host, target.port)
        asked, answered = bytearray(), bytearray()
        self.asked.append(asked)
        self.answered.append(answered)
        self._open.append((writer, back))
        try:
            await asyncio.gather(_copy(reader, back, asked), _copy(there, writer, answered), return_exceptions=True)
        finally:
            for end in (writer, back):
                end.close()  # a copy that failed leaves its own open
                with suppress(OSError):
                    await end.wait_closed()
            self._open.remove((writer, back))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    while data := await reader.read(65536):
        kept += data
        writer.write(data)
        await writer.drain()
    writer.close()


@dataclass
class Ears:
    """Everything that was heard of some stewards of one gateway, in ``folder`` and in memory."""

    gateway: Seeded
    folder: Path
    canaries: Canaries
    to_proxy: list[Wire] = field(default_factory=list)
    from_clients: list[Wire] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    _started: int = 0

    def settings(self, given: Mapping[str, str], proxy: Wire) -> dict[str, str]:
        ours = {
            "PYTHONPATH": str(ROOT),
            "LITELLM_BASE_URL": proxy.url,
            "STEWARD_AUDIT_LOG": str(self.folder / "audit.jsonl"),
            "STEWARD_TOOLSETS": "all",
            SPANS: str(self.folder / "spans.json"),
            **given,
        }
        return environment(self.gateway.running, ours)

    @asynccontextmanager
    async def over_stdio(self, era: Any = "auto", **given: str) -> AsyncIterator[Speaker]:  # noqa: ANN401
        """A steward as a desktop host starts it; a copy is kept of its two outputs."""
        number = self._next()
        wire = Wire(self.gateway.running.base_url)
        self.to_proxy.append(wire)
        script = 'out=$1; err=$2; shift 2; "$@" 2>"$err" | tee "$out"'
        outputs = [str(self.folder / f"stdout-{number}"), str(self.folder / f"stderr-{number}")]
        async with wire.relaying():
            parameters = StdioServerParameters(
                command="/bin/sh",
                args=["-c", script, "sh", *outputs, sys.executable, "-m", "tests.observed"],
                env=self.settings(given, wire),
                cwd=str(self.folder),
            )
            async with Client(stdio_client(parameters), mode=era, cache=None) as client:
                yield Speaker(client, self.canaries)

    @asynccontextmanager
    async def over_http(self, transport: Http, wire: Wire | None = None, **given: str) -> AsyncIterator[Inside]:
        """A steward that serves HTTP behind a relay."""
        number = self._next()
        heard, proxy = wire or Wire(), Wire(self.gateway.running.base_url)
        self.to_proxy.append(proxy)
        self.from_clients.append(heard)
        arguments = ["-m", "tests.observed", "serve", "--transport", transport, "--port", "0"]
        async with proxy.relaying():
            with (self.folder / f"stderr-{number}").open("w") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, *arguments, env=self.settings(given, proxy), cwd=self.folder, stderr=log
                )
            try:
                heard.target = await self._serving(process, number)
                if wire is not None:
                    yield _spoken_to(wire.url, transport)
                else:
                    async with heard.relaying():
                        yield _spoken_to(heard.url, transport)
            finally:
                process.send_signal(signal.SIGTERM)
                await process.wait()

    async def _serving(self, process: asyncio.subprocess.Process, number: int) -> str:
        path = self.folder / f"stderr-{number}"
        while not (url := re.search(r"serving on (http://[^/\s]+)", path.read_text())):
            assert process.returncode is None, path.read_text()
            await asyncio.sleep(0.02)
        return url[1]

    def _next(self) -> int:
        self._started += 1
        return self._started

    def heard(self) -> dict[str, bytes]:
        """All of it, by place."""
        sent = b"\n".join(bytes(part) for wire in self.to_proxy for part in wire.asked)
        heads = [match[0] for match in _HEAD.finditer(sent)]
        lines = [head.partition(b"\r\n")[0] for head in heads]
        said = b"\n".join(bytes(part) for wire in self.from_clients for part in wire.answered)
        kept = {
            RESULTS: _read(self.folder.glob("stdout-*")),
            HTTP: said,
            STDERR: _read(self.folder.glob("stderr-*")),
            SPAN: _read([self.folder / "spans.json"]),
            AUDIT: _read([self.folder / "audit.jsonl"]),
            LINES: b"\n".join(lines),
            HEADERS: b"\n".join(head.partition(b"\r\n")[2] for head in heads),
            BODIES: _HEAD.sub(b"", sent),
        }
        return {place: kept[place] for place in PLACES}

    def read(self, path: str) -> str:
        """A file that a steward wrote."""
        return Path(path).read_text(encoding="utf-8")

    def carriers(self, secret: str) -> set[tuple[str, str]]:
        """The paths and headers with which a secret was sent to the proxy."""
        found = set()
        for wire in self.to_proxy:
            for head in (match[0].decode() for part in wire.asked for match in _HEAD.finditer(bytes(part))):
                first, *rest = head.split("\r\n")
                found |= {(first.split()[1], line.split(":")[0].lower()) for line in rest if secret in line}
        return found


def _read(paths: Iterable[Path]) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(paths) if path.exists())


def _spoken_to(origin: str, transport: Http) -> Inside:
    """The test's way to speak HTTP; the steward itself is in another process."""
    return Inside(cast("Steward", None), transport, origin)


@dataclass
class Speaker:
    """A client, and what becomes of a new key: it is to be shown once in the text and once in the data."""

    client: Client
    canaries: Canaries

    async def __call__(self, tool: str, **arguments: object) -> Answered:
        answered = Answered.of(await self.client.call_tool(tool, arguments))
        if isinstance(key := answered.data.get("key"), str) and key.startswith("sk-"):
            self.canaries.plant(NEW_KEY, key)
            assert f"{answered.text}\n{json.dumps(answered.data)}".count(key) == 2
        return answered


def without_new_keys(heard: Mapping[str, bytes], canaries: Canaries) -> dict[str, bytes]:
    """What was heard without the showings that new keys are for: two in each reply, and no more."""
    shown = dict(heard)
    for key in canaries.planted.get(NEW_KEY, ()):
        for place in (RESULTS, HTTP):
            assert shown[place].count(key.encode()) in (0, 2), "a new key is shown once, in text and data"
            shown[place] = shown[place].replace(key.encode(), b"")
    return shown
