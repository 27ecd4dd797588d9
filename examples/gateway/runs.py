"""The run folder of a gateway: its process id, its log, what it is, and who is starting it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .processes import Seen, Watched, ours, stop_group


@dataclass(frozen=True, slots=True)
class Run:
    """One gateway of a home, known by its port."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """Everything about this gateway; its name in a command line proves a process to be ours."""
        return self.home / f"run-{self.port}"

    @property
    def pid_file(self) -> Path:
        """Written by the shell that starts the proxy."""
        return self.folder / "proxy.pid"

    @property
    def log(self) -> Path:
        """What the proxy says."""
        return self.folder / "proxy.log"

    @property
    def ledger(self) -> Path:
        """What the seed did."""
        return self.folder / "ledger.json"

    @property
    def claim(self) -> Path:
        """Names the process that is starting this gateway; keeps others from stopping PostgreSQL under it."""
        return self.folder / "starting"

    def proxy(self) -> Seen | None:
        """The proxy's process, if it runs."""
        return ours(self.pid_file, self.folder)

    def starter(self) -> Watched | None:
        """Who is starting this gateway right now, if that process still lives."""
        try:
            claimed = Watched.parse(self.claim.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return claimed if claimed.alive() else None

    def active(self) -> bool:
        """Whether this gateway needs PostgreSQL."""
        return self.proxy() is not None or self.starter() is not None

    def describe(self, facts: dict[str, Any]) -> None:
        """Record what this gateway is."""
        (self.folder / "gateway.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")

    def facts(self) -> dict[str, Any]:
        """What `describe` recorded; empty if nothing was."""
        try:
            facts: dict[str, Any] = json.loads((self.folder / "gateway.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts

    def stop(self) -> bool:
        """Stop the proxy and everything in its group, such as its query engine. True if it ran."""
        seen = self.proxy()
        if seen is not None:
            stop_group(seen.group)
        with suppress(FileNotFoundError):
            self.pid_file.unlink()
        return seen is not None

    def forget(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def runs_of(home: Path) -> Iterator[Run]:
    """Every gateway that has a folder in this home, by port."""
    ports = (folder.name.removeprefix("run-") for folder in home.glob("run-*"))
    for port in sorted(int(port) for port in ports if port.isdigit()):
        yield Run(home, port)
