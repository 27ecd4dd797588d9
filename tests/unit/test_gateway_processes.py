"""The example gateway knows its processes again at every moment of their lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.gateway import processes


def test_a_process_between_two_programs_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one program takes the place of another, the kernel shows no command line."""
    pid_file = tmp_path / "proxy.pid"
    pid_file.write_text(str(os.getpid()), encoding="ascii")
    commands = ["", "", f"python {tmp_path}"]

    def look(pid: int) -> processes.Seen:
        return processes.Seen(pid, pid, "R", "1", commands.pop(0))

    monkeypatch.setattr(processes, "look", look)
    assert processes.ours(pid_file, tmp_path) is not None
    assert commands == []


@pytest.mark.parametrize("command", ["python elsewhere", ""])
def test_a_stranger_stays_a_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    pid_file = tmp_path / "proxy.pid"
    pid_file.write_text(str(os.getpid()), encoding="ascii")
    monkeypatch.setattr(processes, "EXEC", 0.05)
    monkeypatch.setattr(processes, "look", lambda pid: processes.Seen(pid, pid, "R", "1", command))
    assert processes.ours(pid_file, tmp_path) is None
