"""Which of LiteLLM's tables get what. A release has the columns it has: those it lacks are left out."""

from dataclasses import dataclass
from typing import Final

ROLLUP_FIGURES: Final = {
    "model": "model",
    "model_group": "max(model_group)",
    "custom_llm_provider": "provider",
    "mcp_namespaced_tool_name": "''",
    "endpoint": "endpoint",
    "prompt_tokens": "sum(prompt)",
    "completion_tokens": "sum(completion)",
    "cache_read_input_tokens": "sum(cached)",
    "spend": "sum(spend)::float",
    "api_requests": "sum(requests)",
    "successful_requests": "sum(successes)",
    "failed_requests": "sum(failures)",
    "total_response_time_ms": "sum(successes) * 1200",
    "timed_requests": "sum(successes)",
    "created_at": "min(date)::date + interval '12 hours'",
    "updated_at": "min(date)::date + interval '12 hours'",
}
"""Every daily table has these, one row for a day, a key and a provider's model."""


@dataclass(frozen=True, slots=True)
class Table:
    """One of LiteLLM's tables: an expression for each column, and where the rows come from."""

    name: str
    columns: dict[str, str]
    source: str


def rollup(name: str, entity: str, value: str, extra: str = "", where: str = "true") -> Table:
    """A daily table. Rows are merged as LiteLLM's own key merges them, which differs by release."""
    columns = {
        "id": f"pg_temp.uuid('{name}' || {value} || concat_ws('/', '', date, api_key, model, provider, endpoint))",
        entity: value,
        "date": "date",
        "api_key": "api_key",
        **ROLLUP_FIGURES,
    }
    groups = f"{value}, date, api_key, model, provider, endpoint"
    return Table(name, columns, f"booked {extra} WHERE {where} GROUP BY {groups} ORDER BY date, api_key")


def rollup_of_tags() -> Table:
    """The daily table of tags; newer releases note the last request in each row."""
    table = rollup(
        "LiteLLM_DailyTagSpend", "tag", "tag", "CROSS JOIN unnest(tags) AS label_n JOIN label USING (label_n)"
    )
    return Table(
        table.name, {**table.columns, "request_id": "'chatcmpl-' || pg_temp.uuid('last' || max(id))"}, table.source
    )


EXPIRES: Final = (
    "CASE state WHEN 'expired' THEN :'today'::date - 1 - floor(40 * pg_temp.chance('expired' || j))::int "
    "WHEN 'expiring' THEN :'today'::date + 1 + floor(6 * pg_temp.chance('expiring' || j))::int "
    "ELSE CASE WHEN pg_temp.chance('expires' || j) < 0.3 THEN :'today'::date + 90 END END"
)
LAST_ACTIVE: Final = (
    "CASE WHEN last_date IS NOT NULL THEN least(last_date::date + interval '10 hours', now()::timestamp) "
    "WHEN used_before THEN :'today'::date - 61 - floor(60 * pg_temp.chance('last' || j))::int END"
)
RESETS: Final = "CASE WHEN windowed THEN :'today'::date + resets + interval '1 day' END"

KEY_COLUMNS: Final = {
    "token": "token",
    "key_name": "'sk-...' || right('sk-company-' || j, 4)",
    "key_alias": "alias",
    "spend": "spend_now::float",
    "total_spend": "total_spend::float",
    "expires": EXPIRES,
    "models": "CASE WHEN pg_temp.chance('models' || j) < 0.7 THEN '{}'::text[] "
    "ELSE ARRAY['gpt-4o', 'gpt-4o-mini', 'claude-sonnet'] END",
    "user_id": "nullif(user_now, '')",
    "team_id": "nullif(team_now, '')",
    "metadata": "CASE WHEN pg_temp.chance('tagged' || j) < 0.15 THEN jsonb_build_object('tags', jsonb_build_array("
    "(SELECT tag FROM label WHERE label_n = 1 + j % 12))) ELSE '{}' END",
    "blocked": "CASE WHEN state = 'blocked' THEN true WHEN pg_temp.chance('unblocked' || j) < 0.1 THEN false END",
    "max_budget": "CASE WHEN with_budget THEN pg_temp.limit_for('key' || j, spend_now)::float END",
    "budget_duration": "CASE WHEN windowed THEN '30d' END",
    "budget_reset_at": RESETS,
    "tpm_limit": "CASE WHEN j % 9 = 0 THEN 100000 END",
    "created_at": "born",
    "created_by": "'default_user_id'",
    "updated_at": f"coalesce({LAST_ACTIVE}, born)",
    "updated_by": "'default_user_id'",
    "last_active": LAST_ACTIVE,
    "key_type": "'default'",
}

