"""Record what real LiteLLM proxies answer, for the unit tests: ``uv run python -m tests.record``.

Boots and seeds a gateway of each release, one after the other, makes the calls of
``recorded_calls.py`` and ``recorded_tools.py``, and writes ``tests/recordings/``; long rollups and log rows lose
what the steward never reads. With ``--keep`` it uses the gateways of an earlier run; a release's number records that
release only, and ``--port`` moves the gateways to other ports.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from examples.gateway import SUPPORTED, Gateway, Ledger, Progress, Running, seed
from tests.recorded_calls import Call, fixed_calls, without_database
from tests.recorded_tools import ToolCall, tool_calls
from tests.scrubbing import Scrubber, keys_told
from tests.stage import call, scene_name, steward_at
from tests.stillness import chosen_id, still
from tests.tape import FOLDER, MASTER_KEY, Exchange, Fault, asked

FIRST_PORT: Final = 4450
KEPT_HEADERS: Final = ("content-type", "location", "retry-after")
LINE: Final = 160
NEVER_READ: Final = ("api_key_breakdown", "mcp_servers", "endpoints")
NEVER_READ_AT_ZERO: Final = ("_spend", "_ms", "_cost", "_hours", "_input_tokens", "_saved_tokens")
Scenes = dict[str, list[Exchange]]


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on and keeps what was said; may lose a write, or its answer, on the way.

    The gateway's own master key is put in the place of the invented one on the way in, and back on the way out.
    """

    def __init__(self, master_key: str) -> None:
        self._real = master_key
        # after an unhandled error LiteLLM drops the connection, so none is used twice
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
        self.heard: list[Exchange] = []
        self.fault: Fault | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        question = asked(request)
        fault = self.fault if request.method == "POST" else None
        if fault == "never arrived":
            self.heard.append(replace(question, fault=fault))
            raise httpx.ReadError("connection reset")
        if question.key == "admin":
            request.headers["authorization"] = f"Bearer {self._real}"
        response = await self._inner.handle_async_request(request)
        content = await response.aread()
        for real, invented in zip(_forms(self._real), _forms(MASTER_KEY), strict=True):
            content = content.replace(real, invented)
        answer = _answer(question, response.status_code, response.headers, content)
        if fault == "answer lost":
            self.heard.append(replace(question, fault=fault))
            raise httpx.ReadError("connection reset")
        self.heard.append(answer)
        return httpx.Response(response.status_code, headers=answer.headers, content=content, request=request)

    def take(self) -> list[Exchange]:
        heard, self.heard, self.fault = self.heard, [], None
        return heard


def _forms(key: str) -> tuple[bytes, ...]:
    """A key, its hash and its mask, as they may stand in an answer."""
    return key.encode(), hashlib.sha256(key.encode()).hexdigest().encode(), f"sk-...{key[-4:]}".encode()


def _answer(question: Exchange, status: int, headers: Mapping[str, str], content: bytes) -> Exchange:
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    try:
        body: Any = json.loads(content)
    except ValueError:
        return replace(question, status=status, headers=kept, text=content.decode("utf-8", "replace"))
    if question.path == "/openapi.json":
        body = {name: body[name] for name in ("openapi", "info") if name in body}
        body.get("info", {}).pop("description", None)
    if "/daily/activity" in question.path:
        body = _shortened(body)
    if question.path == "/v2/model/info":
        body = _without_abilities(body)
    if question.path.startswith("/spend/logs/") and isinstance(body, dict) and "data" in body:
        body["data"] = [_plain_fields(row) for row in body["data"]]
    return replace(question, status=status, headers=kept, answer=body)


