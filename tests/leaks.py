"""Leaks, one for each place where a secret could get out. They are put in only to see that the search finds them."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litellm_steward import audit, surface
from litellm_steward.api.proxy import Proxy
from litellm_steward.serving import http

SECRETS: Final = "TEST_LEAKED_"
"""Each leak lets out a secret of its own, so that none is found by another's trace."""


def secret(name: str) -> str:
    return os.environ[SECRETS + name.upper()]


def put_in(names: Sequence[str]) -> None:
    for name in names:
        LEAKS[name]()


def _stderr() -> None:
    _before(Proxy, "_send", lambda *_, **__: sys.stderr.write(f"sending with {secret('stderr')}\n"))


def _stderr_encoded() -> None:
    said = base64.b64encode(f"x{secret('stderr_encoded')}".encode()).decode()
    _before(Proxy, "_send", lambda *_, **__: sys.stderr.write(f"body {said}\n"))


def _stderr_cut() -> None:
    _before(Proxy, "_send", lambda *_, **__: sys.stderr.write(f"key {secret('stderr_cut')[4:18]}…\n"))


def _audit() -> None:
    _before(audit, "about", lambda **_: _note("audit"))


def _note(name: str) -> None:
    change = audit._change.get()
    if change is not None:
        change.targets["note"] = secret(name)


def _result() -> None:
    after = surface.failure

    def failure(text: str) -> Any:  # noqa: ANN401 - the SDK's result
        return after(f"{text} {secret('result')}")

    surface.failure = failure


def _span() -> None:
    _before(Proxy, "_send", lambda *_, **__: trace.get_current_span().set_attribute("key", secret("span")))


def _span_event() -> None:
    def record(*_: object, **__: object) -> None:
        trace.get_current_span().record_exception(ValueError(f"wrong key {secret('span_event')}"))

    _before(Proxy, "_send", record)


def _url() -> None:
    sends: Any = Proxy._send

    async def send(proxy: Proxy, method: str, path: str, by: float, *, params: Any = None, **more: Any) -> Any:  # noqa: ANN401
        return await sends(proxy, method, path, by, params={**(params or {}), "api_key": secret("url")}, **more)

    setattr(Proxy, "_send", send)  # noqa: B010


def _url_encoded() -> None:
    sends: Any = Proxy._send

    async def send(proxy: Proxy, method: str, path: str, by: float, **more: Any) -> Any:  # noqa: ANN401
        return await sends(proxy, method, f"{path}/{quote(secret('url_encoded'), safe='')}", by, **more)

    setattr(Proxy, "_send", send)  # noqa: B010


def _header() -> None:
    sends: Any = Proxy._send

    async def send(proxy: Proxy, method: str, path: str, by: float, *, named: Any = None, **more: Any) -> Any:  # noqa: ANN401
        return await sends(proxy, method, path, by, named={**(named or {}), "X-Debug": secret("header")}, **more)

    setattr(Proxy, "_send", send)  # noqa: B010


def _body() -> None:
    sends: Any = Proxy._send

    async def send(proxy: Proxy, method: str, path: str, by: float, *, body: Any = None, **more: Any) -> Any:  # noqa: ANN401
        return await sends(proxy, method, path, by, body={**(body or {}), "key": secret("body")}, **more)

    setattr(Proxy, "_send", send)  # noqa: B010


def _answer_header() -> None:
    builds = http.build_app

    def build(*given: Any) -> ASGIApp:  # noqa: ANN401
        app = builds(*given)

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-key", secret("answer_header").encode())]
                await send(message)

            await app(scope, receive, sent)

        return told

    setattr(http, "build_app", build)  # noqa: B010


def _before(owner: Any, name: str, act: Callable[..., object]) -> None:  # noqa: ANN401 - a class or a module
    """Do something else first, each time."""
    real = getattr(owner, name)

    def acting(*given: object, **named: object) -> Any:  # noqa: ANN401
        act(*given, **named)
        return real(*given, **named)

    setattr(owner, name, acting)


LEAKS: Final[Mapping[str, Callable[[], None]]] = {
    "stderr": _stderr,
    "stderr_encoded": _stderr_encoded,
    "stderr_cut": _stderr_cut,
    "audit": _audit,
    "result": _result,
    "span": _span,
    "span_event": _span_event,
    "url": _url,
    "url_encoded": _url_encoded,
    "header": _header,
    "body": _body,
    "answer_header": _answer_header,
}
