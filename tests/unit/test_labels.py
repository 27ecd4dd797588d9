"""What metadata may hold, and what it may not: see ``test_wrong_arguments.py`` for how that is said."""

from __future__ import annotations

import pytest

from litellm_steward.errors import Refused
from litellm_steward.labels import FAMILIES, SETTINGS, check_labels


@pytest.mark.parametrize(
    "labels",
    [
        None,
        {},
        {"tags": ["support"], "ticket": "OPS-7", "cost_center": 4711, "active": True, "since": None},
        {"owner": {"name": "Ann", "phones": ["1", "2"]}, "model_rpm_limit": {"gpt-4o": 5}},
        {"logging_contact": "ann@example.com", "environment": "production", "logs": "https://logs.example.com"},
    ],
)
def test_labels_of_the_users_own_pass(labels: dict[str, object] | None) -> None:
    check_labels(labels)


@pytest.mark.parametrize("name", sorted(name for names in SETTINGS.values() for name in names))
def test_every_name_that_litellm_acts_on_is_refused_in_any_case(name: str) -> None:
    for written in (name, name.upper(), f" {name}\t"):
        with pytest.raises(Refused, match="is no label"):
            check_labels({"ticket": "OPS-7", written: None})


@pytest.mark.parametrize("start", FAMILIES)
def test_names_of_the_kind_are_refused_before_anybody_knows_them(start: str) -> None:
    with pytest.raises(Refused, match="is no label"):
        check_labels({f"{start}_of_tomorrow": True})
