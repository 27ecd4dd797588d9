"""Last of the live tests: nothing secret left a steward in all of them, a new key's single showing aside."""

from __future__ import annotations

import re

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
        made = (await steward("generate_key", key_alias=f"canary-{gateway.version}")).ok()
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


def test_no_raw_key_stood_in_a_url(gateway: Seeded, evidence: Evidence) -> None:
    """The proxy's own access log saw every URL we asked for."""
    log = gateway.running.log_path.read_text(encoding="utf-8", errors="replace")
    urls = re.findall(r'"(?:GET|POST|DELETE|PUT) (\S+) HTTP', log)
    assert urls
    keys = [key.raw for key in gateway.ledger.keys.values()] + evidence.new_keys + [gateway.running.master_key]
    assert [url for url in urls for key in keys if key in url] == []