MEMBERS: Final = (
    "coalesce((SELECT jsonb_agg(jsonb_build_object('role', CASE WHEN p.n % 40 = 1 THEN 'admin' ELSE 'user' END, "
    "'user_id', p.user_id, 'user_email', p.email) ORDER BY p.n) "
    "FROM person AS p WHERE team_now.n IN (p.team_n, p.second_team_n)), '[]')"
)
OF_THE_TEAM: Final = (
    "(SELECT array_agg(DISTINCT pg_temp.team_id(x)) FROM unnest(ARRAY[team_n, second_team_n]) AS x WHERE x IS NOT NULL)"
)

LOG_METADATA: Final = (
    "jsonb_build_object('status', CASE WHEN failures > 0 THEN 'failure' ELSE 'success' END, 'user_api_key', api_key, "
    "'requester_ip_address', '203.0.113.' || id % 250, 'error_information', CASE WHEN failures > 0 THEN "
    "jsonb_build_object('error_code', (ARRAY['429', '400', '401', '408'])[1 + (id + nth) % 4], "
    "'error_class', split_part(error, ':', 1), 'error_message', error, "
    "'traceback', '  File \"/usr/lib/python3/site-packages/litellm/router.py\", line ' || nth) END)"
)

TAGS_OF_THE_CALL: Final = (
    "coalesce((SELECT jsonb_agg(tag ORDER BY label_n) FROM label WHERE label_n = ANY (tags)), '[]')"
)


def canary(text: str) -> str:
    """What nobody may be shown, in one log row of a hundred; the others hold nothing, as usual."""
    return f"CASE WHEN id % 100 = 0 THEN jsonb_build_object('content', '{text}') ELSE '{{}}' END"


