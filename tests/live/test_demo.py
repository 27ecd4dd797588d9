"""The demo plays through, shows no secret but a new key's single showing, and leaves nothing running."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from examples.gateway import NEWEST, UPSTREAM_API_KEY
from examples.gateway.gateway import stop
from examples.gateway.keys import master_key
from examples.gateway.proxy import port_is_free
from examples.gateway.runs import Run
from examples.gateway.settings import REPOSITORY, default_home

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

PORTS = range(4790, 4800)
"""Always the same, so that a database of an earlier run is replaced and not kept beside the new one."""


def test_the_demo_plays_through() -> None:
    run = Run(default_home(), next(port for port in PORTS if port_is_free(port)))
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--stop", "--port", str(run.port)],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    try:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        assert f"starting LiteLLM {NEWEST}" in done.stdout
        assert [line[3] for line in done.stdout.splitlines() if re.match(r"── \d\. ", line)] == list("12345678")
        assert "All eight conversations were right" in done.stdout
        assert UPSTREAM_API_KEY not in done.stdout
        assert master_key(run.home) not in done.stdout, "with --stop there is no configuration to paste"
        raw = re.findall(r"sk-[A-Za-z0-9_-]{16,}", done.stdout)
        assert len(raw) == len(set(raw)) == len(re.findall(r"Key: sk-", done.stdout)), "a new key is shown once"
        assert port_is_free(run.port)
    finally:
        stop(run)
        run.forget()
