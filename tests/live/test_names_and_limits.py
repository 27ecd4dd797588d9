"""Names that are somebody else's, and limits that stop everything: on real proxies."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.live.conftest import Connect
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

ALIKE: Final = 130
"""More than a page of what contains a name."""


def _name(kind: str) -> str:
    return f"{kind}-{time.monotonic_ns()}"


@contextmanager
def _users(gateway: Seeded, *rows: tuple[str, str | None]) -> Iterator[None]:
    """Users by id and e-mail address, as the proxy itself would not make them."""
    for user_id, email in rows:
        gateway.change('insert into "LiteLLM_UserTable" (user_id, user_email) values (%s, %s)', user_id, email)
    try:
        yield
    finally:
        for user_id, _ in rows:
            gateway.change('delete from "LiteLLM_UserTable" where user_id = %s', user_id)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("create_user", {"user_id": "alex@example.com"}, "'alex_dev' has the e-mail address 'alex@example.com'"),
        ("create_user", {"user_id": "Alex@Example.com"}, "'alex_dev' has the e-mail address 'Alex@Example.com'"),
        ("create_user", {"user_alias": "sk-...a1b2"}, "looks like a key"),
        ("create_team", {"team_alias": "sk-…a1b2"}, "looks like a key"),
        ("create_team", {"team_alias": "F" * 64}, "looks like a key"),
        ("generate_key", {"key_alias": "sk-...a1b2"}, "looks like a key"),
        ("generate_key", {"key_alias": "0a" * 32}, "looks like a key"),
        ("generate_key", {"key_alias": "sk-***a1b2"}, "looks like a key"),
    ],
)
async def test_a_name_that_is_somebodys_is_not_given_again(
    gateway: Seeded, connect: Connect, tool: str, arguments: dict[str, Any], said: str
) -> None:
    rows = gateway.sql('select count(*) from "LiteLLM_UserTable"')
    async with connect() as steward:
        assert said in (await steward(tool, **arguments)).error()
    assert gateway.sql('select count(*) from "LiteLLM_UserTable"') == rows


async def test_neither_is_an_id_as_an_address_or_as_a_teams_name(gateway: Seeded, connect: Connect) -> None:
    held = f"{_name('held')}@example.com"
    with _users(gateway, (held, None)):
        async with connect() as steward:
            said = (await steward("create_user", user_email=held.upper())).error()
            assert "is a user's id; nothing was created" in said
            team = gateway.ledger.teams["Research"]
            said = (await steward("create_team", team_alias=team, allow_duplicate=True)).error()
    assert said.startswith(f"'{team}' is the id of the team 'Research'; nothing was created.")


async def test_an_id_that_is_anothers_address_means_both(gateway: Seeded, connect: Connect) -> None:
    """However it came about: nobody's keys are made for, and nobody's budget is looked at in the place of, another."""
    with _users(gateway, ("Priya@example.com", None)):
        async with connect() as steward:
            alias = _name("clash")
            for tool, arguments in (
                ("generate_key", {"user": "priya@example.com", "key_alias": alias}),
                ("get_user_info", {"user": "Priya@example.com"}),
                ("create_team", {"team_alias": alias, "members": [{"user": "PRIYA@example.com"}]}),
            ):
                assert "names 2 users" in (await steward(tool, **arguments)).error()
    assert gateway.sql('select count(*) from "LiteLLM_VerificationToken" where key_alias = %s', alias) == [(0,)]


async def test_nobody_is_hidden_behind_those_who_are_called_alike(gateway: Seeded, connect: Connect) -> None:
    tail = f"{uuid.uuid4().hex[:8]}@example.com"
    crowd = [(f"z{n:03}-{tail}", f"{n:03}{tail}") for n in range(ALIKE)]
    with _users(gateway, (f"wanted-{tail[:8]}", tail), *crowd):
        async with connect() as steward:
            assert (await steward("get_user_info", user=tail)).ok()["user_id"] == f"wanted-{tail[:8]}"
            assert "has the e-mail address" in (await steward("create_user", user_email=tail)).error()


async def test_no_key_and_no_team_is_hidden_either(gateway: Seeded, connect: Connect) -> None:
    name = _name("hidden")
    made = gateway.admin("POST", "/key/generate", json={"key_alias": name}).json()
    team = gateway.admin("POST", "/team/new", json={"team_alias": name}).json()["team_id"]
    for n in range(ALIKE):
        twin = f"{name}-{n}"
        gateway.change(
            'insert into "LiteLLM_VerificationToken" (token, key_alias) values (%s, %s)', uuid.uuid4().hex * 2, twin
        )
        gateway.change('insert into "LiteLLM_TeamTable" (team_id, team_alias) values (%s, %s)', twin, twin)
    try:
        async with connect() as steward:
            assert (await steward("get_key_info", key=name)).ok()["key_id"] == made["token"]
            assert (await steward("get_team_info", team=name)).ok()["team_id"] == team
            assert f"There is a team '{name}' already" in (await steward("create_team", team_alias=name)).error()
    finally:
        gateway.change('delete from "LiteLLM_VerificationToken" where key_alias like %s', f"{name}%")
        gateway.change('delete from "LiteLLM_TeamTable" where team_alias like %s', f"{name}%")


async def test_a_key_whose_alias_is_anothers_mask_is_not_taken_for_it(gateway: Seeded, connect: Connect) -> None:
    mask = f"sk-...{gateway.ledger.keys['ci-pipeline'].raw[-4:]}"
    gateway.admin("POST", "/key/generate", json={"key_alias": mask}).raise_for_status()
    try:
        async with connect() as steward:
            assert "names 2 keys" in (await steward("delete_key", key=mask)).error()
    finally:
        gateway.admin("POST", "/key/delete", json={"key_aliases": [mask]})


async def test_null_is_left_out_and_an_unlimited_key_says_so(gateway: Seeded, connect: Connect) -> None:
    alias, member = _name("null"), _name("member")
    optional = ("team", "user", "models", "max_budget", "budget_duration", "budget_limits", "duration", "rpm_limit")
    more = ("tpm_limit", "max_parallel_requests", "aliases", "tags", "metadata")
    async with connect() as steward:
        made = (await steward("generate_key", key_alias=alias, **dict.fromkeys([*optional, *more]))).ok()
        assert "No budget limits what the key spends (it has none)." in made["notes"]
        of_team = (await steward("generate_key", key_alias=f"{alias}-team", team="Marketing", user="maria")).ok()
        assert any("its team's monthly budget of $300.00" in note for note in of_team["notes"])
        team = {"team_alias": member, "team_member_budget": 3}
        team_id = gateway.admin("POST", "/team/new", json=team).json()["team_id"]
        gateway.admin(
            "POST", "/team/member_add", json={"team_id": team_id, "member": {"role": "user", "user_id": "priya"}}
        )
        in_team = (await steward("generate_key", key_alias=f"{alias}-member", team=team_id, user="priya")).ok()
        assert any("its owner's lifetime budget of $3.00 in the team" in note for note in in_team["notes"])
        bare = (await steward("create_user", user_id=alias, kind="internal", create_key=None, teams=None)).ok()
        assert any(note.startswith("The user has no budget: ") for note in bare["notes"])
    aliases = [alias, f"{alias}-team", f"{alias}-member"]
    gateway.admin("POST", "/key/delete", json={"key_aliases": aliases})
    gateway.admin("POST", "/team/delete", json={"team_ids": [team_id]})
    gateway.admin("POST", "/user/delete", json={"user_ids": [alias]})


@pytest.mark.parametrize("limit", ["rpm_limit", "tpm_limit", "max_parallel_requests", "max_budget"])
async def test_a_limit_of_nothing_stops_every_call_and_is_said_to(
    gateway: Seeded, connect: Connect, limit: str
) -> None:
    name = _name("zero")
    async with connect() as steward:
        key = (await steward("generate_key", key_alias=name, **{limit: 0})).ok()
        assert f"{limit} is 0: the proxy refuses every call with the key." in key["notes"]
        assert gateway.chat(key["key"], "gpt-4o-mini").is_error
        if limit != "max_parallel_requests":
            user = (await steward("create_user", user_id=name, create_key=True, **{limit: 0})).ok()
            assert any(note.startswith(f"{limit} is 0: the proxy refuses every call") for note in user["notes"])
            assert gateway.chat(user["key"], "gpt-4o-mini").is_error
            team = (await steward("create_team", team_alias=name, **{limit: 0})).ok()
            assert any(note.startswith(f"{limit} is 0: ") for note in team["notes"])
            if limit != "max_budget":  # that is compared once something is spent
                of_team = (await steward("generate_key", key_alias=f"{name}-team", team=name)).ok()
                assert gateway.chat(of_team["key"], "gpt-4o-mini").is_error
            gateway.admin("POST", "/team/delete", json={"team_ids": [team["team_id"]]})
    gateway.admin("POST", "/key/delete", json={"key_aliases": [name, f"{name}-team"]})
    gateway.admin("POST", "/user/delete", json={"user_ids": [name]})


@pytest.mark.parametrize("limits", [{"max_budget": 0}, {"rpm_limit": 0}, {"max_budget": 100, "budget_duration": "30d"}])
async def test_limits_for_a_name_that_calls_may_use_already_are_agreed_to(
    gateway: Seeded, connect: Connect, limits: dict[str, Any]
) -> None:
    customer = _name("customer")
    table = 'select count(*) from "LiteLLM_EndUserTable" where user_id = %s'
    async with connect() as steward:
        asked = {"user_id": customer, "kind": "customer", **limits}
        planned = (await steward("create_user", **asked)).ok()
        assert planned["status"] == "approval_required"
        assert gateway.sql(table, customer) == [(0,)]
        (await steward("create_user", **asked, approval=planned["approval"])).ok()
        assert gateway.sql(table, customer) == [(1,)]
        free = (await steward("create_user", user_id=f"{customer}-free", kind="customer")).ok()
        assert free["status"] == "created", "a name without limits takes nothing away"
    gateway.admin("POST", "/customer/delete", json={"user_ids": [customer, f"{customer}-free"]})


async def test_an_admin_of_a_team_and_a_second_team_of_a_name_are_agreed_to(gateway: Seeded, connect: Connect) -> None:
    name = _name("led")
    people = [{"user": "maria"}, {"user": "maria@example.com", "role": "admin"}, {"user": "priya", "role": None}]
    async with connect() as steward:
        planned = (await steward("create_team", team_alias=name, members=people)).ok()
        assert planned["status"] == "approval_required"
        assert gateway.sql('select count(*) from "LiteLLM_TeamTable" where team_alias = %s', name) == [(0,)]
        made = (await steward("create_team", team_alias=name, members=people, approval=planned["approval"])).ok()
        assert [(m["user_id"], m["role"]) for m in made["members"]] == [("maria", "admin"), ("priya", "user")]
        twin = (await steward("create_team", team_alias=name, allow_duplicate=True)).ok()
        assert twin["status"] == "approval_required"
    gateway.admin("POST", "/team/delete", json={"team_ids": [made["team_id"]]})


async def test_metadata_of_megabytes_hides_no_key(gateway: Seeded, connect: Connect) -> None:
    """As another way into the proxy may store it: the steward itself takes four kilobytes."""
    name = _name("heavy")
    for n in range(7):
        gateway.change(
            """insert into "LiteLLM_VerificationToken" (token, key_alias, metadata)
               values (%s, %s, jsonb_build_object('x', repeat('x', 8000000)))""",
            f"{n:02}{uuid.uuid4().hex}{uuid.uuid4().hex[:30]}",
            f"{name}-{n}",
        )
    try:
        async with connect(STEWARD_TOOLSETS="all") as steward:
            audited = (await steward("audit_keys")).ok()
            assert audited["complete"]
            assert audited["looked_at"] == audited["total"] >= len(gateway.ledger.keys)
            assert (await steward("get_key_info", key=f"{name}-3")).ok()["key_alias"] == f"{name}-3"
            assert "must be at most" in (await steward("generate_key", metadata={"x": "x" * 5_000})).error()
    finally:
        gateway.change('delete from "LiteLLM_VerificationToken" where key_alias like %s', f"{name}%")
