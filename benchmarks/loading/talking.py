"""The clients of the load run: each asks one thing after the other, at random, and judges every answer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import httpx

from benchmarks.loading import questions
from benchmarks.loading.answers import HELD
from benchmarks.loading.questions import Question, Said
from benchmarks.loading.wires import Era, Lost, Wire, bare, sdk

PROBLEMS_KEPT: Final = 50


@dataclass
class Tally:
    """What became of every call."""

    left: int = 0
    """Calls still to be made."""
    calls: int = 0
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By question and by sort of answer."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Lines that the record of changes must have, by tool."""
    wrong: int = 0
    problems: list[str] = field(default_factory=list)

    def count(self, question: Question, sort: str, problem: str = "") -> None:
        self.kinds[question.kind, sort] += 1
        if problem:
            self.wrong += 1
            self.problems += [problem] if len(self.problems) < PROBLEMS_KEPT else []


class Talker:
    """One client."""

    def __init__(self, number: int, proxy_url: str, tally: Tally) -> None:
        self._number, self._proxy_url, self._tally = number, proxy_url, tally
        self._asked = 0
        self._chance = random.Random(number)  # noqa: S311 - so that runs are alike

    async def talk(self, url: str, token: str) -> None:
        """Until all calls are made."""
        turns, weights = zip(*TURNS.items(), strict=True)
        async with self._wire(url, token) as wire:
            while self._tally.left > 0:
                await self._chance.choices(turns, weights)[0](self, wire)

    async def ask_once(self, url: str, token: str) -> None:
        async with self._wire(url, token) as wire:
            await self.ask(wire, questions.key_by_alias(self.subject()))

    def _wire(self, url: str, token: str) -> AbstractAsyncContextManager[Wire]:
        """Half of the clients speak the older protocol, a quarter can show forms, an eighth is the SDK's."""
        era: Era = "auto" if self._number % 2 else "legacy"
        if self._number % 16 in (8, 9):
            return sdk(url, token, era)
        return bare(url, token, era, forms=self._number % 4 == 1)

    def subject(self) -> str:
        self._asked += 1
        return f"c{self._number:02}-{self._asked:06}"

    async def ask(self, wire: Wire, question: Question) -> Said | None:
        """``None`` if there is no good answer; whatever is wrong is in the tally."""
        self._tally.left -= 1
        self._tally.calls += 1
        try:
            said = await wire.ask(question)
        except Lost as error:
            self._tally.count(question, "lost", f"{question.kind} {question.subject} is lost: {error}")
            return None
        return self._judge(question, said)

    def _judge(self, question: Question, said: Said) -> Said | None:
        if question.recorded and said.kind != "error":
            self._tally.outcomes[question.tool] += 1
        try:
            sort, wrong = question.judge(said)
        except (KeyError, TypeError) as error:
            sort, wrong = "garbled", f"has no {error}"
        problem = f"{question.kind} {question.subject} {wrong}: {said.everything[:600]}" if wrong else ""
        self._tally.count(question, sort, problem)
        return said if sort in ("answered", "form") and not wrong else None

    async def change(self, wire: Wire) -> None:
        """Make a key, ask for it to be deleted, agree."""
        subject = self.subject()
        if await self.ask(wire, questions.making(subject)) is None:
            return
        plan = await self.ask(wire, questions.planning(subject))
        if plan is not None:
            await self.ask(wire, questions.deleting(subject, plan))

    async def hang_up(self, wire: Wire) -> None:
        """Ask, and do not wait for the answer."""
        question = self._chance.choice(READS)(self.subject())
        await self._drop(wire, question, asyncio.sleep(self._chance.uniform(0, 0.03)))

    async def hang_up_on_a_change(self, wire: Wire) -> None:
        """The change is under way by then, and never answered: what became of it, only the record tells."""
        if not wire.hangs_up:
            return
        question = questions.held(self.subject())
        self._tally.outcomes[question.tool] += 1
        await self._drop(wire, question, self._came(f"{HELD}{question.subject}"))

    async def _drop(self, wire: Wire, question: Question, moment: Awaitable[None]) -> None:
        self._tally.left -= 1
        self._tally.calls += 1
        asked = asyncio.ensure_future(wire.ask(question))
        waited = asyncio.ensure_future(moment)
        await asyncio.wait({asked, waited}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done() and question.recorded:
            self._tally.count(question, "answered", f"{question.subject} should never be answered: {asked}")
        elif asked.done():
            try:
                self._judge(question, asked.result())
            except Lost as error:
                self._tally.count(question, "lost", f"{question.kind} {question.subject} is lost: {error}")
        else:
            self._tally.count(question, "hung up")
        for task in (asked, waited):
            task.cancel()
        await asyncio.gather(asked, waited, return_exceptions=True)

    async def _came(self, held: str) -> None:
        async with httpx.AsyncClient(base_url=self._proxy_url, trust_env=False, verify=False) as http:  # noqa: S501 - loopback
            while not (await http.get("/seen", params={"held": held})).json()["held"]:  # noqa: ASYNC110 - another process knows
                await asyncio.sleep(0.02)


READS: Final = (questions.key_by_alias, questions.key_by_hash, questions.user, questions.team, questions.model)


def _asking(question: Callable[[str], Question]) -> Callable[[Talker, Wire], Awaitable[object]]:
    return lambda talker, wire: talker.ask(wire, question(talker.subject()))


TURNS: Final[Mapping[Callable[[Talker, Wire], Awaitable[object]], float]] = {
    _asking(questions.key_by_alias): 20,
    _asking(questions.key_by_hash): 8,
    _asking(questions.user): 14,
    _asking(questions.team): 10,
    _asking(questions.model): 8,
    _asking(questions.unknown_key): 3,
    _asking(questions.unknown_deletion): 2,
    _asking(questions.unknown_argument): 4,
    _asking(questions.wrong_value): 3,
    _asking(questions.unknown_tool): 4,
    _asking(questions.catalog): 5,
    Talker.change: 12,
    Talker.hang_up: 6,
    Talker.hang_up_on_a_change: 1,
}
"""What a client does, and how often."""
