"""What an address answered is read by nobody through the request log: on real proxies."""

from __future__ import annotations

import time

import anyio
import pytest

from tests.live.conftest import Connect
from tests.live.harness import Answered, Seeded, Steward
from tests.live.test_diversions import INSIDE, MINE, misleading

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

PROVIDERS = ("openai", "anthropic", "cohere_chat")
"""Which of them quotes what is no answer of a provider's differs from release to release."""

LOGGED_WITHIN = 60
"""Seconds until a failed call is in the log: the proxy writes in batches."""


async def failures(steward: Steward, key: str, number: int) -> Answered:
    for _ in range(LOGGED_WITHIN):
        answer = await steward("find_requests", status="failure", key=key, period="today")
        if len(answer.ok()["requests"]) >= number:
            return answer
        await anyio.sleep(1)
    raise AssertionError(answer.text)


async def test_the_log_shows_nothing_that_an_address_answered(gateway: Seeded, connect: Connect) -> None:
    """LiteLLM quotes whatever a deployment's address answers; the log keeps it, and what it refused itself."""
    stamp = time.monotonic_ns()
    name, alias = f"misled-{stamp}", f"misled-key-{stamp}"
    made, quoted = [], False
    with misleading() as (address, read):
        async with connect(STEWARD_APPROVAL="off", STEWARD_TOOLSETS="default,spend") as steward:
            try:
                key = (await steward("generate_key", key_alias=alias, max_budget=1)).ok()["key"]
                for provider in PROVIDERS:
                    arguments = {"model": f"{provider}/x", "api_base": address, "api_key": MINE, "verify": False}
                    made.append((await steward("create_model", model_name=f"{name}-{provider}", **arguments)).ok())
                    said = gateway.chat(key, f"{name}-{provider}", num_retries=0, disable_fallbacks=True)
                    assert said.status_code >= 400
                    quoted |= "hunter2" in said.text
                refused = gateway.chat(key, f"no-such-{name}").status_code >= 400
                assert refused or gateway.is_oldest, "which lets any name through once a pattern was deleted"
                logged = await failures(steward, alias, len(PROVIDERS) + refused)
            finally:
                for model in made:
                    gateway.admin("POST", "/model/delete", json={"id": model["model_id"]})
                gateway.admin("POST", "/key/delete", json={"key_aliases": [alias]})
            afterwards = await steward("find_requests", status="failure", limit=50, period="today")
    assert read
    assert quoted, "else the proxy quotes none, and there is nothing to hide"
    for answer in (logged, afterwards):
        assert "hunter2" not in answer.text + str(answer.data)
        assert INSIDE not in answer.text + str(answer.data)
    errors = [row["error"] for row in logged.ok()["requests"]]
    assert sum("summary" in error for error in errors) == len(PROVIDERS)
    quotes = [error["message"] for error in errors if "message" in error]
    assert ["Invalid model name passed" in words for words in quotes] == [True] * refused
