"""The process's log: to stderr, because stdout is the wire, and never with a secret in it.

An exception's text may quote what was being handled (a key, a prompt, an answer of the proxy), so
a log line has an exception's type and place, never its text. Libraries log headers, URLs and
message bodies when they are chatty, so they are not allowed to be.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Final

from litellm_steward.text import scrub

OURS: Final = "litellm_steward"
_LINES: Final = 4
"""Places shown of one exception: the innermost ones say what happened."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(logging.Formatter):
    """One line for each record: scrubbed, and with a place instead of a traceback."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's name
        return "" if ei[1] is None else f"  {place_of(ei[1])}"

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have cached a traceback here
        return scrub(super().format(record))


def configure_logging(level: str) -> None:
    """Send everything to stderr; ours from ``level``, other people's from WARNING.

    Call it before an MCP server is built: the SDK configures logging of its own when nobody has.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger(OURS).setLevel(level)
    # It warns of each garbled request, and whoever reaches the port could fill a disk with them.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def place_of(error: BaseException) -> str:
    """``KeyError at keys.py:31 in delete_key < surface.py:90 in run``: types and places, no values."""
    return _chain(error, frozenset())


def _chain(error: BaseException, told: frozenset[int]) -> str:
    """An error and its causes, each once: a library may make an error its own cause."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_chain(inner, told) for inner in error.exceptions[:_LINES])
    frames = traceback.extract_tb(error.__traceback__)[-_LINES:]
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} in {frame.name}" for frame in frames[::-1])
    shown = f"{type(error).__name__} at {places}" if places else type(error).__name__
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told |= {id(error)}
    return f"{shown}, from {_chain(cause, told)}" if cause is not None and id(cause) not in told else shown
