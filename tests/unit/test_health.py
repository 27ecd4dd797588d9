"""The container's health check."""

from __future__ import annotations

import socket

import pytest

from litellm_steward.serving.health import Address, address_of, is_alive

HTTP = ["/app/bin/python", "/app/bin/litellm-steward", "serve", "--transport", "sse"]


@pytest.mark.parametrize(
    ("command", "allowed", "expected"),
    [
        (["litellm-steward"], "", None),
        (["litellm-steward", "serve", "--transport=stdio", ""], "", None),
        (HTTP, "", Address("127.0.0.1", 8000, "127.0.0.1:8000")),
        ([*HTTP, "--port", "9", "--read-only", ""], "", Address("127.0.0.1", 9, "127.0.0.1:9")),
        ([*HTTP, "--host=0.0.0.0"], "", Address("127.0.0.1", 8000, "127.0.0.1:8000")),
        ([*HTTP, "--host", "::"], "", Address("::1", 8000, "[::1]:8000")),
        ([*HTTP, "--host=0.0.0.0"], "mcp.example.com", Address("127.0.0.1", 8000, "mcp.example.com")),
        ([*HTTP, "--host=::1"], "", Address("::1", 8000, "[::1]:8000")),
        (HTTP, "mcp.example.com, other.example", Address("127.0.0.1", 8000, "mcp.example.com")),
        (HTTP, "mcp.example.com:*", Address("127.0.0.1", 8000, "mcp.example.com:8000")),
    ],
)
def test_where_to_ask(command: list[str], allowed: str, expected: Address | None) -> None:
    assert address_of(command, {"STEWARD_ALLOWED_HOSTS": allowed}) == expected


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert not is_alive(Address("127.0.0.1", port, "localhost"))
