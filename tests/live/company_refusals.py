"""The product's own reasons not to answer, each with the questions that it may be said to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from examples.gateway.company_size.truth import Group, Kind
from tests.live.company_directory import Filled
from tests.live.company_questions import KNOWN_OF, Question

Holds = Callable[[Filled, Question], bool]


def _not_known(_: Filled, question: Question) -> bool:
    """Whether a dimension is asked for that the rollups do not tell of this scope, or of one of two."""
    if question.scope.kind != "company":
        known = KNOWN_OF[question.scope.kind]
        return not set(question.by) <= {*known, "day"}
    if len(question.by) == 1:
        return False
    first, second = question.by
    return not (_known_of(first, second) or _known_of(second, first))


def _known_of(outer: Group, inner: Group) -> bool:
    if outer == "day":
        return True
    kinds: dict[Group, Kind] = {"user": "user", "team": "team", "key": "key", "customer": "customer", "tag": "tag"}
    return outer in kinds and inner in KNOWN_OF[kinds[outer]]


def _comma(_: Filled, question: Question) -> bool:
    return question.scope.kind in {"customer", "tag"} and "," in question.scope.id


REASONS: Final[dict[str, Holds]] = {
    r"has more rollup rows than this LiteLLM version can return at once": lambda f, _: f.is_oldest,
    r"cannot tell a company this size apart by user": lambda f, q: f.is_oldest and "user" in q.by,
    r"rollups do not tell the usage of one \w+ apart by \w+": _not_known,
    r"can be grouped by one dimension, or by one and day": lambda _, q: len(q.by) == 2 and q.scope.kind != "company",
    r"do not cross models with providers": lambda _, q: set(q.by) == {"model", "provider"},
    r"comma-separated list, so one with a comma in it cannot be asked for": _comma,
    r"tag must be one tag, without a comma": _comma,
    r"The proxy knows no key with the hash \w{8}…": lambda f, q: q.scope.id not in f.keys,
}


def reason_of(filled: Filled, question: Question, refusal: str) -> str | None:
    """The reason that a refusal gives, if it may be given here."""
    return next(
        (reason for reason, holds in REASONS.items() if re.search(reason, refusal) and holds(filled, question)), None
    )
