"""What is odd in a company of this size is answered rightly on three releases, each with its note."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from examples.gateway.company_size import truth
from examples.gateway.company_size.oddities import MovedKey
from examples.gateway.company_size.truth import Group, Scope
from litellm_steward.text import count
from tests.live.company_checks import problems_of
from tests.live.company_directory import Filled
from tests.live.company_questions import READERS, Question
from tests.live.harness import Answered, Evidence, Steward, over_stdio

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

ANY_NUMBER_OF_ROWS = 50


Ask = Callable[[], AbstractAsyncContextManager[Steward]]


@pytest.fixture
def connected(filled: Filled, evidence: Evidence) -> Ask:
    return lambda: over_stdio(filled.running, evidence, STEWARD_TOOLSETS="default,spend")


def days(filled: Filled, length: int = 30, last: str = "") -> tuple[str, str]:
    end = dt.date.fromisoformat(last or filled.company.last_day)
    return (end - dt.timedelta(days=length - 1)).isoformat(), end.isoformat()


async def read(
    steward: Steward, filled: Filled, scope: Scope, by: tuple[Group, ...], period: tuple[str, str], **more: object
) -> Answered:
    """Ask, and hold every figure to the truth."""
    start, end = period
    tool = "spend_report" if by else READERS[scope.kind]
    asked: dict[str, Any] = {"group_by": list(by)} if by else {}
    if scope.kind != "company":
        asked[scope.kind] = scope.id
    arguments = {**asked, "start_date": start, "end_date": end, **more}
    answer = await steward(tool, **arguments)
    answer.ok()
    question = Question(tool, scope, by, start, end, arguments)
    assert problems_of(filled, question, answer) == [], question
    return answer


def notes_of(answer: Answered) -> str:
    return "\n".join([*answer.data["notes"], *answer.data.get("usage", {}).get("notes", [])])


async def test_a_user_of_25_000_requests(filled: Filled, connected: Ask) -> None:
    """None of them is counted one by one."""
    async with connected() as steward:
        user, (start, end) = filled.company.logged_user, days(filled)
        after = (dt.date.fromisoformat(end) + dt.timedelta(days=1)).isoformat()
        ((logged,),) = filled.sql(
            'select count(*) from "LiteLLM_SpendLogs" where "user" = %s '
            'and "startTime" >= %s::date and "startTime" < %s::date',
            user,
            start,
            after,
        )
        assert logged > 25_000
        scope = Scope("user", user)
        answer = await read(steward, filled, scope, (), (start, end))
        assert answer.data["usage"]["api_requests"] == logged
        groups: tuple[Group, ...] = ("key", "provider")
        for group in groups:
            await read(steward, filled, scope, (group,), (start, end), top=ANY_NUMBER_OF_ROWS)


async def test_deleted_keys(filled: Filled, connected: Ask) -> None:
    """They count for their owner and their team; one that the proxy has forgotten is refused by its hash."""
    async with connected() as steward:
        for key in filled.company.deleted[:4]:
            answer = await steward("get_key_info", key=key.token)
            if key.remembered:
                answer = await read(steward, filled, Scope("key", key.token), (), days(filled))
                assert answer.data["status"] == "deleted"
            else:
                assert f"The proxy knows no key with the hash {key.token[:8]}…" in answer.error()
        owner = next(key.user_id for key in filled.company.deleted if key.user_id in filled.emails)
        team = next(key.team_id for key in filled.company.deleted if key.team_id in filled.teams)
        for scope in (Scope("user", owner), Scope("team", team)):
            answer = await read(steward, filled, scope, (), days(filled, 60), top=ANY_NUMBER_OF_ROWS)
            usage = answer.data["usage"]
            assert "deleted" in notes_of(answer)
            marked = {
                row["name"] for row in usage["by_key"] if row["name"].endswith((" (deleted)", " (not theirs now)"))
            }
            assert marked, usage["by_key"]
        assert any(row["name"] == "(deleted keys)" for row in usage["by_user"])


async def test_a_model_without_a_price(filled: Filled, connected: Ask) -> None:
    """It costs nothing, and the answer says that this is not known rather than so."""
    async with connected() as steward:
        model, (start, end) = filled.company.unpriced_model, days(filled, 7)
        scopes = (Scope("user", filled.company.logged_user), Scope("team", filled.company.surging_team))
        for scope in scopes:
            rows = truth.breakdown(filled.running, start, end, ("model",), scope)
            (tokens,) = [row.total_tokens for row in rows if row.groups == (model,)]
            for by in ((), ("model",)):
                answer = await read(steward, filled, scope, by, (start, end))
                assert f"No price is known for '{model}' ({count(tokens, 'token')})" in notes_of(answer)


def movers(filled: Filled) -> list[MovedKey]:
    """Between users of few keys, one of them from a team to another."""
    known = [key for key in filled.company.moved if {key.before, key.after} <= set(filled.emails)]
    other_team = [key for key in known if key.team_before != key.team_after]
    return [known[0], other_team[-1]]


async def test_keys_that_changed_hands(filled: Filled, connected: Ask) -> None:
    """Each use counts for whose key it was at the time, and for its team, also on the day on which both used it."""
    async with connected() as steward:
        for key in movers(filled):
            around = days(filled, 9, min(filled.company.last_day, _later(key.day, 4)))
            for period in (around, (key.day, key.day)):
                before, _ = [
                    await read(steward, filled, Scope("user", user), (), period, top=ANY_NUMBER_OF_ROWS)
                    for user in (key.before, key.after)
                ]
                assert "given to somebody else since" in notes_of(before)
            await read(steward, filled, Scope("key", key.token), (), around)
            for team in sorted({key.team_before, key.team_after} & set(filled.teams)):
                await read(steward, filled, Scope("team", team), ("key",), around, top=ANY_NUMBER_OF_ROWS)
            by_user = await read(steward, filled, Scope("key", key.token), ("user",), around)
            assert {row["name"] for row in by_user.data["rows"]} == {key.before, key.after}


def _later(day: str, number: int) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=number)).isoformat()


async def test_teams_whose_names_are_alike(filled: Filled, connected: Ask) -> None:
    """The exact spelling means one; a third spelling means neither, and both are named."""
    async with connected() as steward:
        twins = filled.company.twins_by_case
        spellings = [filled.teams[team] for team in twins]
        period = days(filled, 7)
        for team, spelling in zip(twins, spellings, strict=True):
            answer = await read(steward, filled, Scope("team", team), (), period, team=spelling)
            assert answer.data["team_id"] == team
            (other,) = set(twins) - {team}
            assert "is called the same but for case" in notes_of(answer)
            assert other in notes_of(answer)
            report = await read(steward, filled, Scope("team", team), ("model",), period, team=spelling)
            assert other in notes_of(report)
        third = spellings[0].upper()
        assert third not in spellings
        for tool, more in (("get_team_info", {}), ("spend_report", {"group_by": ["model"]})):
            refusal = (await steward(tool, team=third, **more)).error()
            assert f"'{third}' names 2 teams" in refusal
            assert all(team in refusal for team in twins)
        refusal = (await steward("get_team_info", team=filled.teams[filled.company.twins[0]])).error()
        assert all(team in refusal for team in filled.company.twins), "there is no spelling that tells these apart"


async def test_a_user_who_is_also_a_customer(filled: Filled, connected: Ask) -> None:
    async with connected() as steward:
        both, period = filled.company.user_who_is_a_customer, days(filled, 2)
        answer = await read(steward, filled, Scope("user", both), (), period)
        assert "A customer has the same id" in notes_of(answer)
        customer = await steward("get_user_info", user=both, kind="customer", start_date=period[0], end_date=period[1])
        assert customer.ok()["kind"] == "customer"
        assert customer.data["usage"]["spend"] != answer.data["usage"]["spend"]


async def test_a_tag_with_a_comma_is_two_to_the_proxy(filled: Filled, connected: Ask) -> None:
    """It is refused by itself, and counted in the table of all tags."""
    async with connected() as steward:
        tag, (day, _) = filled.company.tag_with_commas, days(filled, 1)
        asked = {"start_date": day, "end_date": day}
        refusal = (await steward("spend_report", group_by=["model"], tag=tag, **asked)).error()
        assert "tag must be one tag, without a comma" in refusal
        answer = await read(steward, filled, Scope(), ("tag",), (day, day), top=ANY_NUMBER_OF_ROWS)
        assert tag in {row["name"] for row in answer.data["rows"]}


async def test_a_complete_table(filled: Filled, connected: Ask) -> None:
    """The CSV has every team, and adds up to the total."""
    async with connected() as steward:
        day = days(filled, 1, _later(filled.company.last_day, -1))
        answer = await read(steward, filled, Scope(), ("team",), day, format="csv")
        content = (await steward.client.read_resource(answer.data["csv"]["uri"])).contents[0]
        lines = getattr(content, "text", "").splitlines()[1:]
        expected = [row for row in truth.breakdown(filled.running, *day, ("team",)) if row.spend or row.api_requests]
        assert len(lines) == len(expected) == answer.data["csv"]["rows"]
        assert sum(int(line.rsplit(",", 1)[1]) for line in lines) == answer.data["api_requests"]
