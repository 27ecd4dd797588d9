"""Drive every tool through bad weather: a client, a steward of its own and a relay, cell after cell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from mcp import Client
from pydantic import SecretStr

from litellm_steward.server import build_server
from litellm_steward.settings import Settings
from litellm_steward.steward import open_steward
from litellm_steward.tools.catalog import CATALOG
from tests.faults.catalog import SECRET, TIMEOUT, Fault
from tests.faults.relay import Known, Relay, Where, relaying
from tests.faults.weather import HUGE
from tests.live.harness import Answered, Seeded

MUCH_LONGER: Final = 40.0
"""Seconds after which a call hangs: a few requests one after the other may each take their time."""

MOST_BYTES: Final = 128 * 1024 * 1024
"""Of one answer: the steward's own limit, and what the system's buffers take besides."""

LONGEST_ERROR: Final = 1_000
_QUOTED: Final = re.compile(r"'[^']*'")
_NEVER: Final = re.compile(r"Traceback|fault of the steward itself|pydantic|httpx|File \"|\bNone\b|\(HTTP \d+\)\.$")

CHEAP: Final = ("get_model_info", "find_requests")
"""For the next call: of remembered answers, or of one request."""

READS: Final[Mapping[str, Mapping[str, object]]] = {
    "get_user_info": {"user": "alex_dev"},
    "get_team_info": {"team": "Marketing"},
    "get_key_info": {"key": "cs-bot"},
    "get_model_info": {"limit": 5},
    "spend_report": {"group_by": ["user"]},
    "budget_watch": {},
    "audit_keys": {},
    "find_requests": {},
}


@dataclass
class Said:
    """What a tool answered in a cell."""

    tool: str
    fault: str
    is_error: bool
    text: str
    data: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.tool} x {self.fault}: {'ERROR ' if self.is_error else ''}{self.text[:1200]}"


@dataclass
class Lane:
    """One client of one steward, with the weather in front of it."""

    client: Client
    relay: Relay
    secrets: tuple[str, ...]
    cells: set[tuple[str, str]] = field(default_factory=set)
    faulty: list[str] = field(default_factory=list)
    """What was wrong, cell by cell; a lane goes on, so that one run shows everything."""

    async def ask(self, tool: str, arguments: Mapping[str, object], fault: str = "") -> Said:
        answered = Answered.of(await self.client.call_tool(tool, dict(arguments)))
        return Said(tool, fault, answered.is_error, answered.text, answered.data)

    async def cell(self, tool: str, arguments: Mapping[str, object], fault: Fault, where: Where) -> Said:
        """One call in this weather; what holds of every cell is checked here."""
        self.relay.turn(fault.act, where)
        if fault.refuses:
            await self.relay.shut()
        try:
            async with asyncio.timeout(MUCH_LONGER):
                said = await self.ask(tool, arguments, fault.name)
        except TimeoutError:
            said = Said(tool, fault.name, is_error=True, text="It never ended.", data={})
            self.demand(False, said, "hangs")
        finally:
            self.relay.spoil = None
            if fault.refuses:
                await self.relay.open()
        self.cells.add((tool, fault.name))
        self._check(said)
        return said

    def check_words(self, said: Said) -> None:
        """What holds of every answer."""
        ours = _QUOTED.sub("", said.text) if said.is_error else ""
        self.demand(not (found := _NEVER.search(ours)), said, f"says {found}")
        shown = f"{said.text}{said.data}"
        self.demand(not any(secret in shown for secret in (*self.secrets, SECRET)), said, "shows a secret")
        if said.is_error:
            self.demand(len(said.text) < LONGEST_ERROR, said, "is too long")
            self.demand(said.text.endswith((".", "?")), said, "is no sentence")

    def _check(self, said: Said) -> None:
        self.check_words(said)
        for path in {exchange.path for exchange in self.relay.writes}:
            self.demand(len(self.relay.sent(path)) == 1, said, f"sent {path} {len(self.relay.sent(path))} times")
        for exchange in self.relay.asked:
            taken = exchange.taken
            self.demand(taken < min(MOST_BYTES, HUGE), said, f"took {taken >> 20} MB of {exchange.path}")

    def expect(self, said: Said, fault: Fault) -> None:
        """The right error, or a whole answer where what was spoilt is not read."""
        if fault.tolerable:
            return
        self.demand(said.is_error, said, "is no error")
        self.demand(re.search(fault.says, said.text, re.DOTALL) is not None, said, f"does not say {fault.says!r}")

    def demand(self, holds: bool, said: Said, otherwise: str) -> None:
        if not holds:
            self.faulty.append(f"{otherwise} -- {said}")


@asynccontextmanager
async def lane(
    gateway: Seeded, known: Known | None = None, tool: str | None = None, **settings: object
) -> AsyncIterator[Lane]:
    """A steward with the real HTTP stack, behind a relay to the real proxy.

    ``tool``: the one that is looked at, for a server with few tools is built in a fraction of the time.
    """
    catalog = [spec for spec in CATALOG if tool is None or spec.name in (tool, *CHEAP)]
    async with relaying(gateway.running.base_url, known) as relay:
        given: dict[str, Any] = {
            "litellm_base_url": relay.url,
            "litellm_master_key": SecretStr(gateway.running.master_key),
            "steward_toolsets": ("default", "spend"),
            "steward_timeout": TIMEOUT,
            "steward_approval": "off",
            **settings,
        }
        async with (
            open_steward(Settings(_env_file=None, **given)) as steward,
            Client(build_server(steward, catalog), cache=None) as client,
        ):
            yield Lane(client, relay, (gateway.running.master_key,))
