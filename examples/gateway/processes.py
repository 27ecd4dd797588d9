"""Processes: starting them detached, knowing them again, and stopping them without hurting a stranger.

A process id alone proves nothing, since ids are reused. A process counts as ours only if its command line names the
folder that we gave it, and a process we watch only if it was born when we first saw it.
"""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
EXEC = 2.0
"""Seconds that a busy machine may take to put one program in the place of another: it has no command line meanwhile."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the system says about one process."""

    pid: int
    group: int
    state: str
    birth: str
    command: str


def look(pid: int) -> Seen | None:
    """The process with this id, or None if there is none or only its corpse."""
    seen = _look_proc(pid) if (PROC / "self" / "stat").exists() else _look_ps(pid)
    return seen if seen is not None and not seen.state.startswith("Z") else None


def _look_proc(pid: int) -> Seen | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
        command = (PROC / str(pid) / "cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    return Seen(
        pid=pid,
        group=int(fields[2]),
        state=fields[0],
        birth=fields[19],
        command=command.replace(b"\0", b" ").decode(errors="replace"),
    )


def _look_ps(pid: int) -> Seen | None:
    answer = subprocess.run(
        ["ps", "-ww", "-o", "pgid=,stat=,lstart=,command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=7)
    if len(answer) < 8:
        return None
    return Seen(pid, int(answer[0]), answer[1], " ".join(answer[2:7]), answer[7])


def _every_pid() -> Iterator[int]:
    if (PROC / "self" / "stat").exists():
        yield from (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
        return
    listed = subprocess.run(["ps", "-axo", "pid="], capture_output=True, text=True, check=False).stdout
    yield from (int(pid) for pid in listed.split())


def group_members(group: int) -> list[int]:
    """The living processes of a process group."""
    found = (look(pid) for pid in _every_pid())
    return [seen.pid for seen in found if seen is not None and seen.group == group]


@dataclass(frozen=True, slots=True)
class Watched:
    """A process remembered by id and birth, so that a later one with the same id is told apart."""

    pid: int
    birth: str

    @classmethod
    def remember(cls, pid: int) -> "Watched":
        """Remember a process as it is now; one that is gone already counts as gone for ever."""
        seen = look(pid)
        return cls(pid, seen.birth if seen is not None else "gone")

    @classmethod
    def parse(cls, text: str) -> "Watched":
        """Read back what `str` wrote."""
        pid, _, birth = text.partition(":")
        return cls(int(pid), birth)

    def __str__(self) -> str:
        return f"{self.pid}:{self.birth}"

    def alive(self) -> bool:
        """Whether this very process still runs."""
        seen = look(self.pid)
        return seen is not None and seen.birth == self.birth


def spawn(command: Sequence[str | Path], *, log: Path, pid_file: Path, cwd: Path, env: Mapping[str, str]) -> int:
    """Start a process that outlives us, in a process group of its own, with its output in `log`.

    A shell starts it and writes its id before anything can interrupt us, then leaves: no child of ours remains to
    be reaped.
    """
    script = 'log=$1; pid_file=$2; shift 2; "$@" >>"$log" 2>&1 </dev/null & echo $! >"$pid_file"'
    arguments = ["/bin/sh", "-c", script, "sh", str(log), str(pid_file), *map(str, command)]
    subprocess.run(arguments, cwd=cwd, env=dict(env), start_new_session=True, check=True)
    return int(pid_file.read_text())


def ours(pid_file: Path, mark: Path) -> Seen | None:
    """The process that `pid_file` names, if it runs and its command line names `mark`."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    seen = look(pid)
    deadline = time.monotonic() + EXEC
    while seen is not None and not seen.command and time.monotonic() < deadline:
        time.sleep(0.005)
        seen = look(pid)
    return seen if seen is not None and str(mark) in seen.command else None


def stop_group(group: int, *, patience: float = 8.0) -> None:
    """End a process group: politely first, then not."""
    for sign, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, sign)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if not group_members(group):
                return
            time.sleep(0.05)


def run_logged(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
) -> int:
    """Run a child to its end with its output appended to `log`; if we are interrupted, its whole group ends too.

    With `user`, which takes root, the child runs as that account and with its group alone.
    """
    account = None if user is None else pwd.getpwnam(user)
    with log.open("a", encoding="utf-8") as output:
        output.write("$ " + " ".join(map(str, command)) + "\n")
        output.flush()
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=None if env is None else dict(env),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
        )
        try:
            return child.wait()
        except BaseException:
            stop_group(child.pid, patience=1.0)
            child.wait()
            raise


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log that say anything, indented for an error message."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "    (no log)"
    meaningful = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line[:300]}" for line in meaningful[-lines:])
