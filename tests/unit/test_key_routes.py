"""What a key that is made here may be used for."""

from __future__ import annotations

import pytest

from litellm_steward.api.version import Version
from litellm_steward.key_routes import CALLS, RESPONSES, routes_for


@pytest.mark.parametrize("route", [*CALLS, RESPONSES])
def test_no_route_lies_above_those_that_begin_with_a_provider(route: str) -> None:
    """``/{provider}/v1/files`` would be beneath ``/embeddings``; of two segments the second must not be ``v1``."""
    _, first, second, *_ = route.split("/")
    assert first
    assert second != "v1"


@pytest.mark.parametrize(
    ("version", "powerful", "listed"),
    [
        ("1.108.5", False, True),
        ("1.110.2", False, True),
        ("1.110.2", True, False),  # an administrator reads everybody's responses
        ("1.83.14", False, False),  # an id that it does not know goes to the provider
        ("", False, False),
    ],
)
def test_responses_are_listed_only_where_each_has_an_owner(version: str, powerful: bool, listed: bool) -> None:
    assert (RESPONSES in routes_for(Version.parse(version), powerful_owner=powerful)) is listed
