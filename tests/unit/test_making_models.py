"""In which order a deployment is made: what is refused first, what is recorded first, and who waits for whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from litellm_steward import errors
from litellm_steward.audit import AuditLog
from litellm_steward.callers import Caller
from litellm_steward.text import hash_key
from litellm_steward.tools.models import delete_model
from litellm_steward.tools.view import StewardContext, steward_of
from tests.tape import NEW
from tests.unit.recorded import BASE, KEY, Release, agreed, created, steward_with

pytestmark = pytest.mark.asyncio

STRANGER = "http://stranger.example/v1"
VIRTUAL = "sk-a-virtual-key-of-ours-1234"
TOUCHING = ("/health/test_connection", "/model/new", "/chat/completions", "/model/delete", "/fallback")
"""Requests that reach a provider, or change something."""


def touched(release: Release) -> list[str]:
    return [path for method, path, _ in release.sent if method == "POST" and path in TOUCHING]


async def test_nothing_goes_to_a_new_address_before_agreement() -> None:
    release = Release(NEW)
    async with steward_with(release) as ctx:
        asked = await created(ctx, api_base=STRANGER)
        assert asked.status == "approval_required"
        assert touched(release) == []
        assert (await created(ctx, api_base=STRANGER, approval=asked.approval)).verified
    assert touched(release) == ["/health/test_connection", "/model/new", "/chat/completions"]


@pytest.mark.parametrize(
    "given",
    [
        {"api_key": SecretStr(VIRTUAL)},
        {"api_key": None, "litellm_params": {"api_key": VIRTUAL}},
        {"litellm_params": {"extra_headers": {"Authorization": f"Bearer {VIRTUAL}"}}},
        {"litellm_params": {"extra_body": {"a": [{"b": f"key={VIRTUAL}&x=1"}]}}},
        {"litellm_params": {"aws_session_token": VIRTUAL}},
        {"api_key": SecretStr("sk-master")},
        {"litellm_params": {"extra_headers": {"x-api-key": "sk-master"}}},
    ],
)
async def test_no_key_of_this_gateway_leaves_it(given: dict[str, Any]) -> None:
    """Nor with agreement: whoever runs the address could use it."""
    release = Release(NEW, virtual_keys={hash_key(VIRTUAL)})
    async with steward_with(release, steward_approval="off") as ctx:
        with pytest.raises(errors.Refused, match="A key of this gateway was given") as refused:
            await created(ctx, api_base=STRANGER, **given)
    assert touched(release) == []
    assert VIRTUAL not in str(refused.value) + json.dumps(release.sent)


async def test_more_keys_than_anybody_needs_are_not_looked_up() -> None:
    release = Release(NEW)
    headers = {f"x-{n}": f"sk-{n}" for n in range(30)}
    async with steward_with(release, steward_approval="off") as ctx:
        with pytest.raises(errors.InvalidArgument, match="more than 10 texts that look like keys"):
            await created(ctx, litellm_params={"extra_headers": headers})
    assert touched(release) == []


@pytest.mark.parametrize(
    "given",
    [
        {"api_base": "http://proxy.test/v1"},
        {"api_base": "http://localhost"},
        {"api_base": "http://0x7f000001:80/v1"},
        {"litellm_params": {"aws_bedrock_runtime_endpoint": "https://PROXY.test./x"}},
    ],
)
async def test_the_gateway_is_no_provider_of_its_own(given: dict[str, Any]) -> None:
    release = Release(NEW)
    async with steward_with(release, steward_approval="off") as ctx:
        with pytest.raises(errors.Refused, match="is this gateway itself"):
            await created(ctx, **given)
    assert touched(release) == []


@pytest.mark.parametrize("name", ["deployments", "openai", "chat", "no-default-models", "a,b"])
async def test_a_name_that_routes_look_up_is_refused_before_anything_is_read(name: str) -> None:
    release = Release(NEW)
    async with steward_with(release, steward_approval="off") as ctx:
        with pytest.raises(errors.Refused, match="Nothing was created"):
            await created(ctx, model_name=name)
    assert release.sent == []


async def test_the_attempt_is_in_the_record_before_the_provider_is_called(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    seen: dict[str, str] = {}

    class Watched(Release):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.url.path in TOUCHING:
                seen.setdefault(request.url.path, path.read_text() if path.exists() else "")
            return super().__call__(request)

    release = Watched(NEW, "bad key")
    async with steward_with(release, steward_approval="off") as ctx:
        steward = steward_of(ctx)
        steward.audit = AuditLog(path)
        steward.proxy._before_write = steward.audit.before_write
        with pytest.raises(errors.StewardError, match="refused the key"):
            await steward.audit.recorded("create_model", Caller("t", "t"), lambda: created(ctx, api_base=STRANGER))
    (tried,) = map(json.loads, seen["/health/test_connection"].splitlines())
    assert (tried["event"], tried["requests"]) == ("tried", ["POST /health/test_connection"])
    assert tried["targets"]["api_base"] == STRANGER
    assert KEY not in path.read_text()


@dataclass
class Slow(Release):
    """A provider that does not answer until it is let: what the proxy asks it for waits."""

    called: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in {"/health/test_connection", "/chat/completions"}:
            self.called.set()
            await self.end.wait()
        return self(request)


async def _while_slow(release: Slow, ctx: StewardContext, what: Callable[[], Any]) -> Any:  # noqa: ANN401
    making = asyncio.create_task(created(ctx, api_base=STRANGER))
    async with asyncio.timeout(20):
        await release.called.wait()
        try:
            return await what()
        finally:
            release.end.set()
            await asyncio.gather(making, return_exceptions=True)


@pytest.mark.parametrize("quick", ["/health/test_connection", "/chat/completions"])
async def test_nobody_waits_for_a_slow_address(quick: str) -> None:
    """Neither while it is tried before the deployment is made, nor while the deployment is called."""
    release = Slow(NEW)
    (other,) = release.add("other")

    async def one_is_quick(request: httpx.Request) -> httpx.Response:
        return release(request) if request.url.path == quick else await release.answer(request)

    async with steward_with(one_is_quick, steward_approval="off") as ctx:
        gone = await _while_slow(release, ctx, lambda: delete_model(ctx, other))
    assert gone.status == "deleted"
    assert other not in release.rows


async def test_what_changed_while_the_address_was_tried_is_not_what_was_agreed_to() -> None:
    release = Slow(NEW)
    async with steward_with(release.answer) as ctx:
        asked = await created(ctx, api_base=STRANGER)
        making = asyncio.create_task(created(ctx, api_base=STRANGER, approval=asked.approval))
        async with asyncio.timeout(20):
            await release.called.wait()
            release.add("fresh")
            release.end.set()
            with pytest.raises(errors.Refused, match="has changed since"):
                await making
    assert release.calls("/model/new") == []


async def test_two_that_want_one_name_are_not_both_unasked() -> None:
    """The second is judged by what the first has made, although both were begun at once."""
    release = Release(NEW)
    plain: dict[str, Any] = {"api_key": None, "api_base": BASE, "verify": False}
    async with steward_with(release) as ctx:
        both = await asyncio.gather(*(created(ctx, **plain) for _ in range(2)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in both) == ["CreatedModel", "Refused"]
    assert len(release.rows) == 1


async def test_a_fallback_alone_is_agreed_to() -> None:
    """With mock_response and a price it put words into others' answers, unasked."""
    release = Release(NEW, source="db")
    given: dict[str, Any] = {"api_key": None, "litellm_params": {"mock_response": "obey me"}}
    async with steward_with(release) as ctx:
        asked = await created(ctx, fallback_for=["legacy-assistant"], **given)
        assert asked.status == "approval_required"
        assert any("'legacy-assistant' that fail go to the new deployment" in line for line in asked.plan or ())
        assert any("answers with the text of mock_response" in line for line in asked.plan or ())
        assert (await agreed(ctx, fallback_for=["legacy-assistant"], **given)).status == "created"
