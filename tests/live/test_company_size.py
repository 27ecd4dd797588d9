"""At company size every figure is the database's, or is refused with the reason: random questions on each release.

``TEST_SEED=…`` asks the questions of an earlier run again.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest

from examples.gateway.company_size.truth import NoTruthError
from tests.live.company_checks import problems_of
from tests.live.company_directory import Filled
from tests.live.company_questions import Question, questions
from tests.live.company_refusals import reason_of
from tests.live.harness import Answered, Evidence, over_stdio

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

NUMBER: Final = 68
"""Questions on each release."""

ANSWERED: Final = 75
"""Percent that must be answered: to refuse everything would be no proof. How many cannot be is left to chance."""


@dataclass
class Tally:
    """What became of the questions."""

    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return self.answered + self.refused.total()

    def report(self, version: str, seconds: float) -> str:
        reasons = "".join(f"\n  {times} x {reason}" for reason, times in self.refused.most_common())
        return (
            f"Company size, LiteLLM {version}: "
            f"{self.asked} questions in {seconds:.0f} s, "
            f"{self.answered} answered, {self.refused.total()} refused{reasons}"
        )


@pytest.fixture(scope="module")
def seed() -> int:
    given = os.environ.get("TEST_SEED")
    return int(given) if given else secrets.randbelow(1_000_000)


@pytest.mark.timeout(600)
async def test_random_questions(
    filled: Filled, evidence: Evidence, seed: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("told", f"LiteLLM {filled.version}: TEST_SEED={seed} on {filled.company.last_day} (UTC)")
    tally = Tally()
    began = time.monotonic()
    async with over_stdio(filled.running, evidence, STEWARD_TOOLSETS="default,spend") as steward:
        random = Random(f"{seed} {filled.version}")  # noqa: S311 - to be repeated, not to be secret
        for question in questions(filled, random, NUMBER):
            judge(filled, question, await steward(question.tool, **question.arguments), tally)
    record_property("told", tally.report(filled.version, time.monotonic() - began))
    assert not tally.wrong, "\n".join(tally.wrong)
    assert tally.asked == NUMBER
    assert 100 * tally.answered >= ANSWERED * tally.asked


def judge(filled: Filled, question: Question, answer: Answered, tally: Tally) -> None:
    """Count an answer or a refusal, and keep what is wrong with it."""
    if answer.is_error:
        reason = reason_of(filled, question, answer.text)
        tally.refused[reason or "no reason of ours"] += 1
        problems = [] if reason else [f"refused: {answer.text}"]
    else:
        tally.answered += 1
        try:
            problems = problems_of(filled, question, answer)
        except NoTruthError as error:
            problems = [f"answered what no table knows: {error}"]
    if problems:
        tally.wrong.append("\n  ".join([str(question), *problems[:5]]))
