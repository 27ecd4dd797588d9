"""The lines of stdin, none of which is larger than a request may be.

The SDK reads a line whole, whatever its size, and makes values of all that is in it.
"""

from __future__ import annotations

import json
import re
from typing import BinaryIO, Final, Self

import anyio
import anyio.to_thread

from litellm_steward.serving.limits import MOST_BYTES, is_too_large

TOO_LARGE: Final = "steward/too-large"
"""The method of the request that is read in place of one that is too large; nobody else may use it."""

ENDS: Final = 512
"""Bytes at both ends of a line in which the number of a request is looked for."""

_NUMBER: Final = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\\\]{1,100}")'
_FIRST: Final = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _NUMBER)
_LAST: Final = re.compile(rb",\s*" + _NUMBER + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')


class BoundedLines:
    """Lines of text for as long as there are any, or until ``stop``.

    The thread that reads cannot be interrupted; it is left behind with the line that may never come.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._reading = anyio.CancelScope()

    def stop(self) -> None:
        self._reading.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        with self._reading:
            line = await anyio.to_thread.run_sync(self.readline, abandon_on_cancel=True)
            self._reading = anyio.CancelScope()
            if line:
                return line
        raise StopAsyncIteration

    def readline(self) -> str:
        """The next line, empty at the end; of one that is too large, a request in its place that gets an error."""
        line = self._stream.readline(MOST_BYTES + 1)
        first, last = line[:ENDS], line[-ENDS:]
        if line.endswith(b"\n") or len(line) <= MOST_BYTES:
            return _in_place(first, last) if is_too_large(line) else line.decode("utf-8", "replace")
        while line and not line.endswith(b"\n"):
            line = self._stream.readline(MOST_BYTES)
            last = (last + line)[-ENDS:]
        return _in_place(first, last)


def _in_place(first: bytes, last: bytes) -> str:
    """The same request with nothing in it. Where its number is not found, nobody waits for an answer that we know."""
    number = _FIRST.match(first) or _LAST.search(last)
    message = {"jsonrpc": "2.0", "method": TOO_LARGE} | ({"id": json.loads(number[1])} if number else {})
    return json.dumps(message) + "\n"
