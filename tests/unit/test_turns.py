"""Who waits for a connection to the proxy: told from one who waits for its answer, and not kept out by one caller."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx
import pytest
from pydantic import SecretStr

from litellm_steward import errors
from litellm_steward.api.proxy import CONNECTIONS, OF_ONE_CALLER, Proxy
from litellm_steward.api.wire import Acknowledged
from litellm_steward.secret import ConstantSecret
from tests.tape import BASE_URL

pytestmark = pytest.mark.asyncio
SHORT: Final = 0.3


def key(name: str) -> ConstantSecret:
    return ConstantSecret("X-LiteLLM-Key", SecretStr(f"sk-{name}"))


class Slow(httpx.AsyncBaseTransport):
    """Answers a key at once, or when ``end`` is set."""

    def __init__(self, *waiting: str) -> None:
        self.end, self.waiting = asyncio.Event(), {f"Bearer sk-{name}" for name in waiting}
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.headers["authorization"] in self.waiting:
            await self.end.wait()
        return httpx.Response(200, json={})


async def _busy(proxy: Proxy, number: int) -> list[asyncio.Task[Acknowledged]]:
    tasks = [asyncio.create_task(proxy.get("/a", Acknowledged)) for _ in range(number)]
    await asyncio.sleep(0.05)
    return tasks


async def test_what_was_not_sent_is_not_blamed_on_the_proxy() -> None:
    slow = Slow("one")
    async with Proxy(BASE_URL, key("one"), timeout=SHORT, transport=slow) as proxy:
        tasks = await _busy(proxy, CONNECTIONS)
        assert slow.asked == CONNECTIONS
        for ask in (proxy.get, proxy.post):
            with pytest.raises(errors.Busy, match="was not sent: too many others") as caught:
                await ask("/b", Acknowledged, {}, timeout=0.1)
            assert not caught.value.write_uncertain
            assert caught.value.fault == "steward"
        assert slow.asked == CONNECTIONS
        slow.end.set()
        await asyncio.gather(*tasks)
        await proxy.get("/b", Acknowledged)


async def test_one_caller_leaves_connections_to_the_others() -> None:
    slow = Slow("one")
    async with Proxy(BASE_URL, key("nobody"), timeout=5, transport=slow) as proxy:
        tasks = await _busy(proxy.with_key(key("one"), hint=""), CONNECTIONS)
        assert slow.asked == OF_ONE_CALLER
        await proxy.with_key(key("two"), hint="").get("/b", Acknowledged, timeout=SHORT)
        slow.end.set()
        await asyncio.gather(*tasks)
