"""Which tests stay together where several processes share them (``pytest -n 2``), and what they have to tell."""

from __future__ import annotations

import pytest

GATEWAYS = ("gateway", "filled")
"""Fixtures that boot a proxy, one for each release: a process boots what its tests need."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = _group(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


def _group(item: pytest.Item) -> str | None:
    """A gateway's tests run in one process, in their order; so do those that start programs. Others go anywhere."""
    given: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    booted = [f"{name} {given[name]}" for name in GATEWAYS if name in given]
    if booted:
        return booted[0]
    folder = item.path.parent.name
    return None if folder == "unit" else f"{folder} {item.path.stem}" if folder == "live" else folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests told by ``record_property("told", …)``, whichever process ran them: a seed, say."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "told":
                        terminalreporter.write_line(str(value))
