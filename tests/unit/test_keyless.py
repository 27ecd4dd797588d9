"""Rows without a key: under the empty name up to 1.108, and since 1.109 as the key ``unattributed``."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_steward.api.activity import Activity, KeyRows, booked_key
from litellm_steward.usage.former_keys import deleted_note, marked_deleted
from litellm_steward.usage.report import NO_KEY, by_key, keys_of

KEY = "a" * 64
METRICS = {"spend": 1, "api_requests": 7}
STAND_IN = {"key_alias": "Unattributed", "key_exists": False}


def _day(keys: dict[str, dict[str, Any]]) -> Activity:
    entries = {name: {"metrics": METRICS, "metadata": metadata} for name, metadata in keys.items()}
    day = {"date": "2026-11-30", "metrics": METRICS, "breakdown": {"api_keys": entries}}
    return Activity.model_validate({"results": [day]})


@pytest.mark.parametrize("metadata", [STAND_IN, {**STAND_IN, "team_id": None, "user_id": None, "user_email": None}])
def test_rows_without_a_key_are_no_deleted_key(metadata: dict[str, Any]) -> None:
    found = keys_of(_day({"unattributed": metadata, KEY: {"key_alias": "bot"}}).results)
    assert marked_deleted(found) == frozenset()
    assert deleted_note(found, marked_deleted(found)) == []
    assert {group.name for group in by_key(found, frozenset()).groups} == {NO_KEY, "bot"}


def test_a_ranked_list_says_the_same() -> None:
    row = {"api_key": "unattributed", "metrics": METRICS, "metadata": STAND_IN}
    (read,) = KeyRows.model_validate({"api_keys": [row], "total_api_keys": 1}).api_keys
    assert (read.api_key, read.metadata.key_alias, read.metadata.key_exists) == ("", None, None)


@pytest.mark.parametrize("metadata", [{}, {"key_alias": "Unattributed"}, {"key_alias": "x", "key_exists": False}])
def test_a_key_that_an_older_release_books_under_this_name_stays_one(metadata: dict[str, Any]) -> None:
    """It never adds the alias by itself."""
    assert set(keys_of(_day({"unattributed": metadata}).results)) == {"unattributed"}


@pytest.mark.parametrize(
    ("answered", "booked"),
    [
        ("raw:unattributed", "unattributed"),
        ("raw:raw:x", "raw:x"),
        ("raw:x", "raw:x"),  # only 1.108 and older answer this: since 1.109 it has the prefix twice
        (f"raw:{KEY}", f"raw:{KEY}"),
        (KEY, KEY),
    ],
)
def test_a_prefix_is_taken_off_only_where_the_proxy_put_it(answered: str, booked: str) -> None:
    assert booked_key(answered) == booked


def test_a_key_of_that_name_is_shown_without_the_prefix_and_asked_for_with_it() -> None:
    (group,) = by_key(keys_of(_day({"raw:unattributed": {}}).results), frozenset()).groups
    assert (group.name, group.ref) == ("key unattributed", "raw:unattributed")
