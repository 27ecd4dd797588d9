"""Connections on which no request is under way: not for long, and not many.

Whoever reaches the port can open some, before anything is known of them. Without a bound they would take every
descriptor that the process may have, and with them the right clients' connections, the proxy's and the record's.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

QUIET: Final = 10.0
"""Seconds for the head of a request to come in whole."""

MOST_QUIET: Final = 128
"""With one more, that which has waited longest is closed: right clients send at once, or connect again."""


class BoundedConnection(H11Protocol):
    """uvicorn's own, which waits for a request for ever and holds any number."""

    _quiet: ClassVar[dict[BoundedConnection, asyncio.TimerHandle]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._at_work():
            self._wait_no_more()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._at_work():  # the next request may have come in with this one
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _at_work(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request, whatever its type says
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._wait_no_more()
        self._quiet[self] = self.loop.call_later(QUIET, self._close)
        if len(self._quiet) > MOST_QUIET:
            next(iter(self._quiet))._close()  # noqa: SLF001 - one of our own

    def _wait_no_more(self) -> None:
        timer = self._quiet.pop(self, None)
        if timer is not None:
            timer.cancel()

    def _close(self) -> None:
        self._wait_no_more()
        self.transport.abort()
