"""A loopback provider that speaks OpenAI's language, for models whose calls should really leave the proxy."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from .settings import HOST, UPSTREAM_API_KEY

ANSWER: Final = "Hello from upstream"
PROMPT_TOKENS: Final = 12
COMPLETION_TOKENS: Final = 4
USAGE: Final = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeUpstream:
    """A provider for the length of a `with` block.

    It accepts one key and quotes a wrong one back in its error, as OpenAI does. Set `status` to make every request
    fail, or `hang` to make none answer.
    """

    def __init__(self, api_key: str = UPSTREAM_API_KEY) -> None:
        self.api_key = api_key
        self.status = 200
        self.hang = False
        self.received: list[Received] = []
        self._leaving = threading.Event()
        self._server = _Server((HOST, 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def base_url(self) -> str:
        """What a deployment's `api_base` should be."""
        return f"http://{HOST}:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> int:
        """How many requests arrived."""
        return len(self.received)

    @property
    def headers(self) -> list[dict[str, str]]:
        """The headers of each request, names in lower case."""
        return [request.headers for request in self.received]

    def wait_out(self) -> None:
        """Block a hanging request until the block ends."""
        self._leaving.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    upstream: FakeUpstream


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._handle({})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._handle(json.loads(raw) if raw else {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing on standard error."""

    def _handle(self, body: dict[str, Any]) -> None:
        upstream = self.server.upstream
        headers = {name.lower(): value for name, value in self.headers.items()}
        upstream.received.append(Received(self.path, headers, body))
        if upstream.hang:
            upstream.wait_out()
            self.close_connection = True
            return
        given = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("api-key", "")
        if given != upstream.api_key:
            message = f"Incorrect API key provided: {given}. You can find your API key at https://example.com/account/api-keys."
            self._refuse(401, message, "invalid_request_error", "invalid_api_key")
        elif upstream.status != 200:
            self._refuse(
                upstream.status, "The server had an error while processing your request.", "server_error", None
            )
        else:
            self._answer(self.path.partition("?")[0], body)

    def _answer(self, path: str, body: dict[str, Any]) -> None:
        model = str(body.get("model", "gpt-4o"))
        if path.endswith("/models"):
            self._send(200, {"object": "list", "data": [{"id": model, "object": "model", "owned_by": "example"}]})
        elif path.endswith("/embeddings"):
            self._send(200, _embeddings(model, body.get("input", "")))
        elif path.endswith("/chat/completions") and body.get("stream"):
            self._stream(model)
        elif path.endswith("/chat/completions"):
            self._send(200, _completion(model))
        else:
            self._refuse(404, f"Unknown request URL: {path}", "invalid_request_error", "unknown_url")

    def _stream(self, model: str) -> None:
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": f"{word} "} for word in ANSWER.split()]
        chunks = [_chunk(model, [{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
        chunks.append(_chunk(model, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        chunks.append({**_chunk(model, []), "usage": USAGE})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _refuse(self, status: int, message: str, kind: str, code: str | None) -> None:
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {
        "id": "chatcmpl-example",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": choices,
        "usage": USAGE,
    }


def _chunk(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-example",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": choices,
    }


def _embeddings(model: str, asked: object) -> dict[str, Any]:
    count = len(asked) if isinstance(asked, list) else 1
    vectors = [{"object": "embedding", "index": index, "embedding": [0.1, 0.2, 0.3]} for index in range(count)]
    usage = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
    return {"object": "list", "model": model, "data": vectors, "usage": usage}
