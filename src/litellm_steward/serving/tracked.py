"""The two streams of one connection, watched: which requests came and are not answered yet."""

from __future__ import annotations

import contextvars
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, RequestId

from litellm_steward.work import Work

if TYPE_CHECKING:  # private to the SDK, and only its types are needed
    from mcp.shared._stream_protocols import ReadStream, WriteStream

Item = SessionMessage | Exception
CANCELLED: Final = "notifications/cancelled"


class Unanswered:
    """Requests of one connection, counted in the process's work until their answers are taken or nobody waits."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: set[RequestId] = set()

    def heard(self, item: Item) -> None:
        message = item.message if isinstance(item, SessionMessage) else None
        if isinstance(message, JSONRPCRequest) and message.id not in self._waiting:
            self._waiting.add(message.id)
            self._work.begin()
        elif isinstance(message, JSONRPCNotification) and message.method == CANCELLED:
            self._gone((message.params or {}).get("requestId"))

    def answered(self, item: SessionMessage) -> None:
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._gone(item.message.id)

    def close(self) -> None:
        """Nobody listens any more."""
        self._work.end(len(self._waiting))
        self._waiting.clear()

    def _gone(self, number: object) -> None:
        if isinstance(number, int | str) and number in self._waiting:
            self._waiting.remove(number)
            self._work.end()


class Heard:
    """A connection's incoming messages, as the SDK reads them."""

    def __init__(self, inner: ReadStream[Item], unanswered: Unanswered) -> None:
        self._inner, self._unanswered = inner, unanswered

    @property
    def last_context(self) -> contextvars.Context | None:
        """Of whoever sent the last message; the SDK runs its handler in it."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Item:
        item = await self._inner.receive()
        self._unanswered.heard(item)
        return item

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Told:
    """A connection's outgoing messages. What was sent here is in the hands of the transport."""

    def __init__(self, inner: WriteStream[SessionMessage], unanswered: Unanswered) -> None:
        self._inner, self._unanswered = inner, unanswered

    async def send(self, item: SessionMessage, /) -> None:
        try:
            await self._inner.send(item)
        finally:
            self._unanswered.answered(item)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
