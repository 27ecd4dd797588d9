"""Serve stdin and stdout.

Two things the SDK's own runner does not do. It decides a connection's protocol era by the first
request, so a client that asks ``server/discover`` and then goes on in the older protocol is
refused; here, discovery is answered without deciding. And it does not survive signals: the thread
that reads stdin cannot be interrupted, so a process that was told to stop would stay.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_dual_era_loop, serve_one
from mcp.server.stdio import stdio_server
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.message import MessageMetadata, SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId

from litellm_steward.logs import place_of
from litellm_steward.server import BuildServer, StewardServer, build_server
from litellm_steward.serving.limits import TOO_LARGE_SAID
from litellm_steward.serving.lines import TOO_LARGE, BoundedLines
from litellm_steward.serving.tracked import Heard, Item, Told, Unanswered
from litellm_steward.settings import Settings, SettingsError
from litellm_steward.steward import Steward, open_steward
from litellm_steward.work import Work

if TYPE_CHECKING:  # private to the SDK, and only its types are needed
    from mcp.shared._stream_protocols import ReadStream, WriteStream

log = logging.getLogger(__name__)

DISCOVER: Final = "server/discover"
WRITING: Final = 5.0
"""Seconds for the last answers to be written to a client that may not read them."""


def run_stdio(settings: Settings, *, build: BuildServer = build_server) -> NoReturn:
    """Serve until stdin ends, SIGINT or SIGTERM; then finish what runs, for ``STEWARD_GRACE`` seconds at most.

    Raises ``SettingsError`` if the server cannot be built.
    """
    if settings.steward_credentials == "caller":
        raise SettingsError(
            "STEWARD_CREDENTIALS=caller is for HTTP, where each request can bring a key",
            hint="Use --transport streamable-http or sse; or set STEWARD_CREDENTIALS=steward and LITELLM_MASTER_KEY.",
        )
    anyio.run(_serve, settings, build)
    raise AssertionError("the process has ended")


async def _serve(settings: Settings, build: BuildServer) -> None:
    code = 1
    try:
        async with open_steward(settings) as steward:
            server = build(steward)
            lines = BoundedLines(sys.stdin.buffer)
            async with stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (read, write):
                await _serve_until_told(server, read, write, settings.steward_grace)
                code = 0
                # A client that does not read keeps the thread that writes, and with it the block, for ever.
                Timer(WRITING, os._exit, [code]).start()
                lines.stop()
                await write.aclose()
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - the outermost boundary of the process
        log.error("Serving stdio failed: %s", place_of(error))  # noqa: TRY400 - never a traceback's values
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # the end of the interpreter would wait for the thread that reads stdin, which waits for the client


async def _serve_until_told(
    server: StewardServer, read: ReadStream[Item], write: WriteStream[SessionMessage], grace: float
) -> None:
    lowlevel = server._lowlevel_server  # noqa: SLF001 - the SDK offers no other way
    unanswered = Unanswered(server.work)
    heard, told = Heard(read, unanswered), Told(write, unanswered)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, server.work, grace, tasks.cancel_scope)
        async with lowlevel.lifespan(lowlevel) as steward:
            undecided, decided = anyio.create_memory_object_stream[Item]()

            async def relay() -> None:
                async with undecided:
                    await _relay(lowlevel, steward, heard, told, undecided)
                    await server.work.finish(grace)  # the SDK drops what runs when its input ends

            tasks.start_soon(relay)
            await serve_dual_era_loop(lowlevel, decided, told, lifespan_state=steward)
        tasks.cancel_scope.cancel()


async def _stop_on_signal(work: Work, grace: float, scope: anyio.CancelScope) -> None:
    """The first signal ends it once what runs is answered, the second one at once."""
    if sys.platform == "win32":  # the event loop cannot wait for signals there; the default ends the process
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        await anext(signals)

        async def finish() -> None:
            await work.finish(grace)
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish)
            await anext(signals)
            scope.cancel()


async def _relay(
    server: Server[Steward],
    steward: Steward,
    read: ReadStream[Item],
    write: WriteStream[SessionMessage],
    onward: MemoryObjectSendStream[Item],
) -> None:
    """Answer discovery here until another request comes, and what is too large; hand everything else on."""
    decided = False
    async for item in read:
        request = item.message if isinstance(item, SessionMessage) else None
        if isinstance(request, JSONRPCRequest):
            if request.method == TOO_LARGE:
                await write.send(SessionMessage(_error(request.id, INVALID_REQUEST, TOO_LARGE_SAID, None)))
                continue
            if request.method == DISCOVER and not decided:
                await write.send(SessionMessage(await _discover(server, steward, request)))
                continue
            decided = True
        await onward.send(item)


async def _discover(
    server: Server[Steward], steward: Steward, request: JSONRPCRequest
) -> JSONRPCResponse | JSONRPCError:
    """The answer to one ``server/discover``, an error included: a wrong version decides nothing either."""
    route = classify_inbound_request({"method": request.method, "params": request.params})
    if isinstance(route, InboundLadderRejection):
        return _error(request.id, route.code, route.message, route.data)
    connection = Connection.from_envelope(route.protocol_version, route.client_info, route.client_capabilities)
    context = _OneAnswer(request.id)
    try:
        result = await serve_one(
            server, context, request.method, request.params, connection=connection, lifespan_state=steward
        )
    except MCPError as error:
        return _error(request.id, error.error.code, error.error.message, error.error.data)
    return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)


def _error(number: RequestId, code: int, message: str, data: object) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=number, error=ErrorData(code=code, message=message, data=data))


@dataclass
class _OneAnswer:
    """The SDK's dispatch context for a request that gets one answer and nothing else."""

    request_id: RequestId | None
    transport: TransportContext = field(default_factory=lambda: TransportContext(kind="stdio", can_send_request=False))
    can_send_request: bool = False
    message_metadata: MessageMetadata = None
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,  # noqa: ARG002 - the protocol's signature
        opts: CallOptions | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        raise NoBackChannelError(method)

    async def notify(self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None) -> None:
        """There is nobody to notify."""

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """There is nothing to report."""
