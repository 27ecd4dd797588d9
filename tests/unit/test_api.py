"""The API side: what a call asks, and what real proxies answer to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
import respx

from litellm_steward.api import customers, keys, teams, users
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import NEWEST_TESTED, OLDEST_SUPPORTED, Version, detect, readiness
from litellm_steward.errors import InvalidArgument
from litellm_steward.secret import reveal
from tests.scrubbing import invented_hash, invented_team
from tests.stage import steward_at
from tests.tape import BASE_URL, NEW, OLD, VERSIONS, Scene, scene, scenes
from tests.unit.playing import playing

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


# ---- versions ----------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", ["health", "no_database"])
async def test_every_release_tells_its_version_with_or_without_a_database(version: str, file: str) -> None:
    steps = [scene(version, file, name) for name in ("readiness", "readiness in detail", "openapi")]
    admin = [as_admin(step) for step in steps]
    async with playing(*admin) as stage:
        assert str(await detect(stage.proxy)) == version
        ready = await readiness(stage.proxy)
    assert (ready.db == "connected") == (file == "health")


def as_admin(step: Scene) -> Scene:
    """Readiness was recorded without a key; the steward sends its own all the same."""
    return replace(step, exchanges=(replace(step.only, key="admin"),))


@pytest.mark.asyncio
async def test_a_proxy_that_tells_nothing_has_no_version(pauses: list[float]) -> None:
    with respx.mock:
        respx.route(url__startswith=BASE_URL).mock(return_value=httpx.Response(404, json={"detail": "Not Found"}))
        assert await detect(steward_at(BASE_URL).proxy) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.110.2", Version(1, 110, 2)), ("v1.83.14-stable", Version(1, 83, 14)), ("1.83.14.rc1", OLDEST_SUPPORTED)],
)
def test_versions_are_read_from_tags(text: str, version: Version) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "main", "1.83", "x1.2.3"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert Version.parse(text) is None


def test_versions_compare_as_numbers() -> None:
    assert OLDEST_SUPPORTED < Version(1, 100, 0) < NEWEST_TESTED


# ---- keys --------------------------------------------------------------------------------------

STATUS = {
    "nothing special": ({}, "active"),
    "the newest says active": ({"status": "active"}, "active"),
    "revoked is blocked": ({"status": "revoked"}, "blocked"),
    "blocked": ({"blocked": True}, "blocked"),
    "said to be expired": ({"status": "expired"}, "expired"),
    "expired": ({"expires": NOW - timedelta(seconds=1)}, "expired"),
    "expires now": ({"expires": NOW}, "expired"),
    "expires later": ({"expires": NOW + timedelta(seconds=1)}, "active"),
    "expired, in a time without a zone": ({"expires": "2026-03-02T11:59:59"}, "expired"),
    "deleted": ({"status": "deleted"}, "deleted"),
    "kept as deleted": ({"deleted_at": NOW}, "deleted"),
    "deleted wins over blocked": ({"deleted_at": NOW, "blocked": True}, "deleted"),
    "blocked wins over expired": ({"blocked": True, "expires": NOW}, "blocked"),
}


@pytest.mark.parametrize(("row", "status"), STATUS.values(), ids=STATUS)
def test_a_keys_status(row: dict[str, object], status: str) -> None:
    assert Key.model_validate(row).status(NOW) == status


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_key_row_is_understood(version: str) -> None:
    rows = [
        row
        for recorded in scenes(version, "keys")
        if recorded.name.startswith("list") and recorded.name != "list as hashes"
        for row in recorded.only.answer["keys"]
    ]
    read = [Key.model_validate(row) for row in rows]
    assert len(read) >= 15
    assert all(key.token and key.key_name.startswith("sk-...") for key in read)
    by_alias = {key.key_alias: key for key in read}
    assert by_alias["cs-bot"].max_budget == 50
    assert by_alias["trial-key"].status() == "expired"
    assert by_alias["old-contractor"].status() == "blocked"


FILTERS = {
    "list by part of an alias": {OLD: {"cs-bot"}, NEW: set()},
    "list by part of a user": {OLD: {"cs-bot", "alex-laptop", "alex-personal"}, NEW: set()},
    "list by alias in another case": {OLD: {"cs-bot"}, NEW: set()},
    "list by part of an alias, asked for": {OLD: {"cs-bot"}, NEW: {"cs-bot"}},
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_why_what_a_filter_returns_is_compared_again(version: str, name: str) -> None:
    """1.83 matches by substring and in any case, the newest exactly: the same question, another answer."""
    answer = scene(version, "keys", name).only.answer
    assert {key["key_alias"] for key in answer["keys"]} == FILTERS[name][version]


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_deleted_keys_where_they_are_kept(version: str) -> None:
    played = [
        scene(version, "keys", name) for name in ("list deleted by hash", "list deleted by alias", "list by hash")
    ]
    async with playing(*played) as stage:
        by_hash = await keys.deleted(stage.proxy, key_hash=invented_hash("departed"))
        by_alias = await keys.deleted_by_alias(stage.proxy, "departed")
    assert by_hash is not None
    assert by_hash.key_alias == "departed"
    assert [key.token for key in by_alias] == [invented_hash("departed")]


@pytest_asyncio.fixture(loop_scope="session")
async def silent() -> AsyncIterator[Proxy]:
    """A proxy that must not be asked anything."""
    with respx.mock:
        yield steward_at(BASE_URL).proxy


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["key_alias", "key_hash", "status"])
async def test_an_empty_filter_would_mean_every_key_and_is_refused(silent: Proxy, name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} must not be empty"):
        await keys.page(silent, **{name: ""})  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_empty_references_find_nothing_and_ask_nothing(silent: Proxy) -> None:
    assert await users.by_id(silent, "") is None
    assert await users.containing_id(silent, "") == []
    assert await users.by_email(silent, "") == []
    assert await teams.by_id(silent, "") is None
    assert await teams.by_alias(silent, "") == []
    assert await customers.info(silent, "") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_raw_key_of_a_new_key_is_a_secret_from_the_start(version: str) -> None:
    made = scene(version, "keys", "generate")
    async with playing(made) as stage:
        new = await keys.generate(stage.proxy, made.only.body)
    assert reveal(new.key).startswith("sk-recorded-")
    assert reveal(new.key) not in f"{new} {new!r} {new.model_dump()}"


# ---- teams, users, customers -------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_teams_by_id_and_by_a_part_of_their_alias(version: str) -> None:
    played = [scene(version, "teams", f"list by {name}") for name in ("id", "unknown id", "alias", "part of an alias")]
    async with playing(*played) as stage:
        research = await teams.by_id(stage.proxy, invented_team(3))
        assert research is not None
        assert research.team_alias == "Research"
        assert await teams.by_id(stage.proxy, "no-such-team") is None
        assert {team.team_alias for team in await teams.by_alias(stage.proxy, "data")} == {"Data", "data"}
        assert {team.team_alias for team in await teams.by_alias(stage.proxy, "plat")} == {"Platform"}


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_users_by_id_by_ids_and_by_e_mail(version: str) -> None:
    names = ("by id", "by ids", "by e-mail", "by unknown id", "by part of an id")
    async with playing(*(scene(version, "users", f"list {name}") for name in names)) as stage:
        alex = await users.by_id(stage.proxy, "alex_dev")
        assert alex is not None
        assert (alex.user_email, alex.max_budget, alex.teams) == ("alex@example.com", 10, [invented_team(1)])
        assert {user.user_id for user in await users.by_ids(stage.proxy, ["alex_dev", "maria"])} == {
            "alex_dev",
            "maria",
        }
        assert [user.user_id for user in await users.by_email(stage.proxy, "ALEX@example.com")] == ["alex_dev"]
        assert await users.by_id(stage.proxy, "nobody") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_customer_known_and_unknown(version: str) -> None:
    unknown = scene(version, "errors", "unknown customer")
    async with playing(scene(version, "users", "customer"), unknown) as stage:
        acme = await customers.info(stage.proxy, "acme-corp")
        assert acme is not None
        assert acme.litellm_budget_table is not None
        assert (acme.alias, acme.litellm_budget_table.max_budget) == ("Acme", 100)
        assert await customers.info(stage.proxy, "no-such-customer") is None
