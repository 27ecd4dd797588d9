"""Bad input, bad configuration, bad weather: one clear sentence each, and the server keeps serving."""

from __future__ import annotations

import pytest

from examples.gateway import Running
from tests.live.conftest import Connect
from tests.live.harness import Evidence, Seeded, over_stdio

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

READS: tuple[tuple[str, dict[str, object]], ...] = (
    ("get_user_info", {"user": "alex_dev"}),
    ("get_team_info", {"team": "Marketing"}),
    ("get_key_info", {"key": "cs-bot"}),
    ("get_model_info", {}),
)
WRITES: tuple[tuple[str, dict[str, object]], ...] = (
    ("generate_key", {"key_alias": "never-made"}),
    ("create_team", {"team_alias": "Never-Made"}),
    ("create_user", {"user_id": "never-made"}),
    ("delete_key", {"key": "cs-bot"}),
    ("delete_model", {"model": "gpt-4o-mini-eu"}),
    ("create_model", {"model_name": "never-made", "model": "openai/gpt-4o", "api_key": "sk-never"}),
)
CASES: tuple[tuple[str, dict[str, object], str], ...] = (
    ("get_user_info", {"user": "nobody-here"}, "There is no user 'nobody-here'"),
    ("get_user_info", {"user": "alx_dev"}, "Did you mean"),
    ("get_team_info", {"team": "Platform"}, "names 2 teams"),
    ("get_team_info", {"team": "DATA"}, "Use the id of the one you mean"),
    ("get_team_info", {"team": "Marketting"}, "Did you mean: 'Marketing'"),
    ("get_key_info", {"key": "sk-no-such-key-1234"}, "knows no key sk-...1234"),
    ("get_key_info", {"key": "nope"}, "There is no key 'nope'"),
    ("get_user_info", {"user": "alex_dev", "start_date": "2026-02-30", "end_date": "2026-03-01"}, "must be a date"),
    ("get_user_info", {"user": "alex_dev", "start_date": "2026-03-02", "end_date": "2026-03-01"}, "is after end_date"),
    ("get_user_info", {"user": "alex_dev", "start_date": "2024-01-01", "end_date": "2026-01-01"}, "at most 400 days"),
    ("get_user_info", {"user": "alex_dev", "period": "this_year"}, "period"),
    ("get_user_info", {"user": "alex_dev", "perod": "today"}, "perod"),
    ("generate_key", {"max_budget": -1}, "max_budget must be 0 or more"),
    ("generate_key", {"duration": "30dx"}, "duration must be a number and a unit"),
    ("generate_key", {"budget_duration": "zz", "max_budget": 1}, "budget_duration must be"),
    ("generate_key", {"key_alias": "two\nlines"}, "key_alias must be one line"),
    ("generate_key", {"key_alias": "cs-bot"}, "There is a key with the alias 'cs-bot' already"),
    ("generate_key", {"team": "no such team"}, "There is no team"),
    ("generate_key", {"user": "nobody-here"}, "There is no user"),
    ("create_team", {"team_alias": "marketing"}, "There is a team 'Marketing' already"),
    ("create_team", {"team_alias": "X", "members": [{"user": "nobody-here"}]}, "There is no user"),
    ("create_user", {"user_id": "alex_dev"}, "There is a user 'alex_dev' already"),
    ("create_user", {"user_email": "ALEX@example.com"}, "has the e-mail address"),
    ("create_user", {"user_id": "x", "teams": ["no such team"]}, "There is no team"),
    ("create_user", {"user_id": "acme-corp", "kind": "customer"}, "There is a customer 'acme-corp' already"),
    ("create_user", {"user_id": "y", "kind": "customer", "teams": ["Research"]}, "A customer has no teams"),
    ("delete_model", {"model": "gpt-3.5-turbo"}, "config"),
    ("delete_model", {"model": "no-such-model"}, "There is no model"),
)


async def test_each_gets_one_clear_sentence(gateway: Seeded, connect: Connect) -> None:
    before = _counts(gateway)
    async with connect() as steward:
        for tool, arguments, expected in CASES:
            said = (await steward(tool, **arguments)).error()
            assert expected in said, (tool, arguments, said)
            assert "Traceback" not in said
            assert "pydantic" not in said
            assert len(said) < 700
        assert (await steward("get_user_info", user="alex_dev")).ok(), "the server keeps serving"
    assert _counts(gateway) == before, "nothing was half done"


async def test_a_wrong_key_is_our_fault_and_says_so(gateway: Seeded, connect: Connect) -> None:
    async with connect(LITELLM_MASTER_KEY="sk-wrong-key-0000") as steward:
        for tool, arguments in (*READS, *WRITES):
            said = (await steward(tool, **arguments)).error()
            assert "refused our admin key" in said, (tool, said)
            assert "LITELLM_MASTER_KEY" in said
            assert "sk-wrong" not in said


async def test_a_missing_key_is_named(gateway: Seeded, connect: Connect) -> None:
    async with connect(LITELLM_MASTER_KEY="") as steward:
        for tool, arguments in READS:
            assert "LITELLM_MASTER_KEY" in (await steward(tool, **arguments)).error()


async def test_a_viewers_key_reads_and_does_not_write(gateway: Seeded, connect: Connect) -> None:
    viewer = gateway.ledger.keys["viewer-key"].raw
    before = _counts(gateway)
    async with connect(LITELLM_MASTER_KEY=viewer) as steward:
        team = await steward("get_team_info", team="Marketing")
        assert team.ok()["team_alias"] == "Marketing"
        for tool, arguments in WRITES[:3]:
            said = (await steward(tool, **arguments)).error()
            assert "may not" in said, (tool, said)  # in our words, or after a list of tools in those of offers.py
    assert _counts(gateway) == before


async def test_a_dead_proxy(gateway: Seeded, connect: Connect) -> None:
    async with connect(LITELLM_BASE_URL="http://127.0.0.1:9") as steward:
        assert len((await steward.client.list_tools()).tools) == 10
        for tool, arguments in (*READS, *WRITES):
            said = (await steward(tool, **arguments)).error()
            assert "No connection to the LiteLLM proxy at http://127.0.0.1:9" in said, (tool, said)
            assert "may or may not" not in said, "nothing was sent"


async def test_a_proxy_without_a_database(without_database: Running, evidence: Evidence) -> None:
    async with over_stdio(without_database, evidence) as steward:
        assert (await steward("get_model_info")).ok()["deployments"], "models need no database"
        for tool, arguments in (*READS[:3], *WRITES[:4]):
            said = (await steward(tool, **arguments)).error()
            assert "database" in said, (tool, said)


def _counts(gateway: Seeded) -> list[int]:
    tables = (
        "LiteLLM_VerificationToken",
        "LiteLLM_TeamTable",
        "LiteLLM_UserTable",
        "LiteLLM_EndUserTable",
        "LiteLLM_ProxyModelTable",
    )
    return [gateway.sql(f'select count(*) from "{table}"')[0][0] for table in tables]  # noqa: S608
