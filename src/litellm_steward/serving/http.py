"""Serve HTTP: streamable HTTP at ``/mcp``, or its predecessor at ``/sse`` and ``/messages/``; and ``/health``.

Streamable HTTP keeps no sessions (one of the SDK's mixes up requests that share an id) and answers
with event streams, because progress and cancellation do not work without.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Literal

import anyio
import uvicorn
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litellm_steward.errors import StewardError
from litellm_steward.secret import SecretUnavailable
from litellm_steward.server import BuildServer, StewardServer, build_server
from litellm_steward.serving.connections import BoundedConnection, make_room
from litellm_steward.serving.gate import Gate, StaticToken, Verifier, read_token
from litellm_steward.serving.guard import Guard, PostOnly, allowed_hosts, allowed_origins
from litellm_steward.serving.hearing import Hearing
from litellm_steward.serving.limits import MOST_BYTES, Throttle
from litellm_steward.serving.metadata import ResourceMetadata, metadata_url
from litellm_steward.serving.probe import Probe
from litellm_steward.serving.step_up import StepUp
from litellm_steward.serving.tracked import Heard, Told, Unanswered
from litellm_steward.serving.unechoed import Unechoed
from litellm_steward.settings import Settings, SettingsError
from litellm_steward.steward import open_steward
from litellm_steward.text import count, quote
from litellm_steward.work import BROKEN_OFF, Work

HttpTransport = Literal["sse", "streamable-http"]
Address = tuple[socket.AddressFamily, tuple[str, int]]

HOST: Final = "127.0.0.1"
PORT: Final = 8000
PATHS: Final[dict[HttpTransport, str]] = {"sse": "/sse", "streamable-http": "/mcp"}
MESSAGES: Final = "/messages/"
MAX_HEAD: Final = 64 * 1024
"""Bytes of a request line and headers. The parser counts only what waits for its end, so what is longer may pass if it
arrives at once; with the parser's own 16 KiB that happens all the time, and the answer depends on the network."""
CLOSING: Final = 2
"""Seconds for connections to close once the calls are finished; see ``Work`` for those."""

_CHECKED_BY_GUARD: Final = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The SDK's own checks leave out some routes and refuse a Host without a port; ``Guard`` does neither."""


log = logging.getLogger(__name__)


class CannotListen(StewardError):
    """The address cannot be bound."""


