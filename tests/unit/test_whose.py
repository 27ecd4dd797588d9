"""Answers are about whom they were asked for: somebody else's keys, a part of the whole, our own key."""

from __future__ import annotations

import httpx
import pytest
from mcp import Client

from litellm_steward.api import users
from litellm_steward.api.teams import Team
from litellm_steward.server import build_server
from litellm_steward.tools.keys import _bounds_of
from tests.stage import call, refusal_of, steward_at
from tests.tape import BASE_URL, MASTER_KEY

pytestmark = pytest.mark.asyncio


class Answers(httpx.AsyncBaseTransport):
    """Says the same to everybody, at each path; 404 elsewhere."""

    def __init__(self, answers: dict[str, object]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path in self._answers:
            return httpx.Response(200, json=self._answers[request.url.path])
        return httpx.Response(404, json={"error": {"message": "Key not found in database", "code": "404"}})


async def test_keys_that_the_proxy_tells_of_the_caller_are_not_the_users() -> None:
    proxy = steward_at(BASE_URL, Answers({"/user/info": {"user_id": "default_user_id", "keys": [{}]}})).proxy
    assert await users.info(proxy, "two\n lines") is None
    assert await users.info(proxy, "default_user_id") is not None


@pytest.mark.parametrize("tool", ["get_key_info", "delete_key"])
async def test_the_stewards_own_master_key_is_told_from_a_key_that_is_gone(tool: str) -> None:
    steward = steward_at(BASE_URL, Answers({"/key/list": {"keys": [], "total_count": 0, "total_pages": 0}}))
    said = refusal_of(await call(steward, tool, key=MASTER_KEY))
    assert said.startswith("This is the proxy's master key, with which the steward works")
    assert "deleted already" not in said


async def test_a_first_call_with_somebodys_own_key_is_not_answered_with_a_part() -> None:
    """Also of a client that never asked for the tools."""
    proxy = Answers(
        {
            "/key/info": {"info": {"user_id": "ada"}},
            "/user/list": {"users": [{"user_id": "ada", "user_role": "internal_user"}], "total": 1},
        }
    )
    async with Client(build_server(steward_at(BASE_URL, proxy)), cache=None) as client:
        for _ in range(2):
            assert "as if it were all" in refusal_of(await client.call_tool("get_user_info", {"user": "ada"}))
    assert proxy.asked.count("/key/info") == 1


@pytest.mark.parametrize(
    ("models", "asked", "amount", "notes"),
    [
        ([], ["gpt-4o"], 5, 0),
        (["gpt-4o"], ["gpt-4o"], 5, 0),
        (["gpt-4o"], ["other"], 5, 1),
        (["gpt-4o"], [], 100, 2),
        (["openai/*"], ["openai/gpt-4o"], None, 0),
    ],
)
async def test_what_a_team_forbids_its_new_key(
    models: list[str], asked: list[str], amount: float | None, notes: int
) -> None:
    team = Team(team_id="t", models=models, max_budget=25)
    assert len(_bounds_of(team, asked, amount)) == notes
