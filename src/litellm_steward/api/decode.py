"""From an HTTP answer to a value or an error of ours: pure functions, no I/O.

LiteLLM has no single error shape, and its ``type`` field is unreliable (a 404 may say
``auth_error``), so an answer is classified by status and message. The shapes:

- ``{"error": {"message", "type", "param", "code"}}``, where ``message`` may be a Python ``repr``
  of ``{"error": ...}`` or ``{"message": ...}``;
- ``{"detail": text}``, ``{"detail": {"error" | "message": text}}``;
- ``{"detail": [{"loc", "msg", "type"}]}`` from request validation;
- ``{"detail": "Not Found"}`` from the router itself: the route does not exist;
- problem+json, HTML of something in between, or nothing.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar, cast

from pydantic import SecretStr, TypeAdapter, ValidationError

from litellm_steward import errors, text

T = TypeVar("T")

LARGE = 1 << 20
"""Bytes from which on an answer is read without what nobody asks for."""

LONGEST_ERROR = 256 * 1024
"""Bytes of an error that are read. The longest that LiteLLM has repeats our own request."""

Unread = Mapping[str, str]
"""Fields of an answer that nobody reads, each with a field that always stands beside it."""

_BULK: Unread = {"api_key_breakdown": "metrics"}
"""Rollups repeat the keys below every model, provider and team of a day: nine tenths of an answer of 1.83."""

_MAX_REPR = 4_000
_ENTERPRISE = re.compile(
    r"(?i)enterprise (?:feature|licen[sc]e|users|customers)|premium (?:feature|user|licen[sc]e)|"
    r"litellm enterprise|an enterprise"
)
_NO_DATABASE = re.compile(
    r"(?i)(?:db|database|prisma client) (?:is )?not (?:connected|initialized)|not connected to (?:db|database)|"
    r"no (?:db|connected db|database)(?: connect| is connected|\.|$)|"
    r"connect proxy to database|prisma_client is none"
)
_LOST_DATABASE = re.compile(
    r"(?i)can't reach database|all connection attempts failed|error in external connector|"
    r"not currently accepting connections|the database system is (?:starting up|shutting down|in recovery)|"
    r"terminating connection due to|server has closed the connection|fetching a new connection from the connection pool"
)
"""It has one, and cannot reach it now: a change may have been under way. Some routes blame the arguments."""

_ROLE = re.compile(
    r"(?i)only proxy admin|not allowed to access this route|not allowed to call this route|"
    r"user not allowed|role ?=|management routes are disabled|admin-only|not authorized"
)
_EXISTS = re.compile(r"(?i)already exists|already in use|already in team|unique key aliases")
_NOT_FOUND = re.compile(r"(?i)not found|doesn'?t exist|does not exist|no such|invalid key format")
_ARGUMENT = re.compile(r"(?i)invalid duration|invalid budget|unable to parse duration|store_model_in_db")


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    body: bytes
    retry_after: float | None = None
    asked_with: SecretStr | None = None
    """The key that was sent: an error may quote it."""


def decode(
    answer: Answer, expect: TypeAdapter[T], route: str, secrets: Iterable[str] = (), unread: Unread | None = None
) -> T:
    """The value of a successful answer; the fitting ``ProxyError`` of any other.

    ``unread``: what need not be kept of a large answer.
    """
    if 300 <= answer.status < 400:
        raise errors.ProxyBroken(
            f"{route} was answered with a redirect (HTTP {answer.status})",
            status=answer.status,
            hint="LITELLM_BASE_URL should be the proxy's own address, without a path that redirects.",
        )
    if answer.status >= 400:
        raise error_of(answer, route, secrets)
    try:
        return _value(answer.body, expect, {**_BULK, **(unread or {})})
    except ValidationError as error:
        raise errors.ProxyBroken(_unexpected(answer.body, route, error), status=answer.status) from None


def _value(body: bytes, expect: TypeAdapter[T], unread: Unread) -> T:
    """The value of a body; of a large one the bulk is dropped while it is read, so that it never is in memory whole."""
    if len(body) >= LARGE and any(name.encode() in body for name in unread):

        def dropping(found: dict[str, object]) -> dict[str, object]:
            for name in found.keys() & unread.keys():
                # Where a model is called like a field, what is beside it are models too, and they have metrics.
                beside = found.get(unread[name])
                if isinstance(beside, dict) and "metrics" not in beside:
                    del found[name]
            return found

        with suppress(ValueError, RecursionError):  # said better below
            return expect.validate_python(json.loads(body.decode(), object_hook=dropping))
    return expect.validate_json(body)


def error_of(answer: Answer, route: str, secrets: Iterable[str] = ()) -> errors.ProxyError:  # noqa: PLR0911
    """Classify an error answer. One table, read from the top; the first row that fits wins."""
    said, kind = message_of(answer.body[:LONGEST_ERROR])
    said = re.split(r"(?i)stack trace:|traceback \(most recent", said[: text.MAX_SCRUBBED])[0]
    detail = text.clean(text.scrub(said, secrets), text.MAX_DETAIL)
    status = answer.status
    quoted = f": {text.quote(detail, text.MAX_DETAIL)}" if detail else ""

    if status == 404 and said == "Not Found":
        return errors.RouteMissing(f"This LiteLLM version has no {route}", status=status, detail=detail)
    if status == 429:
        message = f"The proxy limits our requests (HTTP 429){quoted}"
        wait = None if answer.retry_after is None else f"It asks us to wait {answer.retry_after:.0f} s."
        return errors.RateLimited(message, status=status, detail=detail, retry_after=answer.retry_after, hint=wait)
    lost = _LOST_DATABASE.search(said) is not None or (kind == "no_db_connection" and status == 503)
    if lost or _NO_DATABASE.search(said) or kind == "no_db_connection":
        message = f"The proxy has no database connection{quoted}"
        return errors.NoDatabase(message, status=status, detail=detail, hint=_DATABASE_HINT, lost=lost)
    if status in {400, 401, 403, 500} and _ENTERPRISE.search(said):
        message = f"The proxy wants a LiteLLM Enterprise licence for this{quoted}"
        return errors.EnterpriseOnly(message, status=status, detail=detail)
    if status == 403 or (status == 401 and _ROLE.search(said)):
        message = f"Our admin key may not do this (HTTP {status}){quoted}"
        return errors.RoleRefused(message, status=status, detail=detail, hint=_ROLE_HINT)
    if status == 401 or kind == "expired_key":  # an expired key is a 400 up to 1.83
        message = f"The proxy refused our admin key (HTTP {status}){quoted}"
        return errors.KeyRefused(message, status=status, detail=detail, hint=_KEY_HINT)
    if status == 409 or (status in {400, 500} and _EXISTS.search(said)):
        return errors.Conflict(f"It exists already{quoted}", status=status, detail=detail)
    if status == 404 or (status == 400 and _NOT_FOUND.search(said)):
        return errors.Missing(f"The proxy does not know it{quoted}", status=status, detail=detail)
    if status < 500 or (status == 500 and _ARGUMENT.search(said)):
        message = f"The proxy rejected the request (HTTP {status}){quoted}"
        return errors.BadRequest(message, status=status, detail=detail, hint=_no_reason(detail))
    message = f"The proxy failed on {route} (HTTP {status}){quoted}"
    return errors.ProxyBroken(message, status=status, detail=detail, hint=_no_reason(detail))


def _no_reason(detail: str) -> str | None:
    silent = detail.lower().rstrip(".") in {"", "internal server error"}
    return "It does not say why; its log may." if silent else None


_DATABASE_HINT = "Keys, users, teams and spend need PostgreSQL: check the proxy's DATABASE_URL and its database."
_ROLE_HINT = "LITELLM_MASTER_KEY should be the proxy's master key, or an unrestricted key of a proxy_admin user."
_KEY_HINT = "Correct LITELLM_MASTER_KEY (or its file), then run `litellm-steward check`."


def message_of(body: bytes) -> tuple[str, str]:
    """The human part of an error body, and its ``type`` (for what that is worth)."""
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        return _plain(body), ""
    if not isinstance(parsed, dict):
        return (parsed if isinstance(parsed, str) else ""), ""
    data = cast("dict[str, object]", parsed)
    error = data.get("error")
    kind = str(_field(error, "type") or "")
    for part in (error, data.get("detail"), data.get("message"), data.get("title")):
        found = _sentence(part)
        if found:
            return found, kind
    return "", kind


def _sentence(part: object) -> str:
    if isinstance(part, str):
        return _unwrap_repr(part)
    if isinstance(part, list):
        entries = cast("list[object]", part)[:5]
        return "; ".join(filter(None, (_validation(entry) for entry in entries)))
    for name in ("message", "error", "detail"):
        inner = _field(part, name)
        if inner:
            return _sentence(inner)
    return ""


def _validation(entry: object) -> str:
    """One entry of a 422: ``budget_duration: Input should be a valid string``."""
    location, message = _field(entry, "loc"), _field(entry, "msg")
    if not isinstance(message, str):
        return ""
    path = cast("list[object]", location) if isinstance(location, list) else []
    names = ".".join(str(name) for name in path if name != "body")
    return f"{names}: {message}" if names else message


def _unwrap_repr(message: str) -> str:
    """``{'error': 'Team not found'}`` as text: a dict's repr, read as data and never evaluated."""
    start = message.find("{")
    if start < 0 or not message.rstrip().endswith("}") or len(message) > _MAX_REPR:
        return message
    try:
        value: object = ast.literal_eval(message[start:].strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return message
    return (_sentence(cast("object", value)) or message) if isinstance(value, dict) else message


def _field(part: object, name: str) -> object:
    return cast("dict[str, object]", part).get(name) if isinstance(part, dict) else None


def _plain(body: bytes) -> str:
    """Text of a body that is no JSON: an HTML page is reduced to its words."""
    raw = body[:4_000].decode("utf-8", "replace")
    return re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", raw).strip()


def _unexpected(body: bytes, route: str, error: ValidationError) -> str:
    """Say what is wrong with a 200, by place and kind, never by value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        sort = "an HTML page" if body.lstrip()[:1] == b"<" else "nothing" if not body.strip() else "broken JSON"
        return f"{route} was answered with {sort} instead of JSON; is LITELLM_BASE_URL really a LiteLLM proxy?"
    place = text.clean(".".join(str(part) for part in first["loc"])) or "the top level"
    return f"{route} was answered in a form the steward does not know ({first['type']} at {text.quote(place)})"
