"""Recorded exchanges with real LiteLLM proxies: how they are kept, and how a test plays them.

A file ``recordings/<version>/<file>.json`` holds named scenes; a scene is what one proxy was asked, in
order, and what it answered. ``record.py`` writes them, nobody edits them. Ids and keys are replaced
by fixed inventions (``scrubbing.py``); everything else is verbatim.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import httpx

FOLDER: Final = Path(__file__).parent / "recordings"
MASTER_KEY: Final = "sk-example-master-key"
BASE_URL: Final = "http://litellm.test:4000"

OLD, NEW = "1.83.14", "1.110.2"
VERSIONS: Final = (OLD, NEW)
"""The releases that were recorded."""

Fault = Literal["answer lost", "never arrived"]
"""What the recorder did to a write: sent it and dropped the answer, or dropped the request itself."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. ``key`` says who asked: ``admin``, ``nobody``, or an invented raw key."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    key: str = "admin"
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    text: str | None = None
    """The answer where it was no JSON."""

    fault: Fault | None = None

    @property
    def question(self) -> str:
        """What has to be the same for this answer to be the one to play."""
        return json.dumps([self.method, self.path, dict(self.params), self.body, self.key], sort_keys=True)

    @property
    def content(self) -> bytes:
        return (self.text if self.text is not None else json.dumps(self.answer)).encode()

    def response(self) -> httpx.Response:
        return httpx.Response(self.status, headers=dict(self.headers), content=self.content)

    def dump(self) -> dict[str, Any]:
        """As it stands in a file: what says nothing is left out."""
        kept = {name: value for name, value in vars(self).items() if value not in (None, {}, "admin")}
        if self.text is None and self.fault is None:
            kept["answer"] = self.answer
        return kept


@dataclass(frozen=True)
class Scene:
    """What one proxy was asked for one purpose, and when."""

    version: str
    name: str
    recorded_at: datetime
    exchanges: tuple[Exchange, ...]

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        """The tool call of a scene that is named after one: ``get_key_info(key='cs-bot')``."""
        tool, _, given = self.name.removesuffix(", answer lost").removesuffix(", never arrived").partition("(")
        parsed = ast.parse(f"f({given}", mode="eval").body
        assert isinstance(parsed, ast.Call)
        return tool, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in parsed.keywords}

    @property
    def only(self) -> Exchange:
        """The exchange of a scene that has but one."""
        (exchange,) = self.exchanges
        return exchange


@cache
def _file(version: str, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / version / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def scene(version: str, file: str, name: str) -> Scene:
    """One scene of one proxy."""
    stored = _file(version, file)
    exchanges = tuple(Exchange(**exchange) for exchange in stored["scenes"][name])
    return Scene(version, name, datetime.fromisoformat(stored["recorded_at"]), exchanges)


def scenes(version: str, file: str) -> list[Scene]:
    """Every scene of a file."""
    return [scene(version, file, name) for name in _file(version, file)["scenes"]]


class Player:
    """Plays scenes to whoever asks, through respx; a question that was not recorded fails the test.

    Equal questions are answered in the order in which they were recorded, and the last answer of a read
    is good for ever; a write is answered as often as it was recorded.
    """

    def __init__(self, *played: Scene) -> None:
        self._answers: dict[str, list[Exchange]] = {}
        for exchange in (exchange for scene in played for exchange in scene.exchanges):
            self._answers.setdefault(exchange.question, []).append(exchange)
        self.asked: list[Exchange] = []
        self._allowed: dict[str, object] = {}
        self._unknown: httpx.Response | None = None
        self.dies_after: str | None = None
        """A path: once a write to it is answered, no connection can be made any more."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        question = asked(request)
        no_secret_leaks(request, question)
        if self.dies_after is not None and self.sent(self.dies_after):
            raise httpx.ConnectError("Connection refused", request=request)
        self.asked.append(question)
        if question.path in self._allowed:
            return httpx.Response(200, json=self._allowed[question.path])
        answers = self._answers.get(question.question)
        if not answers and self._unknown is not None:
            return self._unknown
        if not answers:
            raise AssertionError(f"not recorded: {question.question}")  # pragma: no cover
        keep = len(answers) == 1 and question.method == "GET"
        found = answers[0] if keep else answers.pop(0)
        if found.fault is not None:
            raise httpx.ReadError("connection reset", request=request)
        return found.response()

    def allow(self, path: str, answer: object) -> None:
        """Answer any question at a path, recorded or not."""
        self._allowed[path] = answer

    def refuse_unknown(self, status: int) -> None:
        """Answer what was not recorded with an error instead of failing the test."""
        self._unknown = httpx.Response(status, json={})

    def unsent(self) -> list[str]:
        """Writes that were recorded and did not come: a sign of a recording that is out of date."""
        return [question for question, left in self._answers.items() if left and left[0].method != "GET"]

    def sent(self, path: str, method: str = "POST") -> list[Any]:
        """The bodies that were sent to a path."""
        return [exchange.body for exchange in self.asked if (exchange.method, exchange.path) == (method, path)]


def asked(request: httpx.Request) -> Exchange:
    """A request as it would stand in a recording."""
    sent = request.headers.get("authorization", "")
    key = {"": "nobody", f"Bearer {MASTER_KEY}": "admin"}.get(sent, sent.removeprefix("Bearer "))
    content = request.content
    return Exchange(
        method=request.method,
        path=request.url.path,
        params=dict(request.url.params),
        body=json.loads(content) if content else None,
        key=key,
    )


def no_secret_leaks(request: httpx.Request, question: Exchange) -> None:
    """Of every request of every test: no key in an address, the admin key in its header and nowhere else."""
    assert "sk-" not in str(request.url).replace("sk-...", ""), "a key stands in an address"
    assert MASTER_KEY not in json.dumps(question.body), "the admin key stands in a body"
    carriers = [name for name, value in request.headers.items() if MASTER_KEY in value]
    assert carriers == (["authorization"] if question.key == "admin" else []), "the admin key stands elsewhere"
