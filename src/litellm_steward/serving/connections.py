"""Connections on which no request is under way: not for long, and not many.

Whoever reaches the port can open some, before anything is known of them. Without a bound they would take every
descriptor that the process may have, and with them the right clients' connections, the proxy's and the record's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

QUIET: Final = 10.0
"""Seconds for the head of a request to come in whole."""

YOUNG: Final = 2.0
"""Seconds for which a connection is not closed for another one: its request may have come and not been read yet."""

MOST_QUIET: Final = 1024
"""With one more, that which has waited longest is closed, or the new one if all are young. More than may be at work."""

DESCRIPTORS: Final = 4096
"""As many as the process asks for, where the system leaves it the choice; half of them may be quiet connections."""


class BoundedConnection(H11Protocol):
    """uvicorn's own, which waits for a request for ever and holds any number."""

    _quiet: ClassVar[dict[BoundedConnection, asyncio.TimerHandle]] = {}
    most: ClassVar[int] = MOST_QUIET

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
        if self.transport.is_closing():
            return
        self._quiet[self] = self.loop.call_later(QUIET, self._close)
        if len(self._quiet) > self.most:
            oldest, timer = next(iter(self._quiet.items()))
            waited = self.loop.time() - (timer.when() - QUIET)
            (oldest if waited > YOUNG else self)._close()  # noqa: SLF001 - one of our own

    def _wait_no_more(self) -> None:
        timer = self._quiet.pop(self, None)
        if timer is not None:
            timer.cancel()

    def _close(self) -> None:
        self._wait_no_more()
        self.transport.close()  # once what was answered is read


def make_room() -> None:
    """Let the process open as many connections as it bounds itself to, or bound it to what it may open."""
    with suppress(ImportError):
        import resource  # noqa: PLC0415 - not everywhere

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        BoundedConnection.most = min(MOST_QUIET, max(soft, wanted) // 2)
