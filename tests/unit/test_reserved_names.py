"""Names of models that mean something else to LiteLLM."""

from __future__ import annotations

import pytest

from litellm_steward.errors import Refused
from litellm_steward.reserved_names import check_model_name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("deployments", "a part of LiteLLM's own routes"),
        ("openai", "a part of LiteLLM's own routes"),
        ("Chat", "a part of LiteLLM's own routes"),
        ("engines", "a part of LiteLLM's own routes"),
        ("langfuse", "a part of LiteLLM's own routes"),
        ("vertex_ai", "a part of LiteLLM's own routes"),
        ("indexes", "a part of LiteLLM's own routes"),
        ("a2a/helper", "a part of LiteLLM's own routes"),
        ("no-default-models", "a meaning of its own"),
        ("all-proxy-models", "a meaning of its own"),
        ("gpt-4o,claude", "holds a comma"),
        ("a*b*c*", "more than 2 stars"),
    ],
)
def test_they_are_refused(name: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        check_model_name(name)
    assert "Nothing was created" in str(refused.value)


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "openai/*", "*", "chat-small", "my-deployments", "fresh"])
def test_ordinary_names_pass(name: str) -> None:
    check_model_name(name)
