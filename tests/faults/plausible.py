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
    "/model/info": ("all",),
    "/router/settings": ("router settings",),
    "/get/config/callbacks": ("config callbacks",),
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
    return answers


class Plausible:
    """Chooses by a seed; a route of which nothing is known does not exist."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.url.path == "/key/info" and "key" not in request.url.params:
            return httpx.Response(404, json={"detail": {"error": "Key not found in database"}})  # the master key
        answers = _recorded().get(request.url.path)
        if not answers:
            return httpx.Response(404, json={"detail": "Not Found"})
        good = [answer for answer in answers if answer.status_code == 200]
        chosen = self._dice.choice(good if good and self._dice.random() < USUALLY else answers)
        content = chosen.content
        if self._dice.random() > USUALLY:
            change = self._dice.choice(list(CHANGES.values()))
            content = json.dumps(change(json.loads(content))).encode()
        return httpx.Response(chosen.status_code, content=content, headers={"Content-Type": "application/json"})
