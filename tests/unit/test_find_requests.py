"""``find_requests``: whatever a release can filter, the rows are what was asked, and nothing private leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from litellm_steward import errors
from litellm_steward.api import request_log
from litellm_steward.request_search import Order
from litellm_steward.tools.requests import find_requests
from tests.tape import NEW, OLD, VERSIONS
from tests.unit.crowd import Crowd, sitting

pytestmark = pytest.mark.asyncio


def day(version: str) -> Crowd:
    """Sixty requests: two models, two users, one customer, every tenth failed."""
    crowd = Crowd(version)
    crowd.team("Marketing")
    for name in ("ann", "bob"):
        crowd.user(name)
        crowd.key(f"{name}'s", user_id=name)
    for number in range(60):
        user = ("ann", "bob")[number % 2]
        fields: dict[str, Any] = {
            "user": user,
            "team_id": "id-Marketing" if number % 3 else "",
            "api_key": crowd.keys[number % 2]["token"],
            "model_group": "gpt-4o" if number % 5 else "claude-sonnet",
            "model": "openai/gpt-4o" if number % 5 else "anthropic/claude-sonnet-4",
            "end_user": "acme" if number % 4 == 0 else "",
            "spend": round(0.01 + number / 1_000, 6),
        }
        if number % 10 == 9:
            crowd.failure(number, **{**fields, "spend": 0.0})
        else:
            crowd.request(number, **fields)
    return crowd


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_newest(version: str) -> None:
    crowd = day(version)
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    assert [row.request_id for row in answer.requests] == [f"request-{n}" for n in range(10)]
    assert (answer.total, answer.order) == (60, "newest")
    first = answer.requests[0]
    assert (first.model, first.provider_model) == ("claude-sonnet", "anthropic/claude-sonnet-4")
    assert first.status == "success"
    assert first.duration_ms is not None
    assert answer.requests[9].status == "failure"
    assert answer.requests[9].error is not None
    assert answer.next_cursor is not None
    (asked,) = crowd.calls("/spend/logs/v2")[-1:]
    assert len(asked["start_date"]) == len("2026-11-21 00:00:00")
    assert len(asked["end_date"]) == len("2026-11-21 00:00:00")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", ["newest", "dearest"])
@pytest.mark.parametrize(
    "question",
    [
        {"user": "ann"},
        {"team": "marketing"},
        {"key": "bob's"},
        {"status": "failure"},
        {"status": "success", "min_spend": 0.03},
        {"model": "gpt-4o"},
        {"customer": "acme"},
        {"model": "gpt-4o", "customer": "acme", "user": "ann"},
        {"model": "anthropic/claude-sonnet-4"},
        {},
    ],
)
async def test_every_filter_and_order(version: str, order: Order, question: dict[str, Any]) -> None:
    crowd = day(version)
    columns = {"user": "user", "customer": "end_user", "status": "status"}
    values = {"marketing": "id-Marketing"}
    expected = [
        row
        for row in crowd.requests
        if all(row[columns[name]] == value for name, value in question.items() if name in columns)
        and ("team" not in question or row["team_id"] == values[question["team"]])
        and ("key" not in question or row["api_key"] == crowd.keys[1]["token"])
        and question.get("model") in (None, row["model"], row["model_group"])  # no name is both here
        and row["spend"] >= question.get("min_spend", 0)
    ]
    wanted = sorted((row["spend"] for row in expected), reverse=True)[:50]
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx, order=order, limit=50, **question)
    assert answer.total == len(expected)
    if order == "dearest":
        assert [row.spend for row in answer.requests] == pytest.approx(wanted)
    else:
        assert [row.request_id for row in answer.requests] == [row["request_id"] for row in expected][:50]


async def test_pages_do_not_shift() -> None:
    crowd = day(NEW)
    seen: list[str] = []
    async with sitting(crowd) as at:
        cursor = None
        for _ in range(3):
            answer = await find_requests(at.ctx, limit=25, cursor=cursor)
            seen += [row.request_id for row in answer.requests]
            cursor = answer.next_cursor
            crowd.request(-5 - len(seen))  # made in between
        for wrong in ("x", "2-10-1795236693", "0-25-1795236693"):
            with pytest.raises(errors.InvalidArgument, match="cursor"):
                await find_requests(at.ctx, limit=25, cursor=wrong)
    assert cursor is None
    assert seen == [f"request-{n}" for n in range(60)]


async def test_what_was_looked_through_is_said() -> None:
    crowd = Crowd(OLD)
    for number in range(2_000):
        crowd.request(number, model_group="rare" if number % 400 == 0 else "common")
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx, model="rare")
        few = await find_requests(at.ctx, model="common", limit=3)
    assert [row.request_id for row in answer.requests] == ["request-0", "request-400", "request-800"]
    assert answer.total is None
    assert any("the newest 1,000 of 2,000 were looked through" in note for note in answer.notes)
    assert len(few.requests) == 3
    assert few.next_cursor is None
    assert any("More match" in note for note in few.notes)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_public_name_wins_over_a_providers(version: str) -> None:
    crowd = Crowd(version)
    crowd.request(1, model="gpt-4o", model_group="gpt-4o")
    crowd.request(2, model="gpt-4o", model_group="cheap")
    crowd.request(3, model="only-the-provider", model_group="cheap")
    async with sitting(crowd) as at:
        public = await find_requests(at.ctx, model="gpt-4o")
        provider = await find_requests(at.ctx, model="only-the-provider")
    assert [row.request_id for row in public.requests] == ["request-1"]
    assert [row.request_id for row in provider.requests] == ["request-3"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("order", ["newest", "dearest"])
async def test_refused_calls_have_no_public_name(version: str, order: Order) -> None:
    """A blocked key's call is logged under the name it asked for, which is no deployment's yet."""
    crowd = Crowd(version)
    for number in range(40):
        if number % 4:
            crowd.request(number, model="openai/gpt-4o", model_group="gpt-4o", spend=number / 100)
        else:
            crowd.failure(number, model="gpt-4o", model_group="", spend=0.0)
    seen: list[str] = []
    async with sitting(crowd) as at:
        cursor = None
        for _ in range(1 if version != NEW and order == "dearest" else 4):
            answer = await find_requests(at.ctx, model="gpt-4o", order=order, limit=10, cursor=cursor)
            seen += [row.request_id for row in answer.requests]
            cursor = answer.next_cursor
            if cursor is None:
                break
    if version == NEW:
        assert answer.total == 40
        assert len(set(seen)) == 40
    if order == "newest":
        assert seen == [f"request-{number}" for number in range(len(seen))]
    else:
        assert seen[:10] == [f"request-{n}" for n in range(39, 0, -1) if n % 4][:10]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_name_that_nobody_has_does_not_look_like_a_quiet_one(version: str) -> None:
    crowd = Crowd(version, models=["gpt-4o", "rare"], customers=["acme-corp"])
    crowd.request(1, model="openai/gpt-4o", model_group="gpt-4o", end_user="globex")
    async with sitting(crowd) as at:
        quiet = await find_requests(at.ctx, model="rare", customer="acme-corp")
        slip = await find_requests(at.ctx, model="gpt-4oo", customer="ACME-Corp")
        gone = await find_requests(at.ctx, customer="globex")
        blank = await find_requests(at.ctx, customer=" ")
        asked = len(crowd.calls("/models") + crowd.calls("/customer/info"))
    assert quiet.total == slip.total == 0
    assert not any("There is no" in note for note in [*quiet.notes, *gone.notes])
    assert "There is no model 'gpt-4oo'. Did you mean: 'gpt-4o'?" in slip.notes
    assert "There is no customer 'ACME-Corp'. Customers are found by their exact id only." in slip.notes
    assert blank.total == 0
    assert any("There is no customer" in note for note in blank.notes)
    assert asked == 5, "only where nothing was found"


async def test_refused_calls_that_are_too_many_are_said() -> None:
    crowd = Crowd(NEW)
    for number in range(150):
        crowd.failure(number, model="gpt-4o", model_group="")
    crowd.request(200, model="openai/gpt-4o", model_group="gpt-4o")
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx, model="gpt-4o")
    assert answer.total is None
    assert any("refused before a deployment was chosen" in note for note in answer.notes)


async def test_a_capped_count_is_said() -> None:
    crowd = day(NEW)
    crowd.capped_at = 20
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    assert (answer.total, answer.total_is_capped) == (20, True)
    assert any("counts no further" in note for note in answer.notes)
    assert "of more than 20 requests" in answer.text()


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_empty_log_is_no_proof(version: str) -> None:
    crowd = Crowd(version, spent={"someone": 3.0})
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
        crowd.spent = {}
        silent = await find_requests(at.ctx)
    assert answer.requests == []
    assert any("does not mean that none was made" in note for note in answer.notes)
    assert not any("does not mean" in note for note in silent.notes)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["user", "team", "key"])
async def test_a_log_that_lacks_somebody_is_no_proof(version: str, kind: str) -> None:
    crowd = day(version)
    crowd.user("carl")
    crowd.team("Quiet")
    crowd.key("carl's", user_id="carl")
    names = {"user": "carl", "team": "Quiet", "key": "carl's"}
    ids = {"user": "carl", "team": "id-Quiet", "key": crowd.keys[-1]["token"]}
    crowd.spent = {ids[kind]: 1.0}
    question: dict[str, Any] = {kind: names[kind]}
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx, **question)
        failed = await find_requests(at.ctx, **question, status="failure")
    assert answer.requests == failed.requests == []
    assert any("of this kind are booked" in note for note in answer.notes)
    assert not any("of this kind are booked" in note for note in failed.notes)


async def test_an_empty_filter_is_never_sent() -> None:
    async with sitting(Crowd(NEW)) as at:
        proxy = at.ctx.request_context.lifespan_context.proxy
        now = datetime.now(UTC)
        with pytest.raises(errors.InvalidArgument):
            await request_log.page(proxy, now - timedelta(days=1), now, {"user_id": ""}, number=1, size=1)
