"""Addresses: checked wherever they stand when given, and bared of credentials when shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from litellm_steward.addresses import check_address, host_of, is_address, is_this_machine, same_server, shown_address
from litellm_steward.deployment_request import new_deployment
from litellm_steward.errors import InvalidArgument, Refused, StewardError

EVIL = "https://evil.example/v1"


def test_an_address_is_shown_without_its_secrets() -> None:
    assert shown_address("https://user:hunter2@host:8443/v1?api_key=abc#x") == "https://host:8443/v1"
    assert shown_address("https://host/v1") == "https://host/v1"
    assert "abcdef123456" not in str(shown_address("sk-abcdef123456"))
    assert shown_address(None) is None
    assert host_of("https://host:1/x") == "host"


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "http://u:p@host/", f"https://h/{'a' * 300}"])
@pytest.mark.parametrize("place", [lambda a: a, lambda a: [a], lambda a: {"deep": {"er": a}}])
def test_an_address_is_checked_wherever_it_stands(address: str, place: Callable[[str], object]) -> None:
    with pytest.raises((InvalidArgument, Refused), match="An address in litellm_params"):
        new_deployment("a", "openai/x", {}, {"some_endpoint": place(address)})


def test_what_an_address_in_a_parameter_answers_is_not_quoted() -> None:
    new = new_deployment("a", "openai/x", {}, {"some_endpoint": [EVIL], "mock_response": "see https://a.example"})
    assert new.other_addresses == (EVIL,)
    assert new_deployment("a", "openai/x", {"api_base": EVIL}, {}).other_addresses == ()


@pytest.mark.parametrize(
    "extra",
    [
        {"stop": ["https://"]},
        {"tags": ["https://wiki.example/a b"]},
        {"extra_body": {"from": "gs://bucket/x"}},
        {"azure_scope": "api://id/.default"},
        {"extra_body": {"documents": ["https://a.example/ has a note"]}},
        {"extra_headers": {"HTTP-Referer": "https://ours.example"}},
        {"vertex_credentials": '{"token_uri": "https://oauth2.googleapis.com/token"}'},
    ],
)
def test_what_only_speaks_of_an_address_is_none(extra: dict[str, object]) -> None:
    assert new_deployment("a", "openai/x", {}, extra).other_addresses == ()


def test_an_address_is_a_text_of_its_own() -> None:
    assert is_address(" HTTPS://a.example/v1\n")
    assert not is_address("see https://a.example")


@pytest.mark.parametrize(
    "address",
    [
        "https://höst.example/v1?auth=hunter2",
        "admin:hunter2@internal.host/v1",
        "https://u:hunter2/ss@host/v1",
        "host:8443/v1?auth=hunter2",
        "host/v1#hunter2",
    ],
)
def test_an_address_that_is_none_is_shown_without_its_secrets(address: str) -> None:
    assert "hunter2" not in (shown_address(address) or "")


@pytest.mark.parametrize(
    "address",
    [
        "http://gateway.example:4000/v1",
        "http://GATEWAY.example.:4000",
        "https://gateway.example:4000/",
        "http://localhost:4000/v1",
        "http://LOCALHOST.:4000",
        "http://anything.localhost:4000",
        "http://ip6-localhost:4000",
        "http://127.0.0.1:4000",
        "http://127.9.9.9:4000",
        "http://127.1:4000",
        "http://2130706433:4000",
        "http://0x7f.0.0.1:4000",
        "http://0:4000",
        "http://0.0.0.0:4000",
        "http://[::1]:4000",
        "http://[::]:4000",
        "http://[::ffff:127.0.0.1]:4000",
    ],
)
def test_a_server_is_known_by_every_spelling(address: str) -> None:
    assert same_server(address, "http://gateway.example:4000")


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("http://gateway.example:8000", "http://gateway.example:4000"),
        ("http://other.example:4000", "http://gateway.example:4000"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:4000"),
        ("http://10.0.0.1:4000/v1", "http://127.0.0.1:4000"),
        ("no address", "http://127.0.0.1:4000"),
    ],
)
def test_another_server_is_another_one(address: str, server: str) -> None:
    assert not same_server(address, server)


def test_a_server_without_a_port_has_those_of_http_and_https() -> None:
    for address in ("http://llm.example", "https://llm.example/v1", "http://llm.example:443", "https://LLM.example:80"):
        assert same_server(address, "https://llm.example")
    assert not same_server("https://llm.example:8443", "https://llm.example")


@pytest.mark.parametrize("address", ["http://%6cocalhost:4000/", "http://[fe80::1%25eth0]:4000/", "http://ho,st/"])
def test_a_host_that_clients_may_read_otherwise_is_refused(address: str) -> None:
    with pytest.raises(StewardError):
        check_address(address)


@pytest.mark.parametrize(
    ("host", "this"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("litellm.localhost", True),
        ("a.b.localhost.", True),
        ("localhost.localdomain", True),
        ("ip6-localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("127.1", True),
        ("0x7f.0.0.1", True),
        ("2130706433", True),
        ("0.0.0.0", True),  # noqa: S104 - to ask, not to serve
        ("::1", True),
        ("[::1]", True),
        ("::", True),
        ("::ffff:127.0.0.2", True),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("::2", False),
        ("127.example", False),
        ("", False),
    ],
)
def test_what_leads_to_this_machine_only(host: str, *, this: bool) -> None:
    assert is_this_machine(host) is this
