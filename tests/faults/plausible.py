"""A proxy that answers every question with something that a real one once answered to another like it, or nearly."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any, Final

import httpx

from tests.faults.spoiling import CHANGES
from tests.tape import FOLDER, NEW, scenes

_MODELS: Final[dict[str, tuple[str, ...]]] = {
    "/model/info": ("good: info",),
    "/router/settings": ("router settings",),
    "/credentials": ("credentials",),
    "/model/new": ("good: new", "bogus provider: new"),
    "/model/delete": ("good: delete", "delete unknown"),
    "/health/test_connection": ("good: test", "bad key: test"),
    "/chat/completions": ("good: chat", "bad key: chat"),
    "/health": ("good: health", "bad key: health"),
}
"""What was recorded of models, by the names it has there."""

USUALLY: Final = 0.9
"""How often an answer is a good one, where there is one; and how often it is left as it is."""

_ASKED_AS: Final = {"user_ids": "user_id", "key_hash": "token"}
"""Filters that are called otherwise than what they filter."""


@cache
def _recorded() -> dict[str, list[httpx.Response]]:
    answers: dict[str, list[httpx.Response]] = {}
    for file in sorted((FOLDER / NEW).glob("*.json")):
        for scene in scenes(NEW, file.stem):
            for exchange in scene.exchanges:
                if exchange.fault is None:
                    answers.setdefault(exchange.path, []).append(exchange.response())
    models: dict[str, Any] = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))[NEW]
    for path, names in _MODELS.items():
        for found in (models[name] for name in names if name in models):
            answers.setdefault(path, []).append(httpx.Response(found["status"], json=found["body"]))
    made = models["good: info"]["body"]["data"]  # of config.yaml's alone there is none that can be deleted
    listed = models["all"]["body"]
    with_made = {**listed, "data": [*made, *listed["data"]]}
    answers["/v2/model/info"] = [httpx.Response(200, json=with_made)]
    return answers


class Plausible:
    """Chooses by its dice, which a test may change; a route of which nothing is known does not exist."""

    def __init__(self) -> None:
        self.dice = random.Random(0)  # noqa: S311 - chance, not a secret
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.url.path == "/key/info" and "key" not in request.url.params:
            return httpx.Response(404, json={"detail": {"error": "Key not found in database"}})  # the master key
        answers = _recorded().get(request.url.path)
        if not answers:
            return httpx.Response(404, json={"detail": "Not Found"})
        good = [answer for answer in answers if answer.status_code == 200]
        chosen = self.dice.choice(good if good and self.dice.random() < USUALLY else answers)
        content = chosen.content
        if chosen.status_code == 200 and self.dice.random() < USUALLY:
            content = json.dumps(_about(json.loads(content), _asked_for(request))).encode()
        if self.dice.random() > USUALLY:
            change = self.dice.choice(list(CHANGES.values()))
            content = json.dumps(change(json.loads(content))).encode()
        return httpx.Response(chosen.status_code, content=content, headers={"Content-Type": "application/json"})


def _asked_for(request: httpx.Request) -> dict[str, Any]:
    """What the request names: the filters of a read, the fields of a write."""
    body = json.loads(request.content) if request.content else {}
    named = {**dict(request.url.params), **(body if isinstance(body, dict) else {})}
    if "user_ids" in named:
        named["user_ids"] = str(named["user_ids"]).partition(",")[0]
    return {_ASKED_AS.get(name, name): value for name, value in named.items()}


def _about(answer: Any, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The same answer about what was asked for: it, and the first row of a list in it, get the names in the request."""
    if not isinstance(answer, dict):
        return answer
    told = {name: asked.get(name, value) for name, value in answer.items()}
    for name, rows in told.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            told[name] = [_about(rows[0], asked), *rows[1:]]
    return told
