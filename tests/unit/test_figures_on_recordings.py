"""The figures of three real releases, held against what the example company really did."""

from __future__ import annotations

from typing import Any

import pytest

from examples.gateway.company import Calls
from tests.scrubbing import invented_hash
from tests.tape import NEW, VERSIONS
from tests.unit import truth
from tests.unit.playing import facts

USERS_AND_TEAMS = [
    *(("user", name) for name in ("alex_dev", "maria", "priya", "newcomer", "northwind")),
    *(("team", name) for name in ("Customer-Service", "Marketing", "Research", "Data")),
]
CUSTOMERS = {"acme-corp": None, "globex": "customer", "northwind": "customer"}
KEYS = {
    "cs-bot": "cs-bot",
    "alex-laptop": "alex-laptop",
    "old-contractor": invented_hash("old-contractor"),
    "handed-over": "handed-over",
    "trial-key": "trial-key",
    "hostile": invented_hash("hostile"),
}


def _check(usage: dict[str, Any], calls: list[Calls], version: str, *, failures: bool = True) -> None:
    """Spend and answered requests are the same everywhere; only the newest books a failed call's prompt."""
    failed = truth.failures(calls) if failures else 0
    assert usage["spend"] == pytest.approx(truth.spend(calls), abs=1e-6)
    assert usage["api_requests"] == truth.requests(truth.answered(calls)) + failed
    if "total_tokens" in usage:
        unanswered = failed * truth.PROMPT if version == NEW else 0
        assert truth.tokens(calls) <= usage["total_tokens"] <= truth.tokens(calls) + unanswered
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert usage["successful_requests"] == truth.requests(truth.answered(calls))
    for name in ("by_model", "by_key", "by_user", "by_day"):
        if rows := usage.get(name):
            for column in ("spend", "total_tokens", "api_requests"):
                assert sum(row[column] for row in rows) == pytest.approx(usage[column], abs=1e-9), (name, column)
            assert [row["spend"] for row in rows] == sorted((row["spend"] for row in rows), reverse=True)
    if models := usage.get("by_model"):
        wanted = truth.by_model(calls)
        assert {row["name"]: row["api_requests"] for row in models if row["name"] in wanted} == wanted


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("kind", "name"), USERS_AND_TEAMS)
async def test_the_figures_of_a_user_and_of_a_team(version: str, kind: str, name: str) -> None:
    told = await facts(version, f"get_{kind}_info", **{kind: name})
    calls = truth.calls_of(**{kind: name})
    _check(told["usage"], calls, version)
    assert told["usage"]["failed_requests"] == truth.failures(calls)
    if calls and kind == "user":
        most = max(truth.by_model(calls).items(), key=lambda item: item[1])
        assert (told["most_used_model"], told["most_used"]["api_requests"]) == most


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("customer", CUSTOMERS)
async def test_a_customers_figures(version: str, customer: str) -> None:
    kind = {"kind": CUSTOMERS[customer]} if CUSTOMERS[customer] else {}
    told = await facts(version, "get_user_info", user=customer, **kind)
    assert told["kind"] == "customer"
    _check(told["usage"], truth.calls_of(customer=customer), version)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", KEYS)
async def test_a_keys_figures(version: str, key: str) -> None:
    told = await facts(version, "get_key_info", key=KEYS[key])
    calls = truth.calls_of(key=key)
    _check(told["usage"], calls, version)
    assert told["usage"]["failed_requests"] == truth.failures(calls)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_who_spent_what_in_marketing(version: str) -> None:
    told = await facts(version, "get_team_info", team="Marketing")
    by_user = {row["name"]: row["api_requests"] for row in told["usage"]["by_user"]}
    assert by_user == {"devin": 16, "maria": 11, "(no owner)": 5, "(deleted keys)": 4}
    assert told["top_contributor"]["name"] == "devin"
    assert told["top_contributor"]["share_percent"] == pytest.approx(72, abs=0.1)
    deleted = next(row for row in told["usage"]["by_key"] if "(deleted)" in row["name"])
    assert deleted["api_requests"] == 4
    assert deleted["name"] == "departed (deleted)"
    assert "1 key deleted since made 4 requests of this." in told["usage"]["notes"]
    assert "Key 'devin-experiments' of 'devin' has no budget and made 72 % of the spend." in told["notes"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_that_changed_hands_counts_for_who_owned_it_then(version: str) -> None:
    """``handed-over`` made its calls for maria and belongs to priya now."""
    maria = await facts(version, "get_user_info", user="maria")
    priya = await facts(version, "get_user_info", user="priya")
    assert {"handed-over (not theirs now)", "marketing-campaigns"} == {row["name"] for row in maria["usage"]["by_key"]}
    assert any(note.startswith("1 key ") and "given to somebody else" in note for note in maria["usage"]["notes"])
    assert "handed-over" not in {row["name"] for row in priya["usage"]["by_key"]}
    assert "handed-over" in priya["keys"]["names"]
    key = await facts(version, "get_key_info", key="handed-over")
    assert [row["name"] for row in key["usage"]["by_user"]] == ["maria"]
    assert any("booked under 'maria'" in note for note in key["notes"])


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_model_without_a_price_is_named(version: str) -> None:
    told = await facts(version, "get_user_info", user="priya")
    assert "No price is known for 'llama-local' (2,730 tokens): this usage counts as $0." in told["usage"]["notes"]
