"""A relay between a client and a proxy on this machine: passes bytes on, and notes when each request was under way."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

CHUNK: Final = 1 << 18


@dataclass
class Call:
    """One request, from its first byte to the last one of its answer. Seconds of the monotonic clock."""

    request: str
    began: float
    ended: float
    answered: bool = False
    status: str = ""
    size: int = 0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Relay:
    """Listens on a port of its own; ``calls`` are the requests that came by, oldest first."""

    def __init__(self, proxy_url: str) -> None:
        target = urlsplit(proxy_url)
        self._host, self._port = target.hostname or "127.0.0.1", target.port or 80
        self.calls: list[Call] = []
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def take(self) -> list[Call]:
        """The calls so far; forgets them."""
        taken, self.calls = self.calls, []
        return taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        with suppress(OSError, asyncio.CancelledError):
            from_proxy, to_proxy = await asyncio.open_connection(self._host, self._port, limit=CHUNK)
            connection = _Connection(self.calls_of)
            forth = asyncio.ensure_future(_pass_on(reader, to_proxy, connection.asked))
            back = asyncio.ensure_future(_pass_on(from_proxy, writer, connection.answered))
            try:
                await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in (forth, back):
                    direction.cancel()
                await asyncio.gather(forth, back, return_exceptions=True)
                writer.close()
                to_proxy.close()

    def calls_of(self) -> list[Call]:
        """The list to note calls in, which ``take`` replaces."""
        return self.calls


class _Connection:
    """A connection carries one request at a time: what comes from the client after an answer is the next one."""

    def __init__(self, notes: Callable[[], list[Call]]) -> None:
        self._notes = notes
        self._call: Call | None = None

    def asked(self, data: bytes) -> None:
        if self._call is None or self._call.answered:
            now = time.monotonic()
            line = data[:2000].split(b"\r\n", 1)[0].decode("ascii", "replace")
            self._call = Call(" ".join(line.split("?")[0].split(" ")[:2]), now, now)
            self._notes().append(self._call)

    def answered(self, data: bytes) -> None:
        if self._call is None:
            return
        if not self._call.answered:
            self._call.status = data[9:12].decode("ascii", "replace")
        self._call.answered = True
        self._call.ended = time.monotonic()
        self._call.size += len(data)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]) -> None:
    while data := await reader.read(CHUNK):
        note(data)
        writer.write(data)
        await writer.drain()


def slowest_chain(calls: Sequence[Call]) -> list[Call]:
    """Calls of which each began after the one before had been answered, and that took longest together.

    Nothing that waits for them one after the other can be faster.
    """
    by_end = sorted(calls, key=lambda call: call.ended)
    ends = [call.ended for call in by_end]
    best: list[tuple[float, list[Call]]] = [(0.0, [])]
    for call in by_end:
        before = best[bisect_right(ends, call.began, 0, len(best) - 1)]
        with_it = (before[0] + call.seconds, [*before[1], call])
        best.append(max(best[-1], with_it, key=lambda chain: chain[0]))
    return best[-1][1]
