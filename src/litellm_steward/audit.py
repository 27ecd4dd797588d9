"""A record of every change: JSON lines in ``STEWARD_AUDIT_LOG``, without secrets.

Two lines tell of a change. The first, ``tried``, is written before the first request that changes
anything is sent; if it cannot be written, nothing is sent. The second, ``outcome``, is written before
the answer is given, also for a call that was refused or waits for agreement and so sent nothing.

=============  ================================================================================
field          meaning
=============  ================================================================================
``time``       UTC, ISO 8601 with milliseconds
``event``      ``tried`` or ``outcome``
``change``     the same for both lines of one call
``tool``       the tool
``client``     the MCP client's own name and version: its claim, not a proof
``subject``    whom the HTTP token names; absent over stdio
``targets``    what it is about: names and ids as the proxy has them
``approval``   ``form``, ``token`` or ``off``: how it was agreed to; ``asked``: not yet, or not at all
``requests``   the requests that change something, as sent (``POST /key/delete``)
``outcome``    ``done``, ``approval_required``, ``refused``, ``failed``, ``uncertain``
``error``      the kind of error
=============  ================================================================================

A line is one write to a file opened for appending, by its name, each time: other processes may append
to the same file, and renaming it away (as logrotate does without ``copytruncate``) loses nothing.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import stat
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

import anyio
import anyio.to_thread

from litellm_steward.callers import Caller
from litellm_steward.errors import Refused, StewardError
from litellm_steward.text import MAX_ID, clean

T = TypeVar("T")
Outcome = Literal["done", "approval_required", "refused", "failed", "uncertain"]
MOST_TARGETS: Final = 20
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

log = logging.getLogger(__name__)


class NotRecorded(Refused):
    """The record cannot be written, so nothing was changed."""


@dataclass
class Change:
    """One call of a tool that may change something."""

    tool: str
    caller: Caller
    number: str = field(default_factory=lambda: secrets.token_hex(6))
    targets: dict[str, str] = field(default_factory=dict)
    approval: str | None = None
    requests: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        """What both lines say; nothing that is empty."""
        facts = {
            "change": self.number,
            "tool": self.tool,
            "client": self.caller.client,
            "subject": self.caller.subject,
            "targets": self.targets,
            "approval": self.approval,
            "requests": self.requests,
        }
        return {name: value for name, value in facts.items() if value}


_change: ContextVar[Change | None] = ContextVar("change", default=None)


@contextmanager
def _change_of(tool: str, caller: Caller) -> Iterator[Change]:
    """What happens inside belongs to this change, requests sent side by side included."""
    change = Change(tool, caller)
    token = _change.set(change)
    try:
        yield change
    finally:
        _change.reset(token)


def about(**targets: str | None) -> None:
    """Say what the change is about, as soon as that is known."""
    change = _change.get()
    if change is not None:
        known = {name: clean(value, MAX_ID) for name, value in targets.items() if value}
        change.targets = dict([*change.targets.items(), *known.items()][:MOST_TARGETS])


def agreed(how: Literal["asked", "form", "token", "off"]) -> None:
    """Say how it was agreed to, or that somebody was asked."""
    change = _change.get()
    if change is not None:
        change.approval = how


class AuditLog:
    """Appends to the record; without a path there is none, and everything else goes on the same."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._appending = threading.Lock()
        self._torn = False
        """Whether the last line lacks its end: the disk was full, or a process ended over it."""

    async def before_write(self, route: str) -> Mapping[str, str]:
        """Told of each request that changes something; returns the headers that say on whose behalf.

        Raises ``NotRecorded``, so that nothing is sent.
        """
        change = _change.get()
        if change is None:
            return {}
        change.requests.append(route)
        if len(change.requests) == 1:
            try:
                await self._append(change, "tried")
            except OSError as error:
                change.requests.clear()
                raise NotRecorded(
                    f"STEWARD_AUDIT_LOG cannot be written ({error.strerror}), and a change without a record is not "
                    "made. Nothing was changed."
                ) from error
        return {"litellm-changed-by": _ascii(change.caller.subject or change.caller.client)}

    async def recorded(self, tool: str, caller: Caller, call: Callable[[], Awaitable[T]]) -> tuple[T, str | None]:
        """Make a call and record how it ended; with its result, a sentence if that could not be recorded."""
        with _change_of(tool, caller) as change:
            settled = False
            try:
                result = await call()
                settled = True
            except StewardError as error:
                settled = True
                if unwritten := await self._ended(change, _outcome_of(error), type(error).__name__):
                    error.hint = f"{error.hint or ''} {unwritten}".strip()
                raise
            finally:
                if not settled:  # a fault of ours, or the client hung up
                    with anyio.CancelScope(shield=True):
                        await self._ended(change, "uncertain" if change.requests else "failed", "interrupted")
            outcome: Outcome = "approval_required" if change.approval == "asked" else "done"
            return result, await self._ended(change, outcome)

    async def _ended(self, change: Change, outcome: Outcome, error: str | None = None) -> str | None:
        """Write how it ended; a sentence for the answer if that cannot be written."""
        try:
            await self._append(change, "outcome", {"outcome": outcome, **({"error": error} if error else {})})
        except OSError as failed:
            log.error("The outcome of %s could not be recorded: %s", change.tool, failed.strerror)  # noqa: TRY400
            return f"The outcome could not be written to STEWARD_AUDIT_LOG ({failed.strerror})."
        return None

    def check(self) -> None:
        """Raises ``OSError`` if nothing could be appended now. Makes no file: the first change does."""
        if self._path is None:
            return
        try:
            os.close(os.open(self._path, _FLAGS & ~os.O_CREAT))
        except FileNotFoundError:
            _check_can_be_made(self._path)
        else:
            self._torn = _ends_torn(self._path)

    async def _append(self, change: Change, event: str, more: Mapping[str, object] | None = None) -> None:
        if self._path is None:
            return
        moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        line = json.dumps({"time": moment, "event": event, **change.facts(), **(more or {})}, ensure_ascii=True)
        await anyio.to_thread.run_sync(self._append_line, self._path, f"{line}\n".encode())

    def _append_line(self, path: Path, line: bytes) -> None:
        """One write; after a torn line an empty one, so that the torn one does not spoil this one."""
        with self._appending:
            self._write(path, line)

    def _write(self, path: Path, line: bytes) -> None:
        descriptor = os.open(path, _FLAGS, 0o600)
        try:
            whole = b"\n" + line if self._torn else line
            self._torn = os.write(descriptor, whole) != len(whole)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _outcome_of(error: StewardError) -> Outcome:
    if error.write_uncertain:
        return "uncertain"
    return "refused" if isinstance(error, Refused) else "failed"


def _ends_torn(path: Path) -> bool:
    """Whether a line was begun and not ended. A pipe, or a file that may only be appended to, does not tell."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as record:
            record.seek(-1, os.SEEK_END)
            return record.read(1) != b"\n"
    except OSError:  # an empty one, too
        return False


def _check_can_be_made(path: Path) -> None:
    """Raises ``OSError`` if there is no folder for a file, or none that we may write to."""
    if not stat.S_ISDIR(path.parent.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _ascii(text: str) -> str:
    """A header's value: printable ASCII, so that no name can add a header."""
    kept = "".join(c if " " <= c <= "~" else "?" for c in text)[:100].strip()
    return f"{kept} (litellm-steward)" if kept else "litellm-steward"
