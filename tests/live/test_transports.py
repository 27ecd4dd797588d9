"""The real tools over HTTP: both transports, both protocol eras, against a real proxy."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.client.sse import sse_client
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from tests.live.harness import Era, Evidence, Seeded, Steward, environment

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

Http = Literal["sse", "streamable-http"]


@asynccontextmanager
async def served(gateway: Seeded, evidence: Evidence, transport: Http) -> AsyncIterator[str]:
    """A steward serving HTTP on a free port, until it is told to stop."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "litellm_steward", "serve", "--transport", transport, "--port", "0",
        env=environment(gateway.running, {}), cwd=evidence.folder, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    heard: list[str] = []
    while not (url := re.search(r"serving on (\S+)", "".join(heard))):
        line = await process.stderr.readline()
        assert line, "".join(heard)
        heard.append(line.decode())
    drained = asyncio.ensure_future(process.stderr.read())
    try:
        yield url[1]
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        with evidence.log() as log:
            log.write("".join(heard) + (await drained).decode())


@pytest.mark.parametrize("transport", ["sse", "streamable-http"])
async def test_ask_make_and_delete_over_http(gateway: Seeded, evidence: Evidence, transport: Http) -> None:
    async with served(gateway, evidence, transport) as url:
        for era in ("auto", "legacy"):
            await _conversation(url, transport, era, evidence)


async def _conversation(url: str, transport: Http, era: Era, evidence: Evidence) -> None:
    alias = f"over-http-{uuid.uuid4().hex[:6]}"

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        return ElicitResult(action="accept", content={"confirm": alias})

    target = sse_client(url) if transport == "sse" else url
    async with Client(target, mode=era, elicitation_callback=person, cache=None) as client:
        steward = Steward(client, evidence)
        assert (await steward("get_user_info", user="alex_dev", period="today")).ok()["usage"]["api_requests"] >= 45
        assert (await steward("generate_key", key_alias=alias)).ok()["key_alias"] == alias
        answer = (await steward("delete_key", key=alias)).ok()
        if transport == "streamable-http" and era == "legacy":  # no way back to this client: it gets the plan
            assert answer["status"] == "approval_required"
            answer = (await steward("delete_key", key=alias, approval=answer["approval"])).ok()
        assert (answer["status"], answer["verified"]) == ("deleted", True)
