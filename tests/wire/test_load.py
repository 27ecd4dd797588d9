"""Many clients at the same time, over HTTP, with a proxy that fails: no answer is lost or somebody else's.

``make load`` makes a run of 50,000 calls, which also tells whether memory grows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.loading.run import run

CALLS = 1000


@pytest.mark.asyncio
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc to look at the server's process")
async def test_nothing_is_lost_or_crossed(tmp_path: Path) -> None:
    findings = await run(CALLS, tmp_path)
    assert findings.failures() == []
    assert findings.tally.calls >= CALLS
    sorts = {sort for _, sort in findings.tally.kinds}
    assert sorts >= {"answered", "form", "refused", "hung up", "failed"}
    assert len(findings.proxy["faults"]) == 6, "every fault was injected"
    assert findings.lines > 0
