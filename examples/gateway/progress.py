"""Tells a person what is going on: a line per step with its time, and a spinner where there is a terminal."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """Prints steps to a stream, by default standard error, so that standard output stays a result."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Announce `what`, then say how long it took. A line is written even if the step fails."""
        started = time.monotonic()
        finished = threading.Event()
        spinner: threading.Thread | None = None
        if self._is_terminal():
            spinner = threading.Thread(target=self._spin, args=(what, started, finished), daemon=True)
            spinner.start()
        else:
            self._write(f"... {what}\n")
        mark = "failed"
        try:
            yield
            mark = "ok"
        finally:
            finished.set()
            if spinner is not None:
                spinner.join()
                self._write("\r\033[K")
            self._write(f"{mark:>6} {time.monotonic() - started:6.1f} s  {what}\n")

    def say(self, what: str) -> None:
        """Print one line that is no step."""
        self._write(f"{what}\n")

    def _spin(self, what: str, started: float, finished: threading.Event) -> None:
        turn = 0
        while not finished.wait(0.1):
            frame = FRAMES[turn % len(FRAMES)]
            self._write(f"\r\033[K{frame} {time.monotonic() - started:6.1f} s  {what}")
            turn += 1

    def _is_terminal(self) -> bool:
        return self.stream.isatty()

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except UnicodeEncodeError:
            self.stream.write(text.encode("ascii", "replace").decode("ascii"))
            self.stream.flush()


class Silent(Progress):
    """Says nothing; for tests and programs."""

    def _is_terminal(self) -> bool:
        return False

    def _write(self, text: str) -> None:
        pass
