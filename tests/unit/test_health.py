"""The container's health check."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from litellm_steward.serving.health import Address, address_of, arguments_of, is_alive, stewards

HTTP = ["serve", "--transport", "sse"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([""], None),
        (["serve", "--transport=stdio", ""], None),
        (HTTP, Address("127.0.0.1", 8000)),
        ([*HTTP, "--port", "9", "--read-only", ""], Address("127.0.0.1", 9)),
        ([*HTTP, "--host=0.0.0.0"], Address("127.0.0.1", 8000)),
        ([*HTTP, "--host", "::"], Address("::1", 8000)),
        ([*HTTP, "--host=::1"], Address("::1", 8000)),
    ],
)
def test_where_to_ask(arguments: list[str], expected: Address | None) -> None:
    assert address_of(arguments) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["litellm-steward"], []),
        (["/app/bin/python", "/app/bin/litellm-steward", *HTTP, ""], [*HTTP, ""]),
        (["/app/bin/python", "-m", "litellm_steward", *HTTP], HTTP),
        (["/sbin/docker-init", "--", "litellm-steward", *HTTP], None),
        (["sh", "-c", "litellm-steward serve --transport sse"], None),
        (["python", "-m", "litellm_steward.serving.health"], None),
        ([""], None),
    ],
)
def test_which_process_is_a_steward(command: list[str], expected: list[str] | None) -> None:
    assert arguments_of(command) == expected


def test_the_first_process_may_be_another(tmp_path: Path) -> None:
    for number, command in {1: ["/sbin/docker-init", "--", "litellm-steward"], 7: ["litellm-steward", *HTTP]}.items():
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_text("\0".join([*command, ""]))
    assert list(stewards(tmp_path)) == [[*HTTP, ""]]


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert not is_alive(Address("127.0.0.1", port))
