"""The one place that sends: reads are tried again, a write is sent once, and the key stays in its header."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import anyio
import httpx
import pytest
import respx
from pydantic import SecretStr

from litellm_steward import errors
from litellm_steward.api.proxy import Proxy, _retry_after
from litellm_steward.secret import ConstantSecret, FileSecret, SecretUnavailable
from tests.tape import BASE_URL, MASTER_KEY, NEW, OLD, VERSIONS, scene

KEY = ConstantSecret("LITELLM_MASTER_KEY", SecretStr(MASTER_KEY))
Anything = dict[str, object]

PASSING: dict[str, httpx.Response | Exception] = {
    "refused": httpx.ConnectError("[Errno 111] Connection refused"),
    "connecting timed out": httpx.ConnectTimeout(""),
    "reset": httpx.ReadError("reset"),
    "closed": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "write failed": httpx.WriteError("broken pipe"),
    "429": httpx.Response(429, json={"detail": "slow down"}),
    "502": httpx.Response(502, text="<html>Bad Gateway</html>"),
    "503": httpx.Response(503, text=""),
    "504": httpx.Response(504, text=""),
}
LASTING: dict[str, httpx.Response | Exception] = {
    "400": httpx.Response(400, json={"detail": "no"}),
    "401": httpx.Response(401, json={"detail": "no"}),
    "404": httpx.Response(404, json={"detail": "no such team"}),
    "500": httpx.Response(500, json={}),
    "broken JSON": httpx.Response(200, text="{"),
    "redirect": httpx.Response(307, headers={"location": "/elsewhere"}),
}
NEVER_SENT = {"refused", "connecting timed out"}
REFUSED = {"400", "401", "404", "429"}
"""An answer that says: nothing was changed."""


def _here(fault: httpx.Response | Exception) -> respx.Route:
    return respx.route(url__startswith=BASE_URL).mock(side_effect=[fault] * 5)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", PASSING)
@respx.mock
async def test_a_read_is_tried_three_times(name: str, pauses: list[float]) -> None:
    route = _here(PASSING[name])
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.ProxyError) as caught:
            await proxy.get("/key/list", Anything)
    assert route.call_count == 3
    assert len(pauses) == 2
    assert 0.1 < pauses[0] < pauses[1] < 1
    assert caught.value.retryable
    assert not caught.value.write_uncertain


@pytest.mark.asyncio
@pytest.mark.parametrize("name", PASSING)
@respx.mock
async def test_a_read_that_recovers_is_a_read(name: str, pauses: list[float]) -> None:
    respx.get(f"{BASE_URL}/key/list").mock(side_effect=[PASSING[name], httpx.Response(200, json={"a": 1})])
    async with Proxy(BASE_URL, KEY) as proxy:
        assert await proxy.get("/key/list", Anything) == {"a": 1}
    assert len(pauses) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("name", LASTING)
@respx.mock
async def test_a_read_is_not_tried_again_in_vain(name: str, pauses: list[float]) -> None:
    route = _here(LASTING[name])
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.ProxyError):
            await proxy.get("/key/list", Anything)
    assert (route.call_count, pauses) == (1, [])


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["post", "query"])
@pytest.mark.parametrize("name", [*PASSING, *LASTING])
@respx.mock
async def test_a_post_is_sent_once_whatever_happens(name: str, method: str, pauses: list[float]) -> None:
    route = _here((PASSING | LASTING)[name])
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.ProxyError) as caught:
            await getattr(proxy, method)("/key/generate", Anything, {"key_alias": "a"})
    assert (route.call_count, pauses) == (1, [])
    uncertain = method == "post" and name not in NEVER_SENT | REFUSED
    assert caught.value.write_uncertain == uncertain
    assert ("may or may not have been made" in str(caught.value)) == uncertain


@pytest.mark.asyncio
@respx.mock
async def test_no_connection_is_said_with_the_address_and_the_reason(pauses: list[float]) -> None:
    _here(httpx.ConnectError("[Errno -2] Name or service not known"))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.NeverSent, match=r"litellm\.test:4000 \(unknown host name\)"):
            await proxy.get("/key/list", Anything)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["get", "post"])
@respx.mock
async def test_one_deadline_bounds_all_attempts(method: str) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    respx.route().mock(side_effect=never)
    async with Proxy(BASE_URL, KEY, timeout=0.05) as proxy:
        with pytest.raises(errors.TimedOut, match=r"within 0\.05 s") as caught:
            await (proxy.get("/a", Anything) if method == "get" else proxy.post("/a", Anything, {}))
    assert caught.value.write_uncertain == (method == "post")
    assert "STEWARD_TIMEOUT" in str(caught.value)


@pytest.mark.asyncio
@respx.mock
async def test_nobody_sleeps_beyond_the_deadline(pauses: list[float]) -> None:
    route = _here(httpx.Response(429, headers={"retry-after": "4"}))
    async with Proxy(BASE_URL, KEY, timeout=1) as proxy:
        with pytest.raises(errors.RateLimited, match="It asks us to wait 4 s"):
            await proxy.get("/a", Anything)
    assert (route.call_count, pauses) == (1, [])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("asked", "waited"), [("2", [2.0, 2.0]), ("0", [0.0, 0.0]), ("-1", [0.0, 0.0]), ("6", []), ("3600", [])]
)
@respx.mock
async def test_retry_after_is_heeded_or_passed_on(asked: str, waited: list[float], pauses: list[float]) -> None:
    _here(httpx.Response(429, headers={"retry-after": asked}))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.RateLimited) as caught:
            await proxy.get("/a", Anything)
    assert pauses == waited
    assert caught.value.retry_after == max(float(asked), 0)


def test_retry_after_may_be_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 25 < (_retry_after({"retry-after": format_datetime(soon, usegmt=True)}) or 0) <= 30
    assert _retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert _retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00"}) == 0
    assert _retry_after({"retry-after": "soon"}) is None
    assert _retry_after({"retry-after": "Mon, 01 Jan 99999999999999 00:00:00 GMT"}) is None
    assert _retry_after({}) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("asked", ["nan", "inf", "-inf", "1e400"])
@respx.mock
async def test_a_foolish_retry_after_is_no_reason_to_wait_forever(asked: str, pauses: list[float]) -> None:
    _here(httpx.Response(429, headers={"retry-after": asked}))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.RateLimited):
            await proxy.get("/a", Anything)
    assert all(0 <= pause <= 5 for pause in pauses), pauses


@pytest.mark.asyncio
@respx.mock
async def test_the_key_stands_in_its_header_only() -> None:
    route = respx.route().mock(return_value=httpx.Response(200, json={}))
    async with Proxy(BASE_URL, KEY) as proxy:
        await proxy.get("/key/list", Anything, {"size": 1, "key_alias": None, "full": True})
        await proxy.post("/key/generate", Anything, {"key_alias": "a"})
        await proxy.call("/models", key="sk-another-0001")
    read, write, other = (call.request for call in route.calls)
    assert str(read.url) == f"{BASE_URL}/key/list?size=1&full=true", "None is left out"
    assert read.headers["authorization"] == write.headers["authorization"] == f"Bearer {MASTER_KEY}"
    assert other.headers["authorization"] == "Bearer sk-another-0001"
    assert not [name for name, value in other.headers.items() if MASTER_KEY in value]
    assert write.content == b'{"key_alias":"a"}'


@pytest.mark.asyncio
@respx.mock
async def test_a_proxy_may_want_the_key_in_another_header() -> None:
    route = respx.route().mock(return_value=httpx.Response(200, json={}))
    async with Proxy(BASE_URL, KEY, key_header="X-Gateway-Key") as proxy:
        await proxy.get("/key/list", Anything)
    headers = route.calls.last.request.headers
    assert headers["x-gateway-key"] == f"Bearer {MASTER_KEY}"
    assert "authorization" not in headers


@pytest.mark.asyncio
@respx.mock
async def test_a_key_file_is_read_for_every_request(tmp_path: Path) -> None:
    route = respx.route().mock(return_value=httpx.Response(200, json={}))
    path = tmp_path / "key"
    path.write_text("sk-first-0001\n")
    async with Proxy(BASE_URL, FileSecret("LITELLM_MASTER_KEY_FILE", path)) as proxy:
        await proxy.get("/a", Anything)
        path.write_text("sk-second-0002\n")
        await proxy.get("/a", Anything)
        path.unlink()
        with pytest.raises(SecretUnavailable, match="LITELLM_MASTER_KEY_FILE"):
            await proxy.get("/a", Anything)
    sent = [call.request.headers["authorization"] for call in route.calls]
    assert sent == ["Bearer sk-first-0001", "Bearer sk-second-0002"]


@pytest.mark.asyncio
@respx.mock
async def test_what_cannot_be_put_into_http_is_the_arguments_fault() -> None:
    route = respx.route()
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.InvalidArgument, match="cannot be put into HTTP"):
            await proxy.post("/team/new", Anything, {"team_alias": "half a character \ud800"})
    assert not route.called


@pytest.mark.asyncio
@respx.mock
async def test_a_broken_connection_may_mean_a_newer_release() -> None:
    route = respx.get(f"{BASE_URL}/new").mock(return_value=httpx.Response(404, json={"detail": "Not Found"}))
    broken = respx.get(f"{BASE_URL}/old").mock(side_effect=httpx.ReadError("reset"))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.RouteMissing):
            await proxy.get("/new", Anything)
        with pytest.raises(errors.Unreachable):
            await proxy.get("/old", Anything, attempts=1)
        route.mock(return_value=httpx.Response(200, json={"is": "there"}))
        assert await proxy.get("/new", Anything) == {"is": "there"}
    assert broken.called


@pytest.mark.asyncio
@respx.mock
async def test_a_missing_route_is_asked_for_once() -> None:
    missing = scene(OLD, "activity", "team, aggregated").only
    assert missing.status == 404
    route = respx.get(url__startswith=f"{BASE_URL}{missing.path}").mock(return_value=missing.response())
    there = respx.get(f"{BASE_URL}/key/list").mock(return_value=httpx.Response(200, json={}))
    async with Proxy(BASE_URL, KEY) as proxy:
        for _ in range(3):
            with pytest.raises(errors.RouteMissing, match="has no GET /team/daily/activity/aggregated"):
                await proxy.get(missing.path, Anything)
        await proxy.get("/key/list", Anything)
    assert (route.call_count, there.call_count) == (1, 1)


@pytest.mark.asyncio
@respx.mock
async def test_an_object_that_is_missing_is_asked_for_again() -> None:
    unknown = scene(NEW, "errors", "unknown team").only
    route = respx.route().mock(return_value=unknown.response())
    async with Proxy(BASE_URL, KEY) as proxy:
        for _ in range(2):
            with pytest.raises(errors.Missing):
                await proxy.get(unknown.path, Anything, unknown.params)
    assert route.call_count == 2


@pytest.mark.asyncio
@respx.mock
async def test_an_answer_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litellm_steward.api.bodies.MAX_ANSWER", 1 << 20)
    respx.route().mock(return_value=httpx.Response(200, content=b" " * ((1 << 20) + 1)))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.ProxyBroken, match="more than 1 MB"):
            await proxy.get("/team/list", Anything)


@pytest.mark.asyncio
@respx.mock
async def test_an_error_may_be_the_answer() -> None:
    respx.route().mock(return_value=httpx.Response(503, json={"status": "unhealthy"}))
    async with Proxy(BASE_URL, KEY) as proxy:
        assert await proxy.get("/health/readiness", Anything, also=(503,)) == {"status": "unhealthy"}


@pytest.mark.asyncio
@respx.mock
async def test_an_error_that_quotes_our_key_does_not_pass_it_on() -> None:
    respx.route().mock(return_value=httpx.Response(400, json={"detail": f"got {MASTER_KEY}"}))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.BadRequest) as caught:
            await proxy.get("/a", Anything)
    assert MASTER_KEY not in str(caught.value) + caught.value.detail


@pytest.mark.parametrize(
    ("host", "through_it"),
    [
        ("localhost", False),
        ("gateway.localhost", False),
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("127.1", False),
        ("0.0.0.0", False),  # noqa: S104 - to ask, not to serve
        ("[::1]", False),
        ("[::ffff:127.0.0.1]", False),
        ("litellm", True),
        ("10.0.0.1", True),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_corporate_proxy_never_sees_requests_to_this_machine(
    scheme: str, host: str, *, through_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://corporate.test:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    address = f"{scheme}://{host}:4000"
    client = Proxy(address, KEY)._client
    assert (client._transport_for_url(httpx.URL(address)) is not client._transport) == through_it


@pytest.mark.parametrize("version", VERSIONS)
def test_the_recorded_releases_have_the_aggregated_route(version: str) -> None:
    assert scene(version, "activity", "key, aggregated").only.status == 200


@pytest.mark.asyncio
@respx.mock
@pytest.mark.parametrize("place", ["query", "path"])
async def test_the_key_in_use_goes_into_no_address_whatever_it_looks_like(place: str) -> None:
    """A master key need not begin with ``sk-``, so that nobody sees what it is."""
    odd = ConstantSecret("LITELLM_MASTER_KEY", SecretStr("hunter2-master-key-1"))
    route = respx.route()
    async with Proxy(BASE_URL, odd) as proxy:
        path = "/a" if place == "query" else "/a/hunter2-master-key-1"
        with pytest.raises(errors.InvalidArgument, match="nothing was sent") as caught:
            await proxy.get(path, Anything, {"key_alias": "hunter2-master-key-1"} if place == "query" else None)
    assert not route.called
    assert "hunter2" not in str(caught.value)
