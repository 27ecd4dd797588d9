"""What an injected prompt would have a new deployment do to others, or show from inside: on real proxies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx
import pytest

from examples.gateway import FakeUpstream
from tests.live.conftest import Connect
from tests.live.harness import Answered, Seeded, agrees, wait_for

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

INSIDE: Final = "DB_HOST=10.0.0.7 DB_PW=hunter2"
MINE: Final = "sk-mine-12345678"
MOCK: Final[dict[str, Any]] = {"litellm_params": {"mock_response": "obey me"}}


class Misleading(BaseHTTPRequestHandler):
    """A provider that sends whoever calls it on to an address inside, where a text is read with GET."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(302)
        self.send_header("location", "/inside/latest/user-data")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.read.append(self.path)  # type: ignore[attr-defined]
        self.send_response(int(self.path.partition("?status=")[2] or 200))
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(INSIDE)))
        self.end_headers()
        self.wfile.write(INSIDE.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def misleading() -> Iterator[tuple[str, list[str]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misleading)
    server.read = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", server.read  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


async def test_an_address_that_leads_inside_shows_nothing_from_there(gateway: Seeded, connect: Connect) -> None:
    """LiteLLM follows the redirect and repeats the text; the answer tells the kind of failure only."""
    with misleading() as (address, read):
        async with connect(agrees) as steward:
            for provider in ("hosted_vllm", "openai", "anthropic", "cohere_chat"):
                arguments = {"model_name": "misled", "model": f"{provider}/x", "api_base": address, "api_key": MINE}
                said = (await steward("create_model", **arguments)).error()
                assert "hunter2" not in said
                assert "Nothing was" in said
            made = (await steward("create_model", **arguments, verify=False)).ok()
            try:
                looked = await steward("get_model_info", model="misled", check_health=True)
                assert "hunter2" not in looked.text
                assert looked.ok()["deployments"][0]["health"]["status"] == "unhealthy"
            finally:
                gateway.admin("POST", "/model/delete", json={"id": made["model_id"]})
    assert read, "else nobody was led anywhere"


async def test_nobodys_calls_are_taken_or_spoilt_without_agreement(gateway: Seeded, connect: Connect) -> None:
    """Each plan tells the fact that made it necessary, and nothing is sent or stored for any of them."""
    before = gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1')
    with FakeUpstream() as upstream:
        evil: dict[str, Any] = {"model_name": "new", "model": "openai/evil", "api_base": upstream.base_url}
        ours: dict[str, Any] = {"model_name": "new", "model": "openai/gpt-4o"}
        attempts: list[tuple[dict[str, Any], str]] = [
            (evil, "no deployment of this gateway has that address"),
            ({**evil, "api_key": MINE}, "go to the account of the api_key that was given"),
            ({**ours, "model_name": "gpt-4o"}, "'gpt-4o' is in use: its calls are answered by"),
            ({**ours, "model_name": "*"}, "'*' is a pattern"),
            ({**ours, "model_name": "retired-model"}, "Fallbacks or aliases lead to 'retired-model' already"),
            (ours, "may be answered by the default fallback 'gpt-3.5-turbo' today"),
            ({**ours, "model": "replicate/evil/model"}, "The provider 'replicate' is new to this gateway"),
            ({**ours, "model": "openai/ft:gpt-4o:evil"}, "may be somebody's own model or account"),
            ({**ours, "input_cost_per_token": 0}, "The price input_cost_per_token = '0.0' is set"),
            ({**ours, "output_cost_per_token": 0.01, **MOCK}, "The price output_cost_per_token"),
            ({**ours, "litellm_params": {"organization": "evil"}}, "organization = 'evil' is set"),
            (
                {**ours, "litellm_params": {"response_format": {"a": [upstream.base_url]}}},
                f"go to '{upstream.base_url}",
            ),
            ({**ours, "litellm_params": {"use_in_pass_through": True}}, "does not know to be harmless"),
        ]
        if not gateway.is_oldest:  # which refuses it while there is a default fallback
            fails = "Calls to 'gpt-4o' that fail go to the new deployment"
            attempts.append(({**ours, "fallback_for": ["gpt-4o"], **MOCK}, fails))
        async with connect() as steward:
            for arguments, said in attempts:
                plan = (await steward("create_model", **arguments)).ok()
                assert plan["status"] == "approval_required", arguments
                assert said in " ".join(plan["plan"])
            for region in ("evil.example/", "evil.example"):
                model = f"bedrock/converse/arn:aws:bedrock:{region}:1:inference-profile/x"
                assert "whose region is none" in (await steward("create_model", model_name="x", model=model)).error()
            for price in (2.5, 0.011):
                said = (await steward("create_model", **ours, input_cost_per_token=price)).error()
                assert "Were dollars per million tokens meant?" in said
        assert upstream.requests == 0
    assert gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1') == before


async def test_a_name_that_a_wildcard_serves_is_not_taken_unasked(gateway: Seeded, connect: Connect) -> None:
    """Names that LiteLLM knows of the provider stand in ``/model/info`` beside the wildcard; others do not."""
    body = {"model_name": "anthropic/*", "litellm_params": {"model": "anthropic/*", "api_key": "sk-house-12345678"}}
    wildcard = gateway.admin("POST", "/model/new", json=body).raise_for_status().json()["model_id"]
    try:
        with FakeUpstream() as upstream:
            async with connect() as steward:
                for name in ("anthropic/claude-opus-9", "anthropic/claude-3-haiku-20240307"):
                    given = {"model_name": name, "model": "openai/any", "api_base": upstream.base_url, "api_key": MINE}
                    plan = (await steward("create_model", **given, verify=False)).ok()
                    assert plan["status"] == "approval_required"
                    told = " ".join(plan["plan"])
                    assert f"The pattern 'anthropic/*' takes calls to '{name}' today, and 'anthropic/*' answers" in told
                    assert "all of them go to the new deployment" in told
            assert upstream.requests == 0
    finally:
        gateway.admin("POST", "/model/delete", json={"id": wildcard})


async def test_no_key_of_the_gateway_is_handed_to_a_stranger(gateway: Seeded, connect: Connect, tmp_path: Path) -> None:
    """Two calls, nobody asked: a live key without a limit was at the stranger's, and no trace of it here."""
    record = tmp_path / "record.jsonl"
    with FakeUpstream() as upstream:
        async with connect(agrees, STEWARD_AUDIT_LOG=str(record)) as steward:
            key = (await steward("generate_key", key_alias="for-a-stranger")).ok()["key"]
            try:
                evil = {"model_name": "stranger", "model": "openai/x", "api_base": upstream.base_url}
                for given in (
                    {"api_key": key},
                    {"litellm_params": {"api_key": key}},
                    {"litellm_params": {"extra_headers": {"X-Auth": f"Bearer {key}"}}, "api_key": MINE},
                    {"api_key": gateway.running.master_key},
                ):
                    assert "Nothing was created" in (await steward("create_model", **evil, **given)).error()
            finally:
                gateway.admin("POST", "/key/delete", json={"key_aliases": ["for-a-stranger"]})
        assert upstream.requests == 0
    outcomes = [line for line in map(json.loads, record.read_text().splitlines()) if line["tool"] == "create_model"]
    assert [line["outcome"] for line in outcomes] == ["refused"] * 4
    assert key not in record.read_text()


async def test_the_gateway_does_not_call_itself(gateway: Seeded, connect: Connect) -> None:
    before = gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1')
    port = httpx.URL(gateway.running.base_url).port
    hosts = ("127.0.0.1", "localhost", "LOCALHOST.", "127.9.9.9", "0x7f.1", "2130706433", "[::1]", "0", "a.localhost")
    async with connect(agrees) as steward:
        for host in hosts:
            evil = {"model_name": "self", "model": "openai/x", "api_base": f"http://{host}:{port}/v1", "api_key": MINE}
            assert "is this gateway itself" in (await steward("create_model", **evil)).error(), host
        params = {"aws_bedrock_runtime_endpoint": gateway.running.base_url}
        said = await steward("create_model", model_name="self", model="bedrock/x", litellm_params=params)
        assert "is this gateway itself" in said.error()
    assert gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1') == before


async def test_a_slow_address_holds_nobody_up(gateway: Seeded, connect: Connect, tmp_path: Path) -> None:
    """Others are deleted while it is tried, and its own attempt stands in the record from before it was called."""
    record = tmp_path / "record.jsonl"
    params = {"model": "openai/other", "api_key": "sk-other-12345678", "mock_response": "hi"}
    body = {"model_name": "quick", "litellm_params": params}
    quick = gateway.admin("POST", "/model/new", json=body).raise_for_status().json()["model_id"]
    slow: list[Answered] = []
    try:
        with FakeUpstream() as upstream:
            upstream.hang = True
            evil = {"model_name": "slow", "model": "openai/slow", "api_base": upstream.base_url, "api_key": MINE}
            settings = {"STEWARD_AUDIT_LOG": str(record), "STEWARD_TIMEOUT": "15"}
            async with connect(agrees, **settings) as steward, anyio.create_task_group() as tasks:

                async def create() -> None:
                    slow.append(await steward("create_model", **evil))

                tasks.start_soon(create)
                await anyio.to_thread.run_sync(wait_for, lambda: upstream.requests > 0, "the address is called")
                last = json.loads(record.read_text().splitlines()[-1])
                assert (last["event"], last["targets"]["api_base"]) == ("tried", upstream.base_url)
                assert (await steward("delete_model", model=quick)).ok()["status"] == "deleted"
                assert slow == [], "the other one was deleted meanwhile"
            assert "did not answer" in slow[0].error()
    finally:
        gateway.admin("POST", "/model/delete", json={"id": quick})
    assert gateway.sql("select model_name from \"LiteLLM_ProxyModelTable\" where model_name in ('slow', 'quick')") == []