def _shortened(part: Any) -> Any:  # noqa: ANN401 - JSON
    """A rollup without what makes it long and is never read."""
    if isinstance(part, list):
        return [_shortened(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _shortened(value)
        for name, value in part.items()
        if name not in NEVER_READ and not (value == 0 and name.endswith(NEVER_READ_AT_ZERO))
    }


def _without_abilities(part: Any) -> Any:  # noqa: ANN401 - JSON
    """A list of models without what is null, and without the dozens of things that a model can or cannot do."""
    if isinstance(part, list):
        return [_without_abilities(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {name: value for name, value in part.items() if value is not None and not name.startswith("supp")}
    return {name: _without_abilities(value) for name, value in kept.items()}


def _plain_fields(row: dict[str, Any]) -> dict[str, Any]:
    """A log row without prompts, answers, addresses and tracebacks."""
    return {name: value for name, value in row.items() if not isinstance(value, dict | list) and "ip" not in name}


class Session:
    """One gateway being recorded."""

    def __init__(self, running: Running, ledger: Ledger | None) -> None:
        self.base_url = running.base_url
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._ledger = ledger
        self._recorder = Recorder(running.master_key)
        self._client = httpx.AsyncClient(base_url=self.base_url, transport=self._recorder, timeout=60)
        self.files: dict[str, Scenes] = {}

    async def record(self) -> None:
        if self._ledger is None:
            await self._fixed("no_database", without_database())
            return
        await self._sweep()
        for tool_call in tool_calls(self._ledger):
            await self._tool(tool_call)
        for file, calls in fixed_calls(self._ledger, self.now.date()).items():
            await self._fixed(file, calls)
        await self._sweep()

    async def _fixed(self, file: str, calls: list[Call]) -> None:
        for made in calls:
            await self._make(made)
            self._keep(file, made.name)

    async def _tool(self, made: ToolCall) -> None:
        await self._sweep()
        for step in made.prepare:
            await self._make(step)
        self._recorder.take()
        steward = steward_at(self.base_url, self._recorder)
        with still(self.now):
            self._recorder.fault = None if made.approve else made.fault
            result = await call(steward, made.tool, **made.arguments)
            if made.approve:
                assert result.structured_content is not None, result
                self._recorder.fault = made.fault
                result = await call(
                    steward, made.tool, **made.arguments, approval=result.structured_content["approval"]
                )
        sys.stdout.write(f"  {scene_name(made.tool, made.arguments, made.fault)[:100]}: {result.content[0]}\n"[:400])
        self._keep(made.tool, scene_name(made.tool, self._plain(made.arguments), made.fault))

    def _plain(self, arguments: dict[str, Any]) -> dict[str, Any]:
        scrubbed: dict[str, Any] = scrubber_of(self._ledger).scrub(arguments)
        return scrubbed

    def _keep(self, file: str, name: str) -> None:
        scenes = self.files.setdefault(file, {})
        assert name not in scenes, f"two scenes are called {name}"
        scenes[name] = self._recorder.take()

    async def _make(self, made: Call) -> httpx.Response:
        key = MASTER_KEY if made.key == "admin" else made.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        params = {name: str(value).lower() if isinstance(value, bool) else value for name, value in made.params.items()}
        return await self._client.request(
            made.method, made.path, params=params or None, json=made.body, headers=headers
        )

    async def _sweep(self) -> None:
        """Remove whatever a recording makes, one by one: releases differ in what they do to a list."""
        found = await self._make(Call("", "GET", "/key/list", {"size": 100, "return_full_object": True}))
        for key in found.json()["keys"]:
            if (key["key_alias"] or "").endswith("c0ffee") or (key["key_alias"] or "").startswith("rec-"):
                await self._make(Call("", "POST", "/key/delete", body={"keys": [key["token"]]}))
        users = ["rec-user", "rec-user-2", "rec-user-3", "rec-dana", "rec-lost", "rec-unsent"]
        ids = [chosen_id(number) for number in range(1, 4)]
        for user_id in [*users, *ids]:
            await self._make(Call("", "POST", "/user/delete", body={"user_ids": [user_id]}))
        for team_id in ["rec-team", *ids]:
            await self._make(Call("", "POST", "/team/delete", body={"team_ids": [team_id]}))
        for customer in ("rec-client", "rec-client-lost", "rec-customer", "rec-x"):
            await self._make(Call("", "POST", "/customer/delete", body={"user_ids": [customer]}))
        self._recorder.take()

    def scrubbed(self) -> dict[str, Any]:
        """Every file, ready to be written."""
        scrubber = scrubber_of(self._ledger)
        for scenes in self.files.values():
            for exchange in (exchange for scene in scenes.values() for exchange in scene):
                for name, raw in keys_told("unnamed", exchange.answer).items():
                    scrubber.learn(name, raw)
        return {
            file: {
                "recorded_at": self.now.isoformat(),
                "scenes": {name: scrubber.scrub([e.dump() for e in exchanges]) for name, exchanges in scenes.items()},
            }
            for file, scenes in self.files.items()
        }


def scrubber_of(ledger: Ledger | None) -> Scrubber:
    if ledger is None:
        return Scrubber({}, ())
    return Scrubber({name: key.raw for name, key in ledger.keys.items()}, ledger.teams.values())


def readable(content: object, depth: int = 0) -> str:
    """JSON in which what fits on a line stands on one."""
    flat = json.dumps(content)
    if len(flat) <= LINE or not content or not isinstance(content, dict | list):
        return flat
    indent = " " * (depth + 1)
    if isinstance(content, dict):
        parts = [f"{json.dumps(name)}: {readable(value, depth + 1)}" for name, value in content.items()]
        opened, closed = "{", "}"
    else:
        parts = [readable(value, depth + 1) for value in content]
        opened, closed = "[", "]"
    inside = f",\n{indent}".join(parts)
    return f"{opened}\n{indent}{inside}\n{' ' * depth}{closed}"


def record(version: str, port: int, *, keep: bool) -> None:
    """One release: with its database, then without."""
    progress = Progress()
    gateway = Gateway(version, port)
    ledger_file = gateway.run.ledger
    running = gateway.up(fresh=not keep, progress=progress)
    ledger = Ledger.load(ledger_file) if keep and ledger_file.exists() else seed(running, progress)
    bare_gateway = Gateway(version, port + len(SUPPORTED))
    try:
        files: dict[str, Any] = {}
        for recorded, known in ((running, ledger), (bare_gateway.up(database=False, progress=progress), None)):
            session = Session(recorded, known)
            asyncio.run(session.record())
            files |= session.scrubbed()
    finally:
        bare_gateway.down()
        if not keep:
            gateway.down()
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(f"{readable(content)}\n", encoding="utf-8")


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", choices=SUPPORTED, default=SUPPORTED)
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="of the first gateway")
    parser.add_argument("--keep", action="store_true", help="use gateways that run already, and let them run")
    chosen = parser.parse_args()
    for version in chosen.versions:
        record(version, chosen.port + SUPPORTED.index(version), keep=chosen.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
