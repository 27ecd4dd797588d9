"""What is sent to make a key, a team or a user, and what is read back and said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from litellm_steward.api.users import User
from litellm_steward.api.version import Version
from litellm_steward.key_changes import has_powers
from litellm_steward.key_routes import CALLS, routes_for
from litellm_steward.text import hash_key
from tests.recorded_tools import FULL_KEY, FULL_TEAM, FULL_USER
from tests.scrubbing import invented_key, invented_team
from tests.stage import facts_of, refusal_of, scene_name, text_of
from tests.stillness import ALIAS_END, chosen_id
from tests.tape import NEW, VERSIONS, Exchange, Scene, scene
from tests.unit.playing import playing, replayed, tell


def _confined(version: str) -> list[str]:
    """What the key of anybody without powers may be used for."""
    return routes_for(Version.parse(version), powerful_owner=False)


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_is_asked_for_in_litellms_own_words(version: str) -> None:
    async with replayed(version, "generate_key", FULL_KEY) as (stage, result):
        assert stage.player.sent("/key/generate") == [
            {
                "key_alias": "rec-full",
                "team_id": invented_team(1),
                "user_id": "alex_dev",
                "models": ["gpt-4o"],
                "max_budget": 25.0,
                "budget_duration": "1mo",
                "duration": "90d",
                "rpm_limit": 60,
                "tpm_limit": 9000,
                "metadata": {"ticket": "OPS-7", "tags": ["support"]},
                "allowed_routes": _confined(version),
            }
        ]
    made = facts_of(result)
    assert made["key_id"] == hash_key(made["key"])
    assert made["notes"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_without_a_name_gets_one_that_can_be_looked_up(version: str) -> None:
    async with replayed(version, "generate_key", {}) as (stage, result):
        day = stage.player.sent("/key/generate")[0]["key_alias"].split("-")[1]
        (sent,) = stage.player.sent("/key/generate")
        assert sent == {"key_alias": f"key-{day}-{ALIAS_END}", "allowed_routes": _confined(version)}
    assert facts_of(result)["key_alias"] == f"key-{day}-{ALIAS_END}"


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_odd_about_a_key_is_noted(version: str) -> None:
    made = await tell(version, "generate_key", team="Marketing", user="priya", models=["gpt-4", "gpt-4o"])
    assert facts_of(made)["notes"] == [
        "There is no model 'gpt-4'. Did you mean: 'gpt-4o', 'gpt-4o-mini'? It is stored all the same.",
        "'priya' is not a member of 'Marketing'.",
        "The key has no budget of its own: what limits its spending is its team's monthly budget of $300.00.",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_name_that_is_taken(version: str) -> None:
    async with replayed(version, "generate_key", {"key_alias": "cs-bot"}) as (stage, result):
        assert len(stage.player.sent("/key/generate")) == 1
    assert refusal_of(result).startswith("There is a key with the alias 'cs-bot' already.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"team": "Platform"}, "'Platform' names 2 teams"), ({"user": "nobody"}, "There is no user 'nobody'.")],
)
async def test_no_key_for_who_is_not_known(version: str, arguments: dict[str, str], said: str) -> None:
    """The proxy would take any text as a team's id, and make a key without a budget."""
    async with replayed(version, "generate_key", {"key_alias": "rec-x", **arguments}) as (stage, result):
        assert stage.player.sent("/key/generate") == []
    assert said in refusal_of(result)


WINDOWS: dict[str, Any] = {
    "key_alias": "rec-windows",
    "budget_limits": [{"max_budget": 5, "budget_duration": "daily"}, {"max_budget": 50, "budget_duration": "1mo"}],
    "aliases": {"fast": "gpt-4o-mini"},
}


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_with_several_budgets_and_aliases(version: str) -> None:
    async with replayed(version, "generate_key", WINDOWS) as (stage, result):
        sent = stage.player.sent("/key/generate")
    assert sent[0]["budget_limits"][0] == {"max_budget": 5.0, "budget_duration": "1d"}
    assert sent[0]["aliases"] == {"fast": "gpt-4o-mini"}
    assert "Daily budget $5.00; Monthly budget $50.00" in text_of(result)
    assert "No budget" not in text_of(result)


