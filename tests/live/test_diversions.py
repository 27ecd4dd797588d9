"""What an injected prompt would have a new deployment do to others, or show from inside: on real proxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import pytest

from examples.gateway import FakeUpstream
from tests.live.conftest import Connect
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

INSIDE: Final = "DB_HOST=10.0.0.7 DB_PW=hunter2"
MINE: Final = "sk-mine-12345678"


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
        async with connect() as steward:
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
    before = gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1')
    with FakeUpstream() as upstream:
        evil: dict[str, Any] = {"model": "openai/evil", "api_key": MINE, "api_base": upstream.base_url}
        attempts: list[tuple[dict[str, Any], str]] = [
            ({**evil, "model_name": "gpt-4o"}, "of the calls to 'gpt-4o', with the prompts in them, go to"),
            ({**evil, "model_name": "*"}, "All calls that match '*'"),
            ({"model_name": "*", "model": "replicate/evil/model", "api_key": MINE}, "All calls that match '*'"),
            ({"model_name": "gpt-4o", "model": "openai/gpt-4o", "api_key": MINE, "verify": False}, "nobody has tested"),
            (
                {"model_name": "gpt-4o", "model": "openai/x", "api_key": MINE, "litellm_params": {"temperature": 99}},
                "answered with its temperature",
            ),
            ({"model_name": "cheap", "model": "openai/o1-pro", "input_cost_per_token": 0}, "count at the price given"),
        ]
        async with connect() as steward:
            for arguments, said in attempts:
                plan = (await steward("create_model", **arguments)).ok()
                assert plan["status"] == "approval_required", arguments
                assert said in " ".join(plan["plan"])
            for region in ("evil.example/", "evil.example"):
                model = f"bedrock/converse/arn:aws:bedrock:{region}:1:inference-profile/x"
                assert "whose region is none" in (await steward("create_model", model_name="x", model=model)).error()
        assert upstream.requests == 0
    assert gateway.sql('select model_id from "LiteLLM_ProxyModelTable" order by 1') == before
