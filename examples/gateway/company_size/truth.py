"""What was spent, by SQL from LiteLLM's tables and never by its proxy: what answers are compared with.

| question | table |
|---|---|
| the company, a user or a key, by user, key, model, provider or day | LiteLLM_DailyUserSpend |
| a team, or anything by team | LiteLLM_DailyTeamSpend, where a user is the present owner of the key |
| a customer, or anything by customer | LiteLLM_DailyEndUserSpend |
| anything by tag | LiteLLM_DailyTagSpend; a call counts once for each of its tags |
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from examples.gateway.gateway import Running

from .fill import filled_company, quoted, sql

Group = Literal["user", "team", "key", "model", "provider", "tag", "customer", "day"]
Kind = Literal["company", "user", "team", "key", "customer", "tag"]

FIGURES: Final = (
    *("spend", "prompt_tokens", "completion_tokens", "total_tokens"),
    *("api_requests", "successful_requests", "failed_requests"),
)
NO_MODEL: Final = "(no model)"
UNKNOWN_MODEL: Final = "(unknown model)"
"""What 1.108 and newer book as `unknown-model`: calls that named a model which the proxy does not know."""

_USER, _TEAM, _CUSTOMER = "LiteLLM_DailyUserSpend", "LiteLLM_DailyTeamSpend", "LiteLLM_DailyEndUserSpend"
_TAG = "LiteLLM_DailyTagSpend"

_SHARED: Final = {
    "key": "u.api_key",
    "model": f"coalesce(nullif(u.model_group, ''), CASE u.model WHEN '' THEN NULL WHEN 'unknown-model' "
    f"THEN '{UNKNOWN_MODEL}' ELSE u.model END, '{NO_MODEL}')",
    "provider": "coalesce(u.custom_llm_provider, '')",
    "day": "u.date",
}
_OWN: Final[dict[str, dict[str, str]]] = {
    _USER: {"user": "coalesce(u.user_id, '')"},
    _TEAM: {"team": "coalesce(u.team_id, '')", "user": "coalesce(owner.user_id, '')"},
    _CUSTOMER: {"customer": "coalesce(u.end_user_id, '')"},
    _TAG: {"tag": "coalesce(u.tag, '')"},
}
_COUNTED: Final = """
    coalesce(sum(u.spend::numeric), 0)::float AS spend,
    coalesce(sum(u.prompt_tokens), 0)::bigint AS prompt_tokens,
    coalesce(sum(u.completion_tokens), 0)::bigint AS completion_tokens,
    coalesce(sum(u.prompt_tokens + u.completion_tokens), 0)::bigint AS total_tokens,
    coalesce(sum(u.api_requests), 0)::bigint AS api_requests,
    coalesce(sum(u.successful_requests), 0)::bigint AS successful_requests,
    coalesce(sum(u.failed_requests), 0)::bigint AS failed_requests"""

_OWNERS: Final = """
    LEFT JOIN (SELECT token, user_id FROM "LiteLLM_VerificationToken"
               UNION ALL SELECT DISTINCT ON (token) token, user_id FROM "LiteLLM_DeletedVerificationToken" AS d
               WHERE NOT EXISTS (SELECT FROM "LiteLLM_VerificationToken" AS v WHERE v.token = d.token)
    ) AS owner ON owner.token = u.api_key"""
"""Whom each key belongs to now, or belonged to last: no table knows who used a team's key on a day."""


class NoTruthError(Exception):
    """No table of LiteLLM's knows this: who used a tag, say."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose use: everybody's, or that of one user, team, key (by its hash), customer or tag."""

    kind: Kind = "company"
    id: str = ""


COMPANY: Final = Scope()


@dataclass(frozen=True, slots=True)
class Row:
    """One group and its figures; `groups` is in the order that was asked for."""

    groups: tuple[str, ...]
    spend: float
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    api_requests: int
    successful_requests: int
    failed_requests: int


def table_of(scope: Scope, by: Sequence[Group]) -> str:
    """The table that is the truth of this question."""
    asked = {scope.kind, *by}
    if "tag" in asked:
        return _TAG
    if "customer" in asked:
        return _CUSTOMER
    return _TEAM if "team" in asked else _USER


