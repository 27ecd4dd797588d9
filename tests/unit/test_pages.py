"""A page that is too large to be read is read in parts."""

from __future__ import annotations

import pytest

from litellm_steward.api.keys import Key, KeyPage
from litellm_steward.api.pages import in_parts
from litellm_steward.errors import AnswerTooLarge

pytestmark = pytest.mark.asyncio


class List:
    """Keys in order; an answer with more than ``most`` of the large ones is too large."""

    def __init__(self, *, rows: int, large: set[int], most: int) -> None:
        self.rows, self.large, self.most = rows, large, most
        self.asked: list[tuple[int, int]] = []

    async def read(self, number: int, size: int) -> KeyPage:
        self.asked.append((number, size))
        shown = range((number - 1) * size, min(number * size, self.rows))
        if len(self.large & set(shown)) > self.most:
            raise AnswerTooLarge("too large")
        return KeyPage(keys=[Key(token=str(row)) for row in shown], total_count=self.rows)


async def test_a_page_that_can_be_read_is_read_once() -> None:
    there = List(rows=250, large=set(), most=0)
    assert len((await in_parts(there.read, 3, "keys")).keys) == 50
    assert there.asked == [(3, 100)]


@pytest.mark.parametrize("most", [1, 2, 3])
async def test_no_row_is_lost_and_none_comes_twice(most: int) -> None:
    there = List(rows=250, large={100, 101, 102, 140, 177, 199}, most=most)
    page = await in_parts(there.read, 2, "keys")
    assert [int(key.token) for key in page.keys] == list(range(100, 200))
    assert page.pages == 3, "of a hundred rows, whatever it was read in"


async def test_the_last_page_ends_where_the_list_ends() -> None:
    there = List(rows=203, large={200, 201}, most=1)
    assert [key.token for key in (await in_parts(there.read, 3, "keys")).keys] == ["200", "201", "202"]


async def test_a_row_that_is_too_large_by_itself_is_told() -> None:
    with pytest.raises(AnswerTooLarge):
        await in_parts(List(rows=10, large={4}, most=0).read, 1, "keys")
