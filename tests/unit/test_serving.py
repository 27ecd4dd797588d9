"""The parts of serving that need no process: the guard's patterns, the address, the log, the selection of tools."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Iterator

import pytest

from litellm_steward.logs import Formatter, configure_logging, place_of
from litellm_steward.server import INSTRUCTIONS, READ_ONLY, build_server, select_tools
from litellm_steward.serving.guard import Guard, allowed_hosts, allowed_origins, matches
from litellm_steward.serving.http import CannotListen, addresses_for, listen
from litellm_steward.settings import Settings, SettingsError
from litellm_steward.steward import open_steward
from litellm_steward.tools.catalog import CATALOG
from tests.wire.toys import TOYS

SECRET = "sk-secret-0123456789"


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


# ---- the guard ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:1", True),
        ("[::1]", True),
        ("[::1]:8000", True),
        ("localhost:", False),
        ("localhost:80:80", False),
        ("localhost.evil.example:80", False),
        ("evil.example", False),
        ("::1", False),
        ("", False),
    ],
)
def test_loopback_is_the_default(host: str, *, allowed: bool) -> None:
    assert matches(host, allowed_hosts(settings())) is allowed
    assert matches(f"http://{host}", allowed_origins(settings())) is allowed


def test_an_empty_list_opens_nothing() -> None:
    assert allowed_hosts(settings(steward_allowed_hosts="")) == allowed_hosts(settings())
    assert allowed_hosts(settings(steward_allowed_hosts="a.example")) == ("a.example",)


def test_a_pattern_is_not_a_wildcard_for_names() -> None:
    assert not matches("a.example", ["*"])
    assert not matches("a.example", ["*.example"])
    assert not matches("b.a.example:1", ["a.example:*"])


@pytest.mark.asyncio
async def test_nothing_but_http_passes_the_guard() -> None:
    async def app(*_: object) -> None:
        raise AssertionError

    guard = Guard(app, hosts=("localhost",), origins=())
    with pytest.raises(RuntimeError, match="cannot serve websocket"):
        await guard({"type": "websocket", "headers": []}, None, None)  # type: ignore[arg-type]


# ---- the address -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_may_be_served(host: str) -> None:
    assert addresses_for(settings(), host, 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", ""])  # noqa: S104 - refused
def test_nothing_beyond_loopback_may_be_served_without_authentication(host: str) -> None:
    with pytest.raises(SettingsError, match=r"can be reached from other machines|is not an address"):
        addresses_for(settings(), host, 0)


@pytest.mark.parametrize(
    "proof",
    [
        {"steward_auth_token": "0123456789abcdef"},
        {"steward_auth_token_file": "/nowhere"},
        {"steward_oauth_issuer": "https://as.example", "steward_oauth_resource": "https://steward.example/mcp"},
    ],
)
def test_with_authentication_anything_may_be_served(proof: dict[str, str]) -> None:
    assert addresses_for(settings(**proof), "0.0.0.0", 0)  # noqa: S104 - nothing is bound


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"^Port {port} of 127\.0\.0\.1 is in use\. Choose another --port\.$"):
            listen(addresses_for(settings(), "127.0.0.1", port))


def test_answers_are_not_held_back() -> None:
    # asyncio turns off Nagle's algorithm only for sockets whose protocol is spelled out.
    (bound,) = listen(addresses_for(settings(), "127.0.0.1", 0))
    with bound:
        assert bound.proto == socket.IPPROTO_TCP


# ---- the log -----------------------------------------------------------------------------------------


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("litellm_steward").level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.getLogger("litellm_steward").setLevel(before[2])


@pytest.mark.usefixtures("restored_logging")
def test_only_we_may_be_chatty() -> None:
    configure_logging("DEBUG")
    assert logging.getLogger("litellm_steward.api.proxy").isEnabledFor(logging.DEBUG)
    for name in ("httpx", "httpcore.http11", "httpx2", "mcp.server.lowlevel", "sse_starlette.sse", "uvicorn.error"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO), name
    configure_logging("ERROR")
    assert not logging.getLogger("litellm_steward").isEnabledFor(logging.WARNING)
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.WARNING)


def fail(secret: str) -> None:
    try:
        int(secret)
    except ValueError as error:
        raise KeyError(secret) from error


def test_a_log_line_has_places_and_no_values() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter())
    try:
        fail(SECRET)
    except KeyError as error:
        trace = (KeyError, error, error.__traceback__)
        record = logging.LogRecord("a.library", logging.ERROR, "", 0, "it failed with %s", (SECRET,), trace)
    record.exc_text = f"another handler's traceback with {SECRET}"
    handler.handle(record)
    said = stream.getvalue()
    assert said.startswith("ERROR a.library: it failed with [hidden]\n  KeyError at test_serving.py:")
    assert ", from ValueError at test_serving.py:" in said
    assert SECRET not in said


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(ExceptionGroup("", [KeyError(1), ValueError(2)])) == "KeyError; ValueError"


# ---- the selection of tools --------------------------------------------------------------------------


def test_the_default_is_the_default_toolset() -> None:
    for wanted in ("default", ""):
        chosen = select_tools(settings(steward_toolsets=wanted), TOYS)
        assert [spec.name for spec in chosen.offered] == [spec.name for spec in TOYS[:-1]]
    assert set(chosen.withheld) == {"extra"}


def test_toolsets_are_chosen_by_name() -> None:
    assert [spec.name for spec in select_tools(settings(steward_toolsets="more"), TOYS).offered] == ["extra"]
    for wanted in ("all", "default,more"):
        assert select_tools(settings(steward_toolsets=wanted), TOYS).offered == TOYS


def test_a_toolset_that_is_not_enabled_says_how_to() -> None:
    sentence = select_tools(settings(), TOYS).withheld["extra"]
    assert "set STEWARD_TOOLSETS=default,more and restart" in sentence


def test_read_only_says_how_to_end_it() -> None:
    chosen = select_tools(settings(steward_read_only=True), TOYS)
    assert {spec.effect for spec in chosen.offered} == {"reads"}
    assert "set STEWARD_READ_ONLY=false and restart" in chosen.withheld["wipe"]


def test_an_unknown_toolset_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"unknown toolset: 'mroe'\. Valid are: all, default, more"):
        select_tools(settings(steward_toolsets="default,mroe"), TOYS)


def test_two_tools_may_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="the same name: need"):
        select_tools(settings(), (*TOYS, TOYS[1]))


def test_the_instructions_are_short_enough_for_hosts() -> None:
    assert len(INSTRUCTIONS + READ_ONLY) <= 2048


@pytest.mark.asyncio
async def test_the_real_catalog_builds_without_a_proxy() -> None:
    async with open_steward(settings(litellm_base_url="http://127.0.0.1:9", steward_toolsets="all")) as steward:
        listed = await build_server(steward).list_tools()
    assert [tool.name for tool in listed] == [spec.name for spec in CATALOG]


def test_an_error_that_is_its_own_cause_is_told_once() -> None:
    error = ValueError("sk-secret")
    error.__cause__ = error
    assert place_of(error) == "ValueError"