@pytest.mark.asyncio
async def test_a_key_written_to_a_file_does_not_stand_in_the_answer(tmp_path: Path) -> None:
    settings = {"steward_key_delivery": "file", "steward_key_dir": tmp_path / "keys"}
    async with replayed(NEW, "generate_key", FULL_KEY, settings=settings) as (_, result):
        made = facts_of(result)
    raw = invented_key("rec-full")
    assert made["key_file"] == str(tmp_path / "keys" / "rec-full.key")
    assert [path.read_text() for path in (tmp_path / "keys").iterdir()] == [f"{raw}\n"]
    assert "key" not in made
    assert raw not in result.model_dump_json()


@pytest.fixture
def wide_folder(tmp_path: Path) -> Path:
    """One that others can enter."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.asyncio
@pytest.mark.parametrize(("tool", "arguments"), [("generate_key", FULL_KEY), ("create_user", FULL_USER)])
async def test_nothing_is_made_that_could_not_be_handed_over(
    tool: str, arguments: dict[str, Any], wide_folder: Path
) -> None:
    settings = {"steward_key_delivery": "file", "steward_key_dir": wide_folder}
    async with replayed(NEW, tool, arguments, settings=settings) as (stage, result):
        assert stage.player.asked == []
    assert "chmod 700" in refusal_of(result)


def _stored_otherwise(recorded: Scene, path: str, **fields: object) -> Scene:
    """As if the proxy's own defaults had changed what was asked for."""

    def change(exchange: Exchange) -> Exchange:
        answer = exchange.answer
        if exchange.path != path or not isinstance(answer, dict):
            return exchange
        if path == "/key/info":
            return replace(exchange, answer={**answer, "info": {**answer["info"], **fields}})
        rows = "teams" if "teams" in answer else "users"
        return replace(exchange, answer={**answer, rows: [{**row, **fields} for row in answer[rows]]})

    return replace(recorded, exchanges=tuple(change(exchange) for exchange in recorded.exchanges))


@pytest.mark.asyncio
async def test_what_a_proxy_stored_otherwise_is_said_of_a_key() -> None:
    recorded = scene(NEW, "generate_key", scene_name("generate_key", FULL_KEY))
    changed = _stored_otherwise(
        recorded, "/key/info", max_budget=10, tpm_limit=None, max_parallel_requests=4, models=["gpt-4o", "x"]
    )
    async with playing(changed) as stage:
        made = facts_of(await stage.call("generate_key", **FULL_KEY))
    assert made["notes"] == [
        "The proxy stored max_budget=10.0 where 25.0 was asked.",
        "The proxy stored tpm_limit=nothing where 9000 was asked.",
        "The proxy stored max_parallel_requests=4 where nothing was asked.",
        'The proxy stored other models than asked: \'["gpt-4o", "x"]\'.',
    ]
    assert made["budget"]["max_budget"] == 10, "the answer shows what is stored"


# ---- powers ------------------------------------------------------------------------------------


def _owned_by(role: str) -> Scene:
    recorded = scene(NEW, "generate_key", scene_name("generate_key", FULL_KEY))
    return _stored_otherwise(recorded, "/user/list", user_role=role)


@pytest.mark.asyncio
@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer", "org_admin", "whatever comes next"])
async def test_a_key_of_somebody_with_powers_is_confined_to_calls(role: str) -> None:
    confined = list(CALLS)
    async with playing(_stored_otherwise(_owned_by(role), "/key/info", allowed_routes=confined)) as stage:
        stage.player.allow("/key/generate", {"key": invented_key("rec-full"), "allowed_routes": confined})
        made = facts_of(await stage.call("generate_key", **FULL_KEY))
        assert [body["allowed_routes"] for body in stage.player.sent("/key/generate")] == [confined]
    assert made["allowed_routes"] == confined
    assert made["notes"] == [
        f"Its owner is '{role}': the key has none of those powers, it can call models and no more."
    ]


@pytest.mark.asyncio
async def test_the_master_keys_own_user_has_powers_whatever_its_row_says() -> None:
    """LiteLLM makes it an administrator when somebody logs in with the master key."""
    assert has_powers(User(user_id="default_user_id", user_role="internal_user"))
    async with playing(scene(NEW, "create_user", scene_name("create_user", FULL_USER))) as stage:
        said = refusal_of(await stage.call("create_user", user_id="default_user_id"))
    assert said == "user_id must not be default_user_id: it is the user of the master key."


