"""Which tests stay together where several processes share them (``pytest -n 2``), and what they have to tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from examples.gateway import OLDEST

if TYPE_CHECKING:
    from xdist.remote import Producer  # type: ignore[import-untyped]

settings.register_profile("house", database=None, deadline=None, derandomize=True)
settings.load_profile("house")  # the same examples in every run, however slow the machine

RELEASE: Final = re.compile(r"\[(\d+\.\d+\.\d+)")
COMPANY: Final = ("test_company_",)
FIRST: Final = (f"live company {OLDEST}", "live gateway", "live company", "live", "wire")
"""The longest groups, longest first, so that no process waits long for another at the end."""


def group_of(nodeid: str) -> str:
    """A proxy's tests run in one process, in their order, so that it is booted once; others by file."""
    path, _, test = nodeid.partition("::")
    folder, _, file = path.removeprefix("tests/").partition("/")
    release = RELEASE.search(test)
    if folder != "live" or release is None:
        return path if folder != "wire" else "wire"  # these start programs and time them
    kind = "company" if file.startswith(COMPANY) else "gateway"
    return f"live {kind} {release[1]}"


def _rank(item: pytest.Item) -> int:
    group = group_of(item.nodeid).replace("tests/live/", "live ")
    return next((number for number, start in enumerate(FIRST) if group.startswith(start)), len(FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's own groups lose their names with structured node ids."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroup:
    config.option.loadscopereorder = False  # by number of tests, which says nothing of their time
    return ByGroup(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests told by ``record_property("told", …)``, whichever process ran them: a seed, say."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    called = [report for report in reports if getattr(report, "when", None) == "call"]
    told = [str(value) for report in called for name, value in report.user_properties if name == "told"]
    for line in dict.fromkeys(told):  # several tests may say the same
        terminalreporter.write_line(line)
