"""What an agent sees of single requests: no prompts, no answers, no addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from typing import Final, Literal

from litellm_steward.api.decode import message_of
from litellm_steward.api.request_log import RequestRow
from litellm_steward.provider_errors import explain, own_words
from litellm_steward.text import clean, count, is_key_hash, money, named, quote, short_id, table
from litellm_steward.tools.blocks import iso, note_lines, page_of, rounded
from litellm_steward.tools.view import Answer, Id, Name, View

MOST_ERROR: Final = 200
_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,59}")
_STATUS: Final = re.compile(r"\d{3}")
_PATH: Final = re.compile(
    r"(?:[A-Za-z]:)?(?:[/\\][\w.@+-]+){3,}(?:, line \d+)?"
    r"|(?<![\w/])/(?:usr|home|root|app|tmp|var|opt|etc|srv|mnt|Users)/[\w.@+/-]+"
)
_ADDRESS: Final = re.compile(
    r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b"
)


class RequestError(View):
    """What the proxy noted of a failure. ``message`` is somebody's words, bounded; ``summary`` is ours."""

    code: Name | None = None
    kind: Name | None = None
    message: Name | None = None
    summary: str | None = None

    def line(self) -> str:
        parts = [part for part in (self.kind, self.code) if part]
        head = " ".join(map(named, parts)) or "failed"
        said = quote(self.message, MOST_ERROR) if self.message else self.summary
        return f"{head}: {said}" if said else head


class RequestView(View):
    """One request. ``model`` is the public name."""

    time: str | None = None
    request_id: Id
    model: Name
    provider_model: Name | None = None
    user: Id | None = None
    team: Name | None = None
    key: Name | None = None
    customer: Id | None = None
    total_tokens: int
    spend: float
    status: Literal["success", "failure"]
    duration_ms: int | None = None
    error: RequestError | None = None

    def cells(self) -> list[str]:
        time = (self.time or "-").replace("T", " ").rstrip("Z")
        who = ", ".join(named(clean(part, 40)) for part in (self.key, self.user, self.customer) if part)
        duration = f"{self.duration_ms:,} ms" if self.duration_ms is not None else "-"
        state = "ok" if self.status == "success" else "failed"
        spent = money(self.spend)
        return [time, clean(self.model, 40), who or "-", count(self.total_tokens), spent, duration, state]


class Requests(Answer):
    """Rows of the request log. ``total`` is left out where not everything was looked through."""

    start_date: str
    end_date: str
    order: Literal["newest", "dearest"]
    total: int | None = None
    total_is_capped: bool | None = None
    requests: list[RequestView]
    next_cursor: str | None = None
    notes: list[str]

    def text(self) -> str:
        known = self.total is not None
        in_all = f"of {'more than ' if self.total_is_capped else ''}{count(self.total or 0)} " if known else ""
        header = ["time (UTC)", "model", "key, user, customer", "tokens", "spend", "took", "status"]
        errors = [f"{named(row.request_id)}: {row.error.line()}" for row in self.requests if row.error]
        return page_of(
            f"{self.start_date} to {self.end_date} (UTC): {count(len(self.requests))} {in_all}"
            f"request{'' if len(self.requests) == 1 and not in_all else 's'}, {self.order} first",
            table(header, [row.cells() for row in self.requests]) if self.requests else None,
            *errors,
            f"More: cursor={self.next_cursor}" if self.next_cursor else None,
            note_lines(self.notes),
        )


def request_view(row: RequestRow, teams: Mapping[str, str], quotable: Container[str] = ()) -> RequestView:
    """``teams``: names of teams that are known anyway. ``quotable``: deployments whose error texts may be shown."""
    model = row.model_group or row.model or (f"({row.call_type})" if row.call_type else "(no model)")
    provider = row.model if row.model and row.model != model else None
    team = row.metadata.user_api_key_team_alias or teams.get(row.team_id) or row.team_id
    return RequestView(
        time=iso(row.started),
        request_id=row.request_id,
        model=model,
        provider_model=provider,
        user=row.user or None,
        team=team or None,
        key=row.metadata.user_api_key_alias or _key_name(row.api_key),
        customer=row.end_user or None,
        total_tokens=row.total_tokens,
        spend=rounded(row.spend),
        status="failure" if row.failed else "success",
        duration_ms=row.request_duration_ms,
        error=error_view(row, quotable) if row.failed else None,
    )


def error_view(row: RequestRow, quotable: Container[str]) -> RequestError:
    """The text of LiteLLM's own refusals and of providers that may be quoted; of others only the kind of failure.

    LiteLLM quotes whatever a deployment's address answers. Who may add a deployment could lead it to an address inside
    the network, and read here what is there.
    """
    said = row.metadata.error_information
    kind = said.error_class if _CLASS.fullmatch(said.error_class) else None
    if not row.reached_a_provider or row.model_id in quotable:
        text = error_text(said.error_message, provider=row.reached_a_provider)
        return RequestError(code=clean(said.error_code, 40) or None, kind=kind, message=text or None)
    code = said.error_code if _STATUS.fullmatch(said.error_code) else None  # else the provider chose it
    return RequestError(code=code, kind=kind, summary=explain(said.error_message, (), quoting=False))


def error_text(message: str, *, provider: bool = True) -> str:
    """Without keys, tracebacks, file paths and addresses; short."""
    said, _ = message_of(json.dumps({"detail": message[:8_000]}).encode())  # may be the repr of a dict
    words = own_words(said, blobs=not provider)
    return clean(_ADDRESS.sub("[address]", _PATH.sub("[path]", words)), MOST_ERROR)


def _key_name(key_hash: str) -> str | None:
    """A hash by its beginning; anything else was presented as a key, and is not repeated."""
    return f"key {short_id(key_hash)}" if is_key_hash(key_hash) else None
