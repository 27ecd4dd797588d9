"""Rows of a report: whom they stand for, and what can be asked about them."""

from __future__ import annotations

import httpx
import pytest

from litellm_steward.api.activity import KeyMetadata
from litellm_steward.api.budget import BudgetTable, BudgetWindow
from litellm_steward.api.keys import Key
from litellm_steward.spending import GONE, label_gone_users
from litellm_steward.usage import report
from litellm_steward.usage.figures import Figures, Tally
from litellm_steward.usage.report import Breakdown, KeyUsage
from tests.stage import steward_at
from tests.tape import BASE_URL

ONE = Figures(api_requests=1)
LONG = "u" * 200


def test_an_owner_that_is_not_shown_whole_keeps_its_id() -> None:
    owned = Tally()
    for told in (LONG, "zero\u200bwidth", "ada", "", "Unassigned", None):
        owned.count(report.owner_id(told), ONE)
    rows = {group.name: group for group in report.by_owner(owned).groups}
    assert rows["ada"].ref == "ada"
    assert rows["ada"].id is None
    assert rows["zerowidth"].id == rows["zerowidth"].ref == "zero\u200bwidth"
    assert LONG in {group.ref for group in rows.values()}
    assert (rows[report.NO_OWNER].ref, rows[report.NO_OWNER].figures.api_requests) == ("", 3)


def test_an_owner_called_like_a_row_of_ours_is_not_taken_for_it() -> None:
    usage = {
        "a" * 64: KeyUsage(ONE, KeyMetadata(user_id=report.DELETED_KEYS)),
        "b" * 64: KeyUsage(ONE, KeyMetadata(user_id="eve")),
        "": KeyUsage(ONE),
    }
    rows = report.by_user(usage, {}, frozenset({"b" * 64})).groups
    assert sorted((group.name, group.ref) for group in rows) == [
        (report.DELETED_KEYS, ""),
        (report.DELETED_KEYS, report.DELETED_KEYS),
        (report.NO_KEY, ""),
    ]


@pytest.mark.parametrize("told", ["", "None"])
def test_calls_that_brought_no_key_are_not_those_of_a_key(told: str) -> None:
    (row,) = report.by_key({told: KeyUsage(ONE)}, frozenset()).groups
    assert (row.name, row.ref, row.id) == (report.NO_KEY, "", None)


@pytest.mark.parametrize(
    ("key", "has"),
    [
        (Key(), False),
        (Key(max_budget=0), True),
        (Key(budget_limits=[BudgetWindow(budget_duration="1d", max_budget=5)]), True),
        (Key(litellm_budget_table=BudgetTable(rpm_limit=10)), False),
        (Key(litellm_budget_table=BudgetTable(max_budget=10), budget_id="b"), True),
        (Key(budget_id="of a row that is not shown"), True),
    ],
)
def test_what_counts_as_a_keys_own_budget(key: Key, *, has: bool) -> None:
    assert key.has_budget is has


def test_the_amount_of_a_shared_row_is_the_keys() -> None:
    assert Key(litellm_budget_table=BudgetTable(max_budget=10)).own_budget.max_budget == 10
    assert Key(max_budget=3, litellm_budget_table=BudgetTable(max_budget=10)).own_budget.max_budget == 3


class Users(httpx.AsyncBaseTransport):
    def __init__(self, status: int) -> None:
        self._status = status

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/user/list"
        return httpx.Response(self._status, json={"users": [{"user_id": "ada"}], "total": 1})


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [200, 500])
async def test_a_report_is_not_lost_for_a_word_beside_a_name(status: int) -> None:
    rows = report.by_owner(Tally(ada=ONE, eve=ONE))
    named: Breakdown = await label_gone_users(steward_at(BASE_URL, Users(status)).proxy, rows, 10)
    gone = GONE if status == 200 else ""
    assert [group.name for group in named.groups] == ["ada", f"eve{gone}"]