TABLES: Final = (
    Table(
        "LiteLLM_BudgetTable",
        {
            "budget_id": "budget_id",
            "max_budget": "max_budget",
            "budget_duration": "'30d'",
            "budget_reset_at": ":'today'::date + 9",
            "created_by": "'default_user_id'",
            "updated_by": "'default_user_id'",
        },
        "(SELECT 'member-budget' AS budget_id, 20::float AS max_budget UNION ALL "
        "SELECT 'customer-budget-' || n, pg_temp.limit_for('customer' || n, spend_now)::float "
        "FROM customer_now WHERE with_budget) AS budget",
    ),
    Table(
        "LiteLLM_TeamTable",
        {
            "team_id": "team_id",
            "team_alias": "alias",
            "members_with_roles": MEMBERS,
            "metadata": "'{}'",
            "max_budget": "CASE WHEN with_budget THEN pg_temp.limit_for('team' || n, spend_now)::float END",
            "soft_budget": "CASE WHEN n % 17 = 0 THEN 50 END",
            "budget_duration": "CASE WHEN windowed THEN '30d' END",
            "budget_reset_at": RESETS,
            "spend": "spend_now::float",
            "models": "CASE WHEN n % 3 = 0 THEN ARRAY['gpt-4o', 'claude-sonnet'] ELSE '{}'::text[] END",
            "blocked": "n % 60 = 21",
            "created_at": "born",
            "updated_at": "born",
        },
        "team_now",
    ),
    Table(
        "LiteLLM_UserTable",
        {
            "user_id": "user_id",
            "user_alias": "alias",
            "user_email": "email",
            "user_role": "role",
            "teams": OF_THE_TEAM,
            "max_budget": "CASE WHEN with_budget THEN pg_temp.limit_for('user' || n, spend_now)::float END",
            "budget_duration": "CASE WHEN windowed THEN '30d' END",
            "budget_reset_at": RESETS,
            "spend": "spend_now::float",
            "models": "'{}'::text[]",
            "metadata": "'{}'",
            "created_at": "born",
            "updated_at": "born",
        },
        "person_now",
    ),
    Table(
        "LiteLLM_TeamMembership",
        {
            "user_id": "user_id",
            "team_id": "pg_temp.team_id(x)",
            "spend": "0",
            "budget_id": "CASE WHEN n % 25 = 0 THEN 'member-budget' END",
        },
        "(SELECT DISTINCT n, user_id, x FROM person CROSS JOIN unnest(ARRAY[team_n, second_team_n]) AS x "
        "WHERE x IS NOT NULL) AS member",
    ),
    Table(
        "LiteLLM_EndUserTable",
        {
            "user_id": "customer_id",
            "alias": "CASE WHEN n % 4 = 0 THEN 'Customer ' || n END",
            "spend": "spend_now::float",
            "budget_id": "CASE WHEN with_budget THEN 'customer-budget-' || n END",
            "blocked": "n % 50 = 7",
        },
        "customer_now WHERE n % 33 <> 9",
    ),
    Table("LiteLLM_VerificationToken", KEY_COLUMNS, "key_now WHERE NOT deleted"),
    Table(
        "LiteLLM_DeletedVerificationToken",
        {
            "id": "pg_temp.uuid('deleted' || j)",
            **KEY_COLUMNS,
            "deleted_at": ":'today'::date - deleted_on + interval '9 hours'",
            "deleted_by": "'default_user_id'",
        },
        "key_now WHERE deleted AND pg_temp.chance('purged' || j) >= 0.04",
    ),
    rollup("LiteLLM_DailyUserSpend", "user_id", "user_id"),
    rollup("LiteLLM_DailyTeamSpend", "team_id", "team_id"),
    rollup("LiteLLM_DailyEndUserSpend", "end_user_id", "customer", where="customer <> ''"),
    rollup_of_tags(),
    Table(
        "LiteLLM_SpendLogs",
        {
            "request_id": "'chatcmpl-' || request",
            "call_type": "CASE WHEN failures > 0 AND endpoint = '' THEN '' "
            "WHEN endpoint = '/embeddings' THEN 'aembedding' "
            "WHEN endpoint = '/images/generations' THEN 'aimage_generation' ELSE 'acompletion' END",
            "api_key": "api_key",
            "spend": "log_spend::float",
            "total_tokens": "log_prompt + log_completion",
            "prompt_tokens": "log_prompt",
            "completion_tokens": "log_completion",
            '"startTime"': "began",
            '"endTime"': "began + interval '1 second' * took",
            '"completionStartTime"': "began + interval '1 second' * took / 3",
            "model": "model",
            "model_id": "md5(model)",
            "model_group": "model_group",
            "custom_llm_provider": "provider",
            '"user"': "user_id",
            "metadata": LOG_METADATA,
            "cache_hit": "CASE WHEN failures > 0 THEN 'False' ELSE 'None' END",
            "cache_key": "'Cache OFF'",
            "request_tags": TAGS_OF_THE_CALL,
            "team_id": "team_id",
            "end_user": "customer",
            "requester_ip_address": "'203.0.113.' || id % 250",
            "messages": canary("canary-of-a-prompt"),
            "response": canary("canary-of-an-answer"),
            "session_id": "pg_temp.uuid('session' || id)",
            "status": "CASE WHEN failures > 0 THEN 'failure' ELSE 'success' END",
            "request_duration_ms": "(took * 1000)::int",
        },
        "log ORDER BY began",
    ),
)
