"""What the drift report says of two records, and that the record in the repository is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.drift import RECORD, compared, name_for, told
from benchmarks.drifting import heavy, routes, shapes
from benchmarks.drifting.routes import described, routes_used
from examples.gateway import NAMES

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/key/list": {"get": {"parameters": [{"name": "size", "required": True}, {"name": "page"}]}},
        "/model/new": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/x/y/Model"}}}}}},
    },
    "components": {
        "schemas": {
            "Model": {
                "properties": {"name": {}, "params": {"anyOf": [{"$ref": "#/x/y/Params"}]}},
                "required": ["name"],
            },
            "Params": {"properties": {"api_base": {}, "inner": {"$ref": "#/x/y/Model"}}},
        }
    },
}


def test_a_route_is_its_parameters_and_the_fields_of_its_body() -> None:
    found = described(DOCUMENT, ["GET /key/list", "POST /key/list", "POST /model/new"])
    assert found["GET /key/list"] == ["page", "size!"]
    assert found["POST /key/list"] is None
    assert found["POST /model/new"] == ["name!", "params", "params.api_base", "params.inner"]


def test_what_changed_in_a_route() -> None:
    before = {"GET /a": ["x", "y"], "GET /b": ["x"], "GET /c": None, "GET /d": ["x"]}
    now = {"GET /a": ["y!", "z!"], "GET /b": None, "GET /c": [], "GET /d": ["x"], "GET /e": []}
    assert list(routes.differences(before, now)) == [
        "GET /a does not take x any more.",
        "GET /a takes z (required) now.",
        "GET /a requires y now.",
        "GET /b is gone.",
        "GET /c is there, and was not before.",
        "GET /e is asked by the code now and is not in the record: record anew.",
    ]


def _answers(fields: dict[str, str], status: int = 200) -> dict[str, Any]:
    return {"statuses": {"/a (all)": status}, "fields": {"/a": fields}}


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"answer": "object", "answer.x": "text"}, {"answer": "object"}, "does not have answer.x any more"),
        ({"answer": "object"}, {"answer": "object", "answer.x": "text"}, "has answer.x now"),
        ({"answer.x": "text"}, {"answer.x": "number"}, "answer.x was text and is number"),
        ({"answer.x": "null"}, {"answer.x": "number"}, ""),
        ({"answer.x": "text"}, {"answer.x": "null or text"}, ""),
        ({"answer": "list"}, {"answer": "list", "answer[]": "object"}, ""),  # it was empty
        ({"answer": "null"}, {"answer": "object", "answer.x": "text"}, ""),
        ({"answer": "object"}, {"answer": "object", "answer.*": "text"}, ""),
    ],
)
def test_what_changed_in_an_answer(before: dict[str, str], now: dict[str, str], said: str) -> None:
    found = list(shapes.differences(_answers(before), _answers(now)))
    assert found == ([f"The answer of /a{':' if ' was ' in said else ''} {said}."] if said else [])


def test_another_status_is_told() -> None:
    (said,) = shapes.differences(_answers({}), _answers({}, 404))
    assert said == "/a (all) was answered with HTTP 200 and is with 404."


def _heavy(size: int, seconds: float, ratio: float, status: int = 200) -> dict[str, Any]:
    return {"a read": {"status": status, "size": size, "seconds": seconds, "ratio": ratio}}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (_heavy(1_100_000, 9, 11), []),
        (_heavy(32_500_000, 9, 11), ["a read: answered with 1.00 MB and now with 32.50 MB."]),
        (_heavy(1_000_000, 9, 41), ["a read: took 10 times as long as a page of keys and now takes 41 times."]),
        (_heavy(1_000_000, 0.2, 90), []),  # too short to tell
        (_heavy(10, 1, 1, 404), ["a read: was answered with HTTP 200 and is with 404."]),
    ],
)
def test_what_changed_in_weight(now: dict[str, Any], said: list[str]) -> None:
    assert list(heavy.differences(_heavy(1_000_000, 1, 10), now)) == said


def test_a_release_is_compared_with_the_next_older_record() -> None:
    assert [name_for(version) for version in (*NAMES.values(), "1.999.0", "1.90.0")] == [*NAMES, "newest", "oldest"]


def test_the_report_names_both_sides() -> None:
    before = {"version": "1.2.3", "on": "2026-11-30"}
    assert told("1.3.0", before, []) == "LiteLLM 1.3.0 is like 1.2.3 as it was recorded on 2026-11-30."
    assert "One thing differs from 1.2.3" in told("1.3.0", before, ["GET /a is gone."])


def test_the_record_has_every_part_of_every_supported_release() -> None:
    """Where this fails, ``make drift`` with ``--record`` mends it."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert {name: of["version"] for name, of in record.items()} == NAMES
    for of in record.values():
        assert {"routes", "shapes", "sizes"} <= set(of)
        assert list(compared(of, of)) == []


def test_routes_are_found_in_the_code() -> None:
    assert {"GET /key/list", "POST /key/generate", "GET /health/readiness/details"} <= set(routes_used())
    assert "GET /customer/daily/activity/export" in routes_used()