@pytest.mark.asyncio
@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer", None])
async def test_any_other_key_is_confined_to_calls(role: str | None) -> None:
    """Left alone, it could make further keys without a budget, and delete its owner's others."""
    recorded = scene(NEW, "generate_key", scene_name("generate_key", FULL_KEY))
    async with playing(_stored_otherwise(recorded, "/user/list", user_role=role)) as stage:
        made = facts_of(await stage.call("generate_key", **FULL_KEY))
    assert made["allowed_routes"] == _confined(NEW)
    assert made["notes"] == []


@pytest.mark.asyncio
async def test_where_the_answer_does_not_tell_a_keys_routes_they_are_read_back() -> None:
    recorded = scene(NEW, "generate_key", scene_name("generate_key", FULL_KEY))
    async with playing(recorded) as stage:
        stage.player.allow("/key/generate", {"key": invented_key("rec-full")})
        assert facts_of(await stage.call("generate_key", **FULL_KEY))["allowed_routes"] == _confined(NEW)


@pytest.mark.asyncio
@pytest.mark.parametrize("told", [[], ["llm_api_routes", "management_routes"], None])
@pytest.mark.parametrize(
    ("status", "left"), [(200, "was deleted again: none is left"), (500, "delete it with delete_key")]
)
async def test_a_key_that_the_proxy_did_not_confine_is_handed_to_nobody(
    status: int, left: str, told: list[str] | None, pauses: list[float]
) -> None:
    async with playing(_stored_otherwise(_owned_by("proxy_admin"), "/key/info", allowed_routes=None)) as stage:
        stage.player.allow("/key/generate", {"key": invented_key("rec-full"), "allowed_routes": told})
        if status == 200:
            stage.player.allow("/key/delete", {"deleted_keys": [invented_key("rec-full")]})
        else:
            stage.player.refuse_unknown(status)
        said = await stage.call("generate_key", **FULL_KEY)
        assert stage.player.sent("/key/delete") == [{"keys": [hash_key(invented_key("rec-full"))]}]
    assert refusal_of(said).startswith("The proxy did not confine the key to calls of models")
    assert "The key 'rec-full' was " in refusal_of(said)
    assert left in refusal_of(said)
    assert invented_key("rec-full") not in said.model_dump_json()


ADMINISTRATOR: dict[str, Any] = {"user_email": "rec-new@example.com", "user_role": "proxy_admin"}


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_an_administrator_is_planned_and_made_by_no_token_for_another(version: str) -> None:
    recorded = scene(version, "create_user", scene_name("create_user", {"user_email": "rec-new@example.com"}))
    async with playing(_stored_otherwise(recorded, "/user/list", user_role="proxy_admin")) as stage:
        stage.player.allow("/user/new", {"user_id": chosen_id(2)})
        planned = facts_of(await stage.call("create_user", **ADMINISTRATOR))
        assert stage.player.sent("/user/new") == []
        assert planned["status"] == "approval_required"
        assert planned["plan"][0] == "Create the user 'rec-new@example.com' as a proxy_admin."
        assert "can change and delete everything there" in planned["plan"][1]
        elsewhere = {**ADMINISTRATOR, "user_email": "rec-new@elsewhere.example"}
        stage.player.allow("/user/list", {"users": [], "total": 0})
        said = refusal_of(await stage.call("create_user", **elsewhere, approval=planned["approval"]))
        assert "Nothing was changed." in said
        assert stage.player.sent("/user/new") == []


@pytest.mark.asyncio
async def test_no_administrator_without_a_name() -> None:
    async with playing(scene(NEW, "create_user", scene_name("create_user", FULL_USER))) as stage:
        said = refusal_of(await stage.call("create_user", user_role="proxy_admin"))
        assert stage.player.sent("/user/new") == []
    assert said == "A proxy_admin needs a user_id or a user_email; nothing was created."


