"""A tiny HTTP client for the proxy, for what runs before anything is installed."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


class NotJsonError(Exception):
    """The answer was no JSON object."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """The message of an error in any of LiteLLM's shapes, else nothing."""
        found = self.body.get("error", self.body.get("detail", ""))
        return str(found.get("message", found)) if isinstance(found, dict) else str(found)


class RefusedError(Exception):
    """The proxy answered a request that had to work with an error."""


def request(
    base_url: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    timeout: float = 60,
) -> Answer:
    """One request on a connection of its own. An answer that is a list or a string is put under `data`."""
    where = urllib.parse.urlsplit(base_url)
    connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=timeout)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        raw = response.read()
    except http.client.HTTPException as broken:
        raise ConnectionError(str(broken)) from broken
    finally:
        connection.close()
    try:
        parsed = json.loads(raw) if raw else {}
    except ValueError as broken:
        if response.status < 500:
            raise NotJsonError(f"{method} {path} answered {response.status} without JSON") from broken
        parsed = {"error": raw.decode(errors="replace")[:500]}
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, parsed if isinstance(parsed, dict) else {"data": parsed}, found)


@dataclass(frozen=True, slots=True)
class Admin:
    """The proxy's administrator."""

    base_url: str
    key: str

    def get(self, path: str, **parameters: str | float) -> dict[str, Any]:
        """GET that must succeed."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return self._must("GET", path + query, None)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """POST that must succeed."""
        return self._must("POST", path, body)

    def _must(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        answer = request(self.base_url, method, path, body, key=self.key)
        if not answer.ok:
            raise RefusedError(f"{method} {path} answered {answer.status}: {answer.error[:500]}")
        return answer.body


PROMPT: Final = "hello" + " hello" * 171
"""180 tokens with the words that frame a message.

Releases differ in what a mocked call counts: a constant, which the gateway sets to this length, or the prompt's true
length (the newest, for callers who have a budget or a limit).
"""


def chat(base_url: str, key: str, model: str, **extra: object) -> Answer:
    """One chat call, without retries or fallbacks, so that what is asked is what is booked."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        "num_retries": 0,
        "disable_fallbacks": True,
        **extra,
    }
    return request(base_url, "POST", "/chat/completions", body, key=key)
