"""What a client is told of the server before it calls anything."""

from __future__ import annotations

import pytest

from litellm_steward.server import build_server
from tests.stage import steward_at


@pytest.mark.parametrize("read_only", [False, True])
def test_the_gateway_is_named(*, read_only: bool) -> None:
    steward = steward_at("https://llm.example.com/staging", settings={"steward_read_only": read_only})
    told = build_server(steward).instructions or ""
    assert "Administers one live LiteLLM proxy, https://llm.example.com/staging:" in told