@pytest.mark.asyncio
async def test_what_a_proxy_stored_otherwise_is_said_of_a_team_and_a_user() -> None:
    team = _stored_otherwise(
        scene(NEW, "create_team", scene_name("create_team", FULL_TEAM)), "/v2/team/list", max_budget=10
    )
    async with playing(team) as stage:
        made = facts_of(await stage.call("create_team", **FULL_TEAM))
    assert "The proxy stored max_budget=10.0 where 250.0 was asked." in made["notes"]
    user = _stored_otherwise(
        scene(NEW, "create_user", scene_name("create_user", FULL_USER)), "/user/list", rpm_limit=7, teams=[]
    )
    async with playing(user) as stage:
        made = facts_of(await stage.call("create_user", **FULL_USER))
    assert made["teams"] == []
    assert made["notes"] == [
        "The proxy did not add the user to 'Research'.",
        "The proxy did not add the user to 'Marketing'.",
        "The proxy stored rpm_limit=7 where 30 was asked.",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_team_gets_an_id_of_our_own_and_the_ids_of_its_members(version: str) -> None:
    async with replayed(version, "create_team", FULL_TEAM) as (stage, result):
        (sent,) = stage.player.sent("/team/new")
    assert sent["team_id"] == facts_of(result)["team_id"] == chosen_id(1)
    assert sent["members_with_roles"] == [
        {"role": "user", "user_id": "maria"},
        {"role": "user", "user_id": "priya"},
    ]
    assert sent["budget_duration"] == "1mo"
    members = [(member["user_id"], member["role"]) for member in facts_of(result)["members"]]
    assert members == [("maria", "user"), ("priya", "user")]
    assert facts_of(result)["notes"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_teams_name_is_taken_in_any_case_unless_the_caller_insists(version: str) -> None:
    async with replayed(version, "create_team", {"team_alias": "marketing"}) as (stage, result):
        assert stage.player.sent("/team/new") == []
    assert f"There is a team 'Marketing' already (id '{invented_team(2)}')" in refusal_of(result)
    twin = {"team_alias": "data", "allow_duplicate": True}
    async with playing(scene(version, "create_team", scene_name("create_team", twin))) as stage:
        planned = facts_of(await stage.call("create_team", **twin))
        assert "from then on the name alone means neither" in planned["plan"][1]
        assert stage.player.sent("/team/new") == []
        insisted = facts_of(await stage.call("create_team", **twin, approval=planned["approval"]))
    assert insisted["team_alias"] == "data"


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_no_team_with_an_unknown_member(version: str) -> None:
    arguments = {"team_alias": "rec-x", "members": [{"user": "nobody"}]}
    async with replayed(version, "create_team", arguments) as (stage, result):
        assert stage.player.sent("/team/new") == []
    assert refusal_of(result).startswith("There is no user 'nobody'.")


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_user_is_made_without_a_key_unless_asked(version: str) -> None:
    async with replayed(version, "create_user", {"user_email": "rec-new@example.com"}) as (stage, result):
        (sent,) = stage.player.sent("/user/new")
    assert sent["auto_create_key"] is False, "the proxy's own default is to make one"
    assert sent["user_id"] == chosen_id(1)
    assert "key" not in facts_of(result)
    async with replayed(version, "create_user", FULL_USER) as (stage, asked):
        assert [body["auto_create_key"] for body in stage.player.sent("/user/new")] == [False], (
            "it could not be confined"
        )
        (made,) = stage.player.sent("/key/generate")
    assert (made["user_id"], made["allowed_routes"]) == ("rec-dana", _confined(version))
    assert facts_of(asked)["key"] == invented_key(made["key_alias"])
    assert facts_of(asked)["teams"] == ["Research", "Marketing"]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("arguments", "path", "said"),
    [
        ({"user_id": "maria"}, "/user/new", "There is a user 'maria' already; nothing was created."),
        ({"user_email": "Maria@Example.com"}, "/user/new", "The user 'maria' has the e-mail address"),
        ({"user_id": "acme-corp", "kind": "customer"}, "/customer/new", "There is a customer 'acme-corp' already"),
        ({"user_id": "rec-x", "teams": ["Platform"]}, "/user/new", "'Platform' names 2 teams"),
    ],
)
async def test_a_user_that_exists_is_left_alone(version: str, arguments: dict[str, Any], path: str, said: str) -> None:
    async with replayed(version, "create_user", arguments) as (stage, result):
        assert stage.player.sent(path) == []
    assert said in refusal_of(result)
