"""Last of the live tests: nothing secret left a steward in all of them, a new key's single showing aside."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from examples.gateway import UPSTREAM_API_KEY
from tests.live.conftest import Connect
from tests.live.harness import Evidence, Seeded

pytestmark = pytest.mark.live

PROVIDER_KEY = "sk-provider-canary-7Jq2Xw9TzB4nL6pV"


@pytest.mark.asyncio
async def test_no_secret_left_a_steward(gateway: Seeded, connect: Connect, evidence: Evidence) -> None:
    async with connect() as steward:
        await steward(
            "create_model",
            model_name="canary",
            model="openai/gpt-4o",
            api_key=PROVIDER_KEY,
            api_base="http://127.0.0.1:9/v1",
        )
        made = (await steward("generate_key", key_alias=f"canary-{uuid.uuid4().hex[:6]}")).ok()
        await steward("get_key_info", key=made["key"])
    said = evidence.everything()
    assert len(evidence.results) > 3
    assert "get_key_info" in said or "/key/info" in said, "the logs are really there"
    secrets = {
        "master key": gateway.running.master_key,
        "provider key": PROVIDER_KEY,
        "upstream key": UPSTREAM_API_KEY,
        **{f"virtual key {alias}": key.raw for alias, key in gateway.ledger.keys.items()},
        **{f"new key {number}": key for number, key in enumerate(evidence.new_keys)},
    }
    leaked = [name for name, secret in secrets.items() if secret in said]
    assert leaked == []


@pytest.mark.asyncio
async def test_no_key_stands_in_a_url_or_a_foreign_header(gateway: Seeded, connect: Connect) -> None:
    """What really goes over the wire, seen by a relay between steward and proxy."""
    key = gateway.ledger.keys["cs-bot"].raw
    async with relay(gateway.running.base_url) as (url, heard), connect(LITELLM_BASE_URL=url) as steward:
        (await steward("get_key_info", key=key)).ok()
        (await steward("get_user_info", user="alex_dev")).ok()
        (await steward("delete_key", key=key)).ok()
    requests = b"".join(heard).decode("utf-8", "replace")
    lines = re.findall(r"^(?:GET|POST) .*$", requests, re.MULTILINE)
    assert len(lines) >= 8
    assert key not in requests, "a raw key is hashed before anything is sent"
    carrying = {line.split(":")[0].lower() for line in requests.splitlines() if gateway.running.master_key in line}
    assert carrying == {"authorization"}


@asynccontextmanager
async def relay(base_url: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A loopback TCP relay that keeps what clients say."""
    target = httpx.URL(base_url)
    heard: list[bytes] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: list[bytes] | None) -> None:
        while data := await reader.read(65536):
            if keep is not None:
                keep.append(data)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.host, target.port)
        await asyncio.gather(copy(reader, back, heard), copy(there, writer, None), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heard
    finally:
        server.close()
