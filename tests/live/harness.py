"""Drive the steward as a client would, against a real proxy, and keep every byte for the canary test."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

import httpx
import psycopg
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.context import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent

from examples.gateway import OLDEST, UPSTREAM_API_KEY, Ledger, Running
from examples.gateway.keys import master_key
from examples.gateway.settings import default_home
from tests.canaries import Canaries
from tests.processes import clean_environment

Era = Literal["auto", "legacy"]
Json = dict[str, Any]


@dataclass
class Booted:
    """A running gateway whose database can be asked."""

    running: Running

    @property
    def version(self) -> str:
        return self.running.version

    @property
    def is_oldest(self) -> bool:
        return self.version == OLDEST

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the proxy's own database: the truth that figures are compared with."""
        with psycopg.connect(self.running.dsn, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()


@dataclass
class Seeded(Booted):
    """A running, seeded gateway."""

    ledger: Ledger

    def change(self, statement: str, *values: object) -> None:
        """Put something into the database that the proxy's API would refuse."""
        with psycopg.connect(self.running.dsn, autocommit=True) as connection:
            connection.execute(statement, values)

    def chat(self, key: str, model: str, **body: object) -> httpx.Response:
        """A real chat call on the proxy, as an application would make it."""
        payload = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], **body}
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{self.running.base_url}/chat/completions", json=payload, headers=headers, timeout=60)

    def admin(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        headers = {"Authorization": f"Bearer {self.running.master_key}"}
        return httpx.request(method, f"{self.running.base_url}{path}", headers=headers, timeout=60, **request)


@dataclass
class Answered:
    """A tool's answer, as the two audiences get it."""

    is_error: bool
    text: str
    data: Json

    @classmethod
    def of(cls, result: object) -> Answered:
        assert isinstance(result, CallToolResult)
        texts = [block.text for block in result.content if isinstance(block, TextContent)]  # links may follow
        assert texts
        return cls(bool(result.is_error), "\n".join(texts), result.structured_content or {})

    def ok(self) -> Json:
        assert not self.is_error, self.text
        return self.data

    def error(self) -> str:
        assert self.is_error, self.text
        return self.text


def _known_to_all() -> Canaries:
    canaries = Canaries()
    canaries.plant("master key", master_key(default_home()))
    canaries.plant("variable of the proxy", UPSTREAM_API_KEY)
    return canaries


@dataclass
class Evidence:
    """Everything that left a steward process: results (without a new key's single showing) and stderr."""

    folder: Path
    results: list[str] = field(default_factory=list)
    canaries: Canaries = field(default_factory=_known_to_all)
    """What must not be in it."""

    def log(self) -> TextIO:
        return (self.folder / f"stderr-{time.monotonic_ns()}.log").open("w", encoding="utf-8")

    def keep(self, answered: Answered) -> None:
        shown = f"{answered.text}\n{json.dumps(answered.data)}"
        key = answered.data.get("key")
        if isinstance(key, str) and key.startswith("sk-"):
            self.canaries.plant("virtual key", key)
            assert shown.count(key) == 2, "a new key is shown once in the text and once in the data"
            shown = shown.replace(key, "")
        self.results.append(shown)

    def everything(self) -> str:
        logs = [path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("stderr-*.log"))]
        return "\n".join([*self.results, *logs])

    def leaks(self) -> list[str]:
        """Each secret that left all the same, and where."""
        heard = {"all that was said": self.everything().encode()}
        return [self.canaries.told(leak, heard) for leak in self.canaries.found(heard)]


class Steward:
    """A connected client."""

    def __init__(self, client: Client, evidence: Evidence) -> None:
        self.client, self._evidence = client, evidence

    async def __call__(self, tool: str, **arguments: object) -> Answered:
        answered = Answered.of(await self.client.call_tool(tool, arguments))
        self._evidence.keep(answered)
        return answered


Person = Callable[[str], ElicitResult]
"""Somebody who reads a form's message and answers."""


def types(word: str) -> Person:
    return lambda _: ElicitResult(action="accept", content={"confirm": word})


def agrees(message: str) -> ElicitResult:
    """Somebody who types whatever the form asks for."""
    return types(message.rpartition("To agree, type '")[2].removesuffix("'."))(message)


def declines(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


def environment(gateway: Running, settings: Mapping[str, str]) -> dict[str, str]:
    ours = {
        "LITELLM_BASE_URL": gateway.base_url,
        "LITELLM_MASTER_KEY": gateway.master_key,
        "STEWARD_LOG_LEVEL": "DEBUG",
    }
    return clean_environment(**{**ours, **settings})


@asynccontextmanager
async def over_stdio(
    gateway: Running,
    evidence: Evidence,
    person: Person | None = None,
    era: Era = "auto",
    folder: Path | None = None,
    **settings: str,
) -> AsyncIterator[Steward]:
    """A steward as a desktop host starts it, in a folder of ours or in this one."""

    async def answer(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        assert person is not None
        return person(params.message)

    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "litellm_steward"],
        env=environment(gateway, settings),
        cwd=str(folder or evidence.folder),
    )
    with evidence.log() as errlog:
        transport = stdio_client(parameters, errlog=errlog)
        async with Client(transport, mode=era, elicitation_callback=answer if person else None, cache=None) as client:
            yield Steward(client, evidence)


def wait_for(true: Callable[[], bool], what: str, seconds: float = 40) -> None:
    """Until the proxy has done what it does in the background; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.25)