def run_http(
    settings: Settings,
    transport: HttpTransport,
    *,
    host: str = HOST,
    port: int = PORT,
    build: BuildServer = build_server,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises ``SettingsError`` before binding if the address may not be served, and ``CannotListen``
    if it cannot be.
    """
    _look_at_token(settings)
    addresses = addresses_for(settings, host, port)
    asyncio.run(_serve(settings, transport, addresses, build))


async def _serve(settings: Settings, transport: HttpTransport, addresses: list[Address], build: BuildServer) -> None:
    make_room()
    # By itself the library of event streams breaks them off on the signal, in the middle of calls.
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
    async with open_steward(settings) as steward:
        server = build(steward)
        app = build_app(server, transport)
        sockets = listen(addresses)
        host, port = sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"litellm-steward: serving on http://{shown}:{port}{PATHS[transport]}\n")
        if not _only_here(addresses) and not settings.steward_allowed_hosts:
            sys.stderr.write(
                "litellm-steward: only requests to localhost are answered; STEWARD_ALLOWED_HOSTS names other hosts\n"
            )
        sys.stderr.flush()
        config = uvicorn.Config(
            app,
            lifespan="on",
            http=BoundedConnection,
            h11_max_incomplete_event_size=MAX_HEAD,
            ws="none",
            log_config=None,  # logs.py has the log
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever connects could write them
            timeout_graceful_shutdown=CLOSING,
        )
        await _Server(config, server.work, settings.steward_grace).serve(sockets=sockets)


def build_app(server: StewardServer, transport: HttpTransport) -> ASGIApp:
    """One transport's routes behind everything that decides about a caller."""
    return guarded(_routes(server, transport), server)


def guarded(app: ASGIApp, server: StewardServer) -> ASGIApp:
    """From the outside: the right host and origin, who it is, how often, and what with."""
    settings = server.steward.settings
    issuer, resource = settings.steward_oauth_issuer, settings.steward_oauth_resource
    verifiers = list[Verifier]()
    url = ""
    if settings.auth_token is not None:
        verifiers.append(StaticToken(settings.auth_token))
    if issuer is not None and resource is not None:
        from litellm_steward.serving.issuer_keys import IssuerKeys  # noqa: PLC0415 - not paid for where it is not used
        from litellm_steward.serving.oauth import AccessTokens  # noqa: PLC0415

        verifiers.append(AccessTokens(issuer, resource, IssuerKeys(issuer)))
        url = metadata_url(resource)
        app = StepUp(app, server.changing_tools, url, MOST_BYTES)
    app = Hearing(app, MOST_BYTES)
    app = AuthContextMiddleware(app)
    app = Throttle(app, settings.steward_rate_limit)
    app = Gate(app, verifiers, metadata_url=url, callers_keys=settings.steward_credentials == "caller")
    if issuer is not None and resource is not None:
        app = ResourceMetadata(app, issuer, resource)
    return Probe(Guard(app, hosts=allowed_hosts(settings), origins=allowed_origins(settings)))


def _routes(server: StewardServer, transport: HttpTransport) -> ASGIApp:
    if transport == "sse":
        events = _Events(server)
        return Starlette(
            routes=[
                Route(PATHS["sse"], events, methods=["GET"]),
                Mount(MESSAGES, events.transport.handle_post_message),
            ]
        )
    app = server.streamable_http_app(
        stateless_http=True, max_request_body_size=MOST_BYTES, transport_security=_CHECKED_BY_GUARD
    )
    return PostOnly(Counted(Unechoed(app), server.work), PATHS["streamable-http"])


class _Events:
    """One event stream per client, answered by the SDK's transport, until the process has nothing left to answer.

    The SDK's own route sends a second response when a stream ends, which is an error in the log for
    every client that is connected when the process stops.
    """

    def __init__(self, server: StewardServer) -> None:
        self._work = server.work
        self._server = server._lowlevel_server  # noqa: SLF001 - the SDK offers no other way
        self.transport = SseServerTransport(
            MESSAGES, security_settings=_CHECKED_BY_GUARD, max_request_body_size=MOST_BYTES
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with (
            self.transport.connect_sse(scope, receive, send) as (read, write),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(self._work.cancel_at_end, tasks.cancel_scope)
            unanswered = Unanswered(self._work)
            try:
                heard, told = Heard(read, unanswered), Told(write, unanswered)
                await self._server.run(heard, told, self._server.create_initialization_options())
            finally:
                unanswered.close()
                await write.aclose()  # the stream ends once it has said what it was told
            tasks.cancel_scope.cancel()


class Counted:
    """ASGI middleware: a POST is work until it is answered; one that is not in time is broken off."""

    def __init__(self, app: ASGIApp, work: Work) -> None:
        self._app, self._work = app, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        with self._work.under_way():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._work.cancel_at_end, tasks.cancel_scope)
                await self._app(scope, receive, sending)
                tasks.cancel_scope.cancel()
                return
        if begun:
            await send({"type": "http.response.body", "body": b""})
        else:
            await PlainTextResponse(f"{BROKEN_OFF}\n", 503)(scope, receive, send)


def _look_at_token(settings: Settings) -> None:
    """A token that nobody could present is found out at the start; later on it lets nobody in."""
    if settings.auth_token is None:
        return
    try:
        read_token(settings.auth_token)
    except SecretUnavailable as error:
        raise SettingsError(str(error)) from None


def _only_here(addresses: list[Address]) -> bool:
    return all(ipaddress.ip_address(name.partition("%")[0]).is_loopback for _, (name, _) in addresses)


def addresses_for(settings: Settings, host: str, port: int) -> list[Address]:
    """Where to listen. Beyond loopback, anyone who can reach the port would hold the gateway's admin key."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise SettingsError(f"--host {quote(host)} is not an address of this machine") from None
    addresses: list[Address] = [(family, (str(address[0]), port)) for family, *_, address in found]
    if not settings.authenticates and not _only_here(addresses):
        raise SettingsError(
            f"--host {quote(host)} can be reached from other machines, and nobody would have to prove who they are",
            hint="Set STEWARD_AUTH_TOKEN, STEWARD_AUTH_TOKEN_FILE or STEWARD_OAUTH_ISSUER, or serve on 127.0.0.1.",
        )
    return list(dict.fromkeys(addresses))


def listen(addresses: list[Address]) -> list[socket.socket]:
    """Bind here rather than in uvicorn, which would exit on its own terms."""
    sockets = list[socket.socket]()
    for family, address in addresses:
        try:
            sockets.append(_bound(family, address))
        except OSError as error:
            if sockets and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # "localhost" often has an IPv6 address on a machine without IPv6
            for bound in sockets:
                bound.close()
            reason = "is in use" if error.errno == errno.EADDRINUSE else "cannot be bound"
            raise CannotListen(f"Port {address[1]} of {address[0]} {reason}", hint="Choose another --port.") from None
    return sockets


def _bound(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    # With its protocol spelled out: asyncio turns Nagle's algorithm off only then, and each answer
    # would be 40 ms late.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there, the option would let two processes share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


class _Server(uvicorn.Server):
    """uvicorn, but a signal is a reason to finish and then to stop, and not to fail."""

    def __init__(self, config: uvicorn.Config, work: Work, grace: float) -> None:
        super().__init__(config)
        self._work, self._grace = work, grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops the server, a second SIGINT stops it at once."""
        super().handle_exit(sig, frame)
        if self.force_exit:
            self._work.give_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what runs; meanwhile new calls are still heard, and refused."""
        left = await self._work.finish(self._grace)
        if left:
            log.warning("Stopped although %s had no answer", count(left, "call"))
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn, do not raise the signal once more at the end: the exit code is 0."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
