"""The two processes of the load run: the steward, watched, and the stand-in behind it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from benchmarks.loading.questions import Json
from tests.processes import clean_environment

TOKEN: Final = "a-token-of-the-load-run-0001"  # noqa: S105 - of a server that lives for minutes on loopback
ROOT: Final = Path(__file__).parents[2]


@dataclass
class Steward:
    """A steward that serves streamable HTTP."""

    process: asyncio.subprocess.Process
    url: str
    proxy_url: str
    audit_log: Path
    said: list[str] = field(default_factory=list)
    """Lines on stderr."""
    resident: list[int] = field(default_factory=list)
    """Bytes, as often as was looked."""

    def descriptors(self) -> Counter[str]:
        """Open descriptors by sort; connections to the proxy are one, since the pool of them keeps some."""
        found = Counter[str]()
        to_proxy = self._sockets_to(urlsplit(self.proxy_url).port or 0)
        for entry in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since
                name = str(entry.readlink())
                found["proxy" if name in to_proxy else name.split(":", maxsplit=1)[0]] += 1
        return found

    def _sockets_to(self, port: int) -> set[str]:
        lines = Path(f"/proc/{self.process.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        rows = [line.split() for line in lines]
        return {f"socket:[{row[9]}]" for row in rows if int(row[2].rpartition(":")[2], 16) == port}

    def look(self) -> None:
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        self.resident += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")]

    async def watch(self, every: float) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(every)

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@dataclass
class StandIn:
    """The stand-in LiteLLM."""

    url: str
    said: list[str] = field(default_factory=list)

    async def seen(self) -> Json:
        """What it counted."""
        async with httpx.AsyncClient(trust_env=False) as http:
            found: Json = (await http.get(f"{self.url}/seen")).json()
            return found


@asynccontextmanager
async def stand_in(faults: float) -> AsyncIterator[StandIn]:
    async with _process("benchmarks.loading.proxy", str(faults), environment=_environment()) as (process, said):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        yield StandIn((await process.stdout.readline()).decode().strip(), said)


@asynccontextmanager
async def steward(proxy_url: str, folder: Path) -> AsyncIterator[Steward]:
    audit_log = folder / "audit.jsonl"
    settings = {
        "LITELLM_BASE_URL": proxy_url,
        "LITELLM_MASTER_KEY": "sk-of-the-load-run",
        "STEWARD_AUTH_TOKEN": TOKEN,
        "STEWARD_AUDIT_LOG": str(audit_log),
    }
    arguments = ("litellm_steward", "serve", "--transport", "streamable-http", "--port", "0")
    async with _process(*arguments, environment=_environment(**settings), folder=folder) as (process, said):
        while not (lines := [line for line in said if "serving on " in line]):
            if process.returncode is not None:
                raise RuntimeError("".join(said))
            await asyncio.sleep(0.05)
        served = Steward(process, lines[0].partition("serving on ")[2].strip(), proxy_url, audit_log, said)
        yield served
        await served.stop()


@asynccontextmanager
async def _process(
    *arguments: str, environment: dict[str, str], folder: Path = ROOT
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=environment, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = list[str]()
    listening = asyncio.create_task(_listen(process.stderr, said))
    try:
        yield process, said
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def _listen(stderr: asyncio.StreamReader | None, said: list[str]) -> None:
    if stderr is not None:
        while line := await stderr.readline():
            said.append(line.decode(errors="replace"))


def _environment(**settings: str) -> dict[str, str]:
    return clean_environment(PYTHONPATH=f"{ROOT / 'src'}{os.pathsep}{ROOT}", **settings)
