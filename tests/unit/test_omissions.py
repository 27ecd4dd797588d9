"""``null`` for an optional argument means that it was left out, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_steward.surface import Surface, build_tools
from litellm_steward.tools.catalog import CATALOG

TOOLS = {tool.name: tool for tool in build_tools([*CATALOG])}


def accepted(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    surface = TOOLS[tool].fn_metadata
    assert isinstance(surface, Surface)
    return surface.validate_arguments(arguments)


def _some(field: dict[str, Any]) -> object:
    """Any value that a required argument takes."""
    if "items" in field:
        return [_some(field["items"])]
    return field["enum"][0] if "enum" in field else "x"


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_client_may_send_null_for_every_optional_argument(tool: str) -> None:
    schema = TOOLS[tool].parameters
    required = {name: _some(schema["properties"][name]) for name in schema.get("required", ())}
    nulls = dict.fromkeys(set(schema["properties"]) - set(required))
    assert accepted(tool, {**required, **nulls}) == accepted(tool, required)


def test_inside_of_an_object_too() -> None:
    team = accepted("create_team", {"team_alias": "x", "members": [{"user": "a", "role": None}]})
    assert team["members"][0].role == "user"


def test_in_a_free_object_it_is_somebodys_value() -> None:
    assert accepted("generate_key", {"metadata": {"since": None}})["metadata"] == {"since": None}
