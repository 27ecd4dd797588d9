"""Lists that are as long as fits: the estimate holds for what tools really answer, and one is always shown."""

from __future__ import annotations

import hashlib

from litellm_steward.tools.room import fitting, size
from litellm_steward.tools.teams import MemberView
from litellm_steward.tools.view import View
from tests.tokens import tokens


class Row(View):
    name: str
    id: str | None = None
    spend: float = 2.307694


def test_a_row_is_about_as_large_as_it_is_taken_for() -> None:
    for row in (
        Row(name="eval-44311"),
        Row(name="key c0c349dd…", id=hashlib.sha256(b"a key").hexdigest()),
        Row(name="客服部門客服部門客服部門"),
        Row(name="Отдел поддержки", id="68c3279d-8d97-4dee-bba0-6b987d30664f"),
    ):
        real = tokens(row.model_dump(exclude_none=True))
        assert 0.7 * real <= size(row) <= 1.4 * real


def test_as_many_as_fit_and_at_least_one() -> None:
    members = [MemberView(user_id=f"u{number}", role="user") for number in range(5)]
    one = size(members[0])
    assert fitting(members, 3 * one) == members[:3]
    assert fitting(members, -1) == members[:1]
    assert fitting([], 100) == []
