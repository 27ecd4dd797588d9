"""What the tools are asked about at company size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import psycopg

from examples.gateway import Running
from examples.gateway.company_size import Company

Kind = Literal["tool", "prompt"]


@dataclass(frozen=True)
class Subjects:
    """Ids in one filled gateway; the same on every release."""

    user: str
    user_of_forty: str
    dearest_user: str
    user_of_many: str
    team: str
    huge_team: str
    key: str
    key_alias: str
    customer: str
    logged_user: str
    month: str


@dataclass(frozen=True)
class Case:
    """One thing to ask. ``row``: what the README calls it, if it shows it."""

    name: str
    target: str
    arguments: Callable[[Subjects], Mapping[str, object]]
    row: str = ""
    kind: Kind = "tool"


def subjects_of(running: Running, company: Company) -> Subjects:
    """Found by SQL; ids decide between equals, so that every release gets the same."""

    with psycopg.connect(running.dsn, autocommit=True) as connection:

        def one(query: str) -> Any:  # noqa: ANN401 - SQL's
            found = connection.execute(query).fetchone()
            if found is None:
                raise LookupError(query)
            return found

        users = (
            'SELECT user_id FROM "LiteLLM_VerificationToken" JOIN (SELECT user_id, sum(spend) AS spent '
            "FROM \"LiteLLM_DailyUserSpend\" GROUP BY 1) AS booked USING (user_id) WHERE user_id ~ '^u[0-9]+$' "
            "AND spent > 0 GROUP BY user_id"
        )
        key = one(
            'SELECT token, key_alias FROM "LiteLLM_VerificationToken" JOIN (SELECT api_key, sum(spend) AS spent '
            'FROM "LiteLLM_DailyUserSpend" GROUP BY 1) AS booked ON api_key = token WHERE user_id IS NOT NULL '
            "AND team_id IS NOT NULL AND key_alias ~ '^[a-z]+-[0-9]+$' ORDER BY spent DESC, token LIMIT 1"
        )
        return Subjects(
            user=one(f"{users} HAVING count(*) = 9 ORDER BY user_id LIMIT 1")[0],
            user_of_forty=one(f"{users} HAVING count(*) BETWEEN 35 AND 42 ORDER BY count(*) DESC, user_id LIMIT 1")[0],
            dearest_user=one(
                "SELECT user_id FROM \"LiteLLM_DailyUserSpend\" WHERE user_id <> '' GROUP BY 1 "
                "ORDER BY sum(spend) DESC, user_id LIMIT 1"
            )[0],
            user_of_many=company.user_of_many_keys,
            team=one(
                'SELECT team_id FROM "LiteLLM_VerificationToken" JOIN "LiteLLM_TeamTable" USING (team_id) '
                "GROUP BY team_id HAVING count(*) BETWEEN 100 AND 110 ORDER BY team_id LIMIT 1"
            )[0],
            huge_team=company.huge_team,
            key=key[0],
            key_alias=key[1],
            customer=one(
                "SELECT end_user FROM \"LiteLLM_SpendLogs\" WHERE end_user ~ '^customer-' GROUP BY 1 "
                "ORDER BY count(*) DESC, end_user LIMIT 1"
            )[0],
            logged_user=company.logged_user,
            month=company.last_day[:7],
        )


def _spend(*by: str, **more: str) -> Callable[[Subjects], Mapping[str, object]]:
    return lambda _: {"group_by": list(by), **more}


CASES: Final = (
    Case("user", "get_user_info", lambda s: {"user": s.user}, "`get_user_info`, 9 keys"),
    Case("user of forty keys", "get_user_info", lambda s: {"user": s.user_of_forty}, "`get_user_info`, 40 keys"),
    Case("dearest user", "get_user_info", lambda s: {"user": s.dearest_user}),
    Case("user of 138 keys", "get_user_info", lambda s: {"user": s.user_of_many}, "`get_user_info`, 138 keys"),
    Case("customer", "get_user_info", lambda s: {"user": s.customer}),
    Case("team", "get_team_info", lambda s: {"team": s.team}, "`get_team_info`, 100 keys"),
    Case("huge team", "get_team_info", lambda s: {"team": s.huge_team}, "`get_team_info`, 2,900 keys"),
    Case("key", "get_key_info", lambda s: {"key": s.key}, "`get_key_info`"),
    Case("key by alias", "get_key_info", lambda s: {"key": s.key_alias}),
    Case("models", "get_model_info", lambda _: {}, "`get_model_info`"),
    Case("model", "get_model_info", lambda _: {"model": "gpt-4o"}),
    Case("by model", "spend_report", _spend("model"), "`spend_report` by model"),
    Case("by provider", "spend_report", _spend("provider")),
    Case("by day", "spend_report", _spend("day")),
    Case("by user", "spend_report", _spend("user"), "`spend_report` by user"),
    Case("by team", "spend_report", _spend("team"), "`spend_report` by team"),
    Case("by key", "spend_report", _spend("key"), "`spend_report` by key"),
    Case("by tag", "spend_report", _spend("tag")),
    Case("by customer", "spend_report", _spend("customer")),
    Case("by team and model", "spend_report", _spend("team", "model"), "`spend_report` by team and model"),
    Case("by user, compared", "spend_report", _spend("user", compare="previous")),
    Case("by team, compared", "spend_report", _spend("team", compare="previous", period="last_7_days")),
    Case("by key, csv", "spend_report", _spend("key", format="csv"), "`spend_report` by key, CSV of 10,000 rows"),
    Case("team by user", "spend_report", lambda s: {"group_by": ["user"], "team": s.huge_team}),
    Case("budgets", "budget_watch", lambda _: {}, "`budget_watch`"),
    Case("audit", "audit_keys", lambda _: {}, "`audit_keys`"),
    Case("audit of a team", "audit_keys", lambda s: {"team": s.huge_team}),
    Case("requests", "find_requests", lambda s: {"user": s.logged_user}, "`find_requests` of a user"),
    Case("dearest requests", "find_requests", lambda _: {"model": "gpt-4o", "order": "dearest"}),
    Case("review", "monthly_spend_review", lambda s: {"month": s.month}, "`monthly_spend_review`", "prompt"),
    Case(
        "change",
        "explain_spend_change",
        lambda s: {"team_or_user": s.huge_team, "period": "last_7_days"},
        "`explain_spend_change`",
        "prompt",
    ),
)