def total(running: Running, start: str, end: str, scope: Scope = COMPANY) -> Row:
    """The figures of a scope, first and last day included."""
    return breakdown(running, start, end, (), scope)[0]


def breakdown(running: Running, start: str, end: str, by: Sequence[Group], scope: Scope = COMPANY) -> tuple[Row, ...]:
    """The figures of each group, dearest first; ties by name. A group without a row in the books is not there."""
    table = table_of(scope, by)
    columns = {**_SHARED, **_OWN[table]}
    asked = [*by, *([] if scope.kind == "company" else [scope.kind])]
    unknown = [name for name in asked if name not in columns]
    if unknown:
        raise NoTruthError(f"{table}, which knows {', '.join(asked)}, has no {', '.join(unknown)}.")
    where = [f"{columns['day']} BETWEEN {quoted(start)} AND {quoted(end)}"]
    if scope.kind != "company":
        where.append(f"{columns[scope.kind]} = {quoted(scope.id)}")
    groups = ", ".join(columns[name] for name in by)
    listed = f"jsonb_build_array({groups})"
    rows = sql(
        running,
        f"SELECT to_jsonb(t) FROM (SELECT {listed} AS groups, {_COUNTED} "  # noqa: S608  # our own
        f'FROM "{table}" AS u {_OWNERS if "user" in asked and table == _TEAM else ""} '
        f"WHERE {' AND '.join(where)} {f'GROUP BY {groups}' if by else ''} ORDER BY spend DESC, groups) AS t",
    )
    return tuple(_row(json.loads(row[0])) for row in rows)


def periods(last_day: str) -> dict[str, tuple[str, str]]:
    """The periods of the truth file by name: the last days, and as many before them."""
    last = dt.date.fromisoformat(last_day)

    def days(length: int, before: int = 0) -> tuple[str, str]:
        end = last - dt.timedelta(days=before)
        return (end - dt.timedelta(days=length - 1)).isoformat(), end.isoformat()

    return {
        "1": days(1),
        "7": days(7),
        "7 before": days(7, 7),
        "30": days(30),
        "30 before": days(30, 30),
        "60": days(60),
    }


def write(running: Running, path: Path) -> None:
    """Write the company's totals and breakdowns, and those of the special cases, for each of the periods."""
    company = filled_company(running)
    scopes = {
        "company": COMPANY,
        "huge team": Scope("team", company.huge_team),
        "surging team": Scope("team", company.surging_team),
        "user with 25,000 logs": Scope("user", company.logged_user),
        "user of many keys": Scope("user", company.user_of_many_keys),
        "moved key": Scope("key", company.moved[0].token),
        "deleted key": Scope("key", company.deleted[0].token),
        "customer with commas": Scope("customer", company.customer_with_commas),
    }
    by: tuple[Group, ...] = ("user", "team", "key", "model", "provider", "tag", "customer", "day")
    found: dict[str, Any] = {
        "version": running.version,
        "last_day": company.last_day,
        "figures": FIGURES,
        "periods": {},
    }
    for period, (start, end) in periods(company.last_day).items():
        of_period: dict[str, Any] = {"start": start, "end": end, "scopes": {}}
        found["periods"][period] = of_period
        for name, scope in scopes.items():
            of_scope: dict[str, Any] = {"kind": scope.kind, "id": scope.id}
            of_period["scopes"][name] = of_scope
            of_scope["total"] = _figures(total(running, start, end, scope))
            for group in by:
                try:
                    rows = breakdown(running, start, end, (group,), scope)
                except NoTruthError:
                    continue
                of_scope[f"by {group}"] = [[row.groups[0], *_figures(row)] for row in rows]
    path.write_text(json.dumps(found, ensure_ascii=True), encoding="utf-8")


def _figures(row: Row) -> list[float]:
    return [getattr(row, name) for name in FIGURES]


def _row(found: dict[str, Any]) -> Row:
    return Row(groups=tuple(found["groups"]), **{name: found[name] for name in FIGURES})
