"""A wrong argument is answered by one clear sentence, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from tests.stage import call, refusal_of, steward_at
from tests.tape import BASE_URL

BUDGETS: list[tuple[dict[str, Any], str]] = [
    ({"max_budget": -1}, "max_budget must be 0 or more (US dollars)"),
    ({"max_budget": True}, "max_budget must be a number, not true or false"),
    ({"max_budget": "lots"}, "max_budget must be a number"),
    ({"max_budget": 5, "budget_duration": "fortnightly"}, "budget_duration must be a number and a unit"),
    ({"max_budget": 5, "budget_duration": "30dx"}, "budget_duration must be a number and a unit"),
    ({"rpm_limit": -1}, "rpm_limit must be at least 0"),
    ({"tpm_limit": 1.5}, "tpm_limit must be a whole number"),
    ({"models": {"gpt-4o": 1}}, "models must be a list"),
]
LOGGED_ELSEWHERE = {"callback_name": "langsmith", "callback_vars": {"langsmith_base_url": "http://elsewhere.example"}}
LABELLED: list[tuple[str, dict[str, Any]]] = [("generate_key", {}), ("create_team", {"team_alias": "rec-x"})]
NO_LABELS: list[tuple[dict[str, Any], str]] = [
    (
        {"ticket": "OPS-7", "logging": [LOGGED_ELSEWHERE]},
        "metadata holds 'logging', which is no label: it decides where",
    ),
    ({"callback_settings": {}}, "metadata holds 'callback_settings', which is no label"),
    ({" Logging": []}, "which is no label: it decides where LiteLLM sends the calls. Nothing was created."),
    ({"disable_global_guardrails": True}, "it decides which checks LiteLLM makes"),
    ({"allow_client_pricing_override": True}, "it decides what LiteLLM lets a caller do"),
    ({"temp_budget_increase": 1e6}, "it decides which limits LiteLLM applies"),
    ({"litellm_of_tomorrow": 1}, "it decides what LiteLLM does with the calls"),
    (
        {"note": "os.environ/LITELLM_MASTER_KEY"},
        "metadata may not refer to the proxy's environment. Nothing was created.",
    ),
    ({"deep": [{"er": "see OS.\u200benviron/X"}]}, "metadata may not refer to the proxy's environment"),
    ({"oidc/file/etc/passwd": 1}, "metadata may not refer to the proxy's environment"),
]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    *(("generate_key", wrong, said) for wrong, said in BUDGETS),
    *(("create_team", {"team_alias": "rec-x", **wrong}, said) for wrong, said in BUDGETS),
    *(("create_user", {"user_id": "rec-x", **wrong}, said) for wrong, said in BUDGETS),
    ("generate_key", {"duration": "forever"}, "duration must be a number and a unit"),
    ("generate_key", {"key_alias": ""}, "key_alias must be one line"),
    ("generate_key", {"key_alias": "a\nb"}, "key_alias must be one line"),
    ("generate_key", {"key_alias": "x" * 300}, "key_alias must be one line"),
    ("generate_key", {"key_alias": "sk-1234567890"}, "key_alias looks like a key"),
    ("generate_key", {"team": ""}, "team must not be empty"),
    ("generate_key", {"tags": ["a"], "metadata": {"tags": ["b"]}}, "Give tags or metadata.tags, not both"),
    *((tool, {**needed, "metadata": labels}, said) for tool, needed in LABELLED for labels, said in NO_LABELS),
    ("generate_key", {"max_parallel_requests": -1}, "max_parallel_requests must be at least 0"),
    ("generate_key", {"budget_limits": [{"max_budget": 1}]}, "budget_limits[0].budget_duration is required"),
    (
        "generate_key",
        {"budget_limits": [{"max_budget": 1, "budget_duration": "zz"}]},
        "budget_limits.budget_duration must be a number and a unit",
    ),
    ("generate_key", {"budget_limits": [{"max_budget": -1, "budget_duration": "1d"}]}, "max_budget must be 0 or more"),
    ("generate_key", {"max_budegt": 5}, "There is no argument 'max_budegt' (did you mean 'max_budget'?)"),
    ("create_team", {}, "team_alias is required"),
    ("create_team", {"team_alias": " x"}, "team_alias must be one line"),
    ("create_team", {"team_alias": "x", "members": [{"user": "a", "role": "boss"}]}, "members[0].role must be"),
    ("create_team", {"team_alias": "x", "members": [{"usr": "a"}]}, "members[0]"),
    ("create_user", {"user_id": "a,b"}, "user_id must not contain a comma"),
    ("create_user", {"user_email": "nobody"}, "user_email must be an e-mail address"),
    ("create_user", {"user_email": "a b@example.com"}, "user_email must be an e-mail address"),
    ("create_user", {"user_role": "emperor"}, "user_role must be"),
    ("create_user", {"kind": "robot"}, "kind must be"),
    ("create_user", {"kind": "customer", "user_email": "a@b.example"}, "A customer has no user_email"),
    (
        "create_user",
        {"kind": "customer", "teams": ["Data"], "create_key": True},
        "A customer has no teams, create_key; nothing was created",
    ),
    ("get_key_info", {}, "key is required"),
    ("get_key_info", {"key": ""}, "key must not be empty"),
    ("get_team_info", {"team": "a\0b"}, "An argument holds a NUL character"),
    ("get_key_info", {"key": "  "}, "key must not be empty"),
    ("get_key_info", {"key": "x" * 301}, "key must have at most 300 characters"),
    ("get_key_info", {"key": "a", "period": "last_week"}, "period must be"),
    ("get_key_info", {"key": "a", "start_date": "2026-01-01"}, "start_date and end_date go together"),
    (
        "get_team_info",
        {"team": "a", "start_date": "2026-01-02", "end_date": "2026-01-01"},
        "start_date 2026-01-02 is after end_date 2026-01-01",
    ),
    (
        "get_user_info",
        {"user": "a", "start_date": "2024-01-01", "end_date": "2026-01-01"},
        "A period may cover at most 400 days",
    ),
    (
        "get_user_info",
        {"user": "a", "period": "today", "start_date": "2026-01-01", "end_date": "2026-01-01"},
        "not both",
    ),
    ("get_user_info", {"user": "a", "start_date": "1.1.2026", "end_date": "2026-01-01"}, "start_date must be a date"),
    ("get_user_info", {"user": "a", "top": 0}, "top must be at least 1"),
    ("get_user_info", {"user": " "}, "user must not be empty"),
    ("get_team_info", {"team": "a", "top": 51}, "top must be at most 50"),
    ("delete_key", {"key": ""}, "key must not be empty"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("tool", "arguments", "said"), WRONG, ids=lambda value: str(value)[:60])
async def test_a_wrong_argument_is_named_and_nothing_is_sent(tool: str, arguments: dict[str, Any], said: str) -> None:
    with respx.mock(assert_all_called=False) as router:
        steward = steward_at(BASE_URL)
        error = refusal_of(await call(steward, tool, **arguments))
    assert said in error
    assert not router.calls
    assert error.endswith((".", "?"))
    assert len(error) < 400
    assert "sk-1234567890" not in error
    assert "pydantic" not in error.lower()
