"""The tool calls that ``record.py`` makes, so that tests can play what a real proxy answers to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from examples.gateway import Ledger
from tests.recorded_calls import Call
from tests.scrubbing import invented_key
from tests.tape import Fault

RECORDED_TOOLS = (
    "get_key_info",
    "get_team_info",
    "get_user_info",
    "generate_key",
    "delete_key",
    "create_team",
    "create_user",
)
FULL_KEY: dict[str, Any] = {
    "key_alias": "rec-full",
    "team": "Customer-Service",
    "user": "alex_dev",
    "models": ["gpt-4o"],
    "max_budget": 25,
    "budget_duration": "monthly",
    "duration": "90d",
    "rpm_limit": 60,
    "tpm_limit": 9000,
    "tags": ["support"],
    "metadata": {"ticket": "OPS-7"},
}
FULL_USER: dict[str, Any] = {
    "user_id": "rec-dana",
    "user_email": "rec-dana@example.com",
    "user_alias": "Dana",
    "teams": ["Research", "Marketing"],
    "max_budget": 20,
    "budget_duration": "weekly",
    "rpm_limit": 30,
    "models": ["gpt-4o"],
    "create_key": True,
}
FULL_TEAM: dict[str, Any] = {
    "team_alias": "rec-Growth",
    "max_budget": 250,
    "budget_duration": "monthly",
    "tpm_limit": 50000,
    "rpm_limit": 100,
    "models": ["gpt-4o", "claude-sonnet"],
    "members": [{"user": "maria"}, {"user": "priya@example.com"}],
    "metadata": {"cost_centre": "42"},
}
ADMINISTERED_TEAM: dict[str, Any] = {
    "team_alias": "rec-Led",
    "members": [{"user": "maria", "role": "admin"}, {"user": "priya"}, {"user": "maria@example.com"}],
}
LIMITED_CUSTOMER: dict[str, Any] = {
    "user_id": "rec-client",
    "user_alias": "Client",
    "kind": "customer",
    "max_budget": 30,
    "budget_duration": "30d",
}


@dataclass(frozen=True)
class ToolCall:
    """One tool call. ``prepare`` makes what it needs, unrecorded; ``approve`` sends the approval back."""

    tool: str
    arguments: dict[str, Any]
    fault: Fault | None = None
    prepare: tuple[Call, ...] = ()
    approve: bool = False


def _call(tool: str, **arguments: object) -> ToolCall:
    return ToolCall(tool, arguments)


def tool_calls(ledger: Ledger) -> Iterator[ToolCall]:
    """Every call, whatever file it goes into: that is named after the tool."""
    yield from _keys_looked_at(ledger)
    yield from _teams_looked_at(ledger)
    yield from _users_looked_at()
    yield from _keys_made()
    yield from _keys_deleted()
    yield from _teams_made()
    yield from _users_made()


def _keys_looked_at(ledger: Ledger) -> Iterator[ToolCall]:
    keys = ledger.keys
    yield _call("get_key_info", key="cs-bot")
    yield _call("get_key_info", key="cs-bot", period="today")
    yield _call("get_key_info", key="CS-Bot")
    yield _call("get_key_info", key=keys["ci-pipeline"].raw)
    yield _call("get_key_info", key=f"sk-...{keys['research-batch'].raw[-4:]}")
    for name in ("old-contractor", "departed"):
        yield _call("get_key_info", key=keys[name].hash)
    for name in ("trial-key", "handed-over", "departed", "alex-laptop"):
        yield _call("get_key_info", key=name)
    yield _call("get_key_info", key=keys["hostile"].hash)
    yield _call("get_key_info", key="cs-bto")
    yield _call("get_key_info", key="sk-recorded-never-existed-0000")
    yield _call("get_key_info", key="0" * 64)


def _teams_looked_at(ledger: Ledger) -> Iterator[ToolCall]:
    for team in ("Customer-Service", "customer-service", "Marketing", "Research", "Data", "DATA", "Platform"):
        yield _call("get_team_info", team=team)
    yield _call("get_team_info", team=ledger.teams["hostile"])
    yield _call("get_team_info", team="Marketing", top=1, period="today")
    yield _call("get_team_info", team="Custmer-Servce")


def _users_looked_at() -> Iterator[ToolCall]:
    for user in ("alex_dev", "ALEX@example.com", "Alex", "maria", "priya", "newcomer", "northwind"):
        yield _call("get_user_info", user=user)
    yield _call("get_user_info", user="alex_dev", period="today")
    yield _call("get_user_info", user="northwind", kind="customer")
    yield _call("get_user_info", user="acme-corp")
    yield _call("get_user_info", user="globex", kind="customer")
    yield _call("get_user_info", user="alex_dve")
    yield _call("get_user_info", user="nobody", kind="customer")
    yield _call("get_user_info", user="nobody@example.com", kind="internal")


def _keys_made() -> Iterator[ToolCall]:
    yield _call("generate_key", **FULL_KEY)
    yield _call("generate_key")
    yield _call("generate_key", team="Marketing", user="priya", models=["gpt-4", "gpt-4o"])
    yield _call("generate_key", key_alias="cs-bot")
    yield _call("generate_key", key_alias="rec-x", team="Platform")
    yield _call("generate_key", key_alias="rec-x", user="nobody")
    yield _call(
        "generate_key",
        key_alias="rec-windows",
        budget_limits=[{"max_budget": 5, "budget_duration": "daily"}, {"max_budget": 50, "budget_duration": "1mo"}],
        aliases={"fast": "gpt-4o-mini"},
    )
    yield ToolCall("generate_key", {"key_alias": "rec-lost"}, fault="answer lost")
    yield ToolCall("generate_key", {"key_alias": "rec-unsent"}, fault="never arrived")


def _doomed(name: str) -> Call:
    """A key whose raw form is an invented one from the start."""
    body = {"key_alias": name, "key": invented_key(name), "user_id": "maria"}
    return Call("doomed", "POST", "/key/generate", body=body)


def _keys_deleted() -> Iterator[ToolCall]:
    for name, reference in (("rec-doomed", "rec-doomed"), ("rec-leaked", invented_key("rec-leaked"))):
        yield ToolCall("delete_key", {"key": reference}, prepare=(_doomed(name),), approve=True)
    faults: dict[str, Fault] = {"rec-doomed-lost": "answer lost", "rec-doomed-unsent": "never arrived"}
    for name, fault in faults.items():
        yield ToolCall("delete_key", {"key": name}, fault, prepare=(_doomed(name),), approve=True)
    yield ToolCall("delete_key", {"key": "departed"})


def _teams_made() -> Iterator[ToolCall]:
    yield _call("create_team", **FULL_TEAM)
    yield _call("create_team", team_alias="rec-bare")
    yield _call("create_team", team_alias="marketing")
    yield ToolCall("create_team", {"team_alias": "data", "allow_duplicate": True}, approve=True)
    yield ToolCall("create_team", ADMINISTERED_TEAM, approve=True)
    yield _call("create_team", team_alias="rec-x", members=[{"user": "nobody"}])
    yield ToolCall("create_team", {"team_alias": "rec-lost"}, fault="answer lost")
    yield ToolCall("create_team", {"team_alias": "rec-unsent"}, fault="never arrived")


def _users_made() -> Iterator[ToolCall]:
    yield _call("create_user", **FULL_USER)
    yield _call("create_user", user_email="rec-new@example.com")
    yield _call("create_user", user_id="maria")
    yield _call("create_user", user_email="Maria@Example.com")
    yield _call("create_user", user_id="rec-x", teams=["Platform"])
    yield ToolCall("create_user", LIMITED_CUSTOMER, approve=True)
    yield _call("create_user", user_id="acme-corp", kind="customer")
    yield ToolCall("create_user", {"user_id": "rec-lost", "create_key": True}, fault="answer lost")
    yield ToolCall("create_user", {"user_id": "rec-unsent"}, fault="never arrived")
    lost = {"user_id": "rec-client-lost", "kind": "customer"}
    yield ToolCall("create_user", lost, fault="answer lost")
