"""``litellm-steward check``: what it asks, what it concludes, what it prints, and what it never prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import respx

from litellm_steward import check
from litellm_steward.api.standing import OwnKey
from litellm_steward.api.version import Version
from litellm_steward.diagnosis import (
    NEEDS,
    WITHOUT_FALLBACKS,
    Findings,
    Item,
    Read,
    Verdict,
    diagnose,
    key_fault,
    limits_of,
    may_write,
    verdicts,
)
from litellm_steward.errors import KeyRefused, NoDatabase, ProxyBroken, RoleRefused, TimedOut
from litellm_steward.settings import Settings
from litellm_steward.tools.catalog import CATALOG

PROXY = "http://proxy.test:4000"
KEY = "sk-admin-key-0123456789"
TEN = [spec.name for spec in CATALOG if spec.toolset == "default"]
WRITING = [spec.name for spec in CATALOG if spec.effect != "reads"]
NEWEST = Version(1, 110, 2)
OLDEST = Version(1, 83, 14)
READ: Mapping[Read, None] = {"models": None}

NOBODY = httpx.Response(404, json={"error": {"message": "Key not found in database", "code": "404"}})
REFUSED = httpx.Response(401, json={"error": {"message": "Invalid API key provided.", "code": "401"}})
ROLE = httpx.Response(
    403, json={"detail": {"error": "user not allowed to access this route, role= proxy_admin_viewer"}}
)
NO_DATABASE = httpx.Response(500, json={"error": {"message": "Database not connected", "code": "500"}})
NO_ROUTE = httpx.Response(404, json={"detail": "Not Found"})
UNKNOWN_CUSTOMER = httpx.Response(404, json={"detail": {"error": "End User Id does not exist in db"}})


def ok(**body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


HEALTHY: Mapping[str, httpx.Response] = {
    "/health/readiness": ok(status="healthy", db="connected"),
    "/health/readiness/details": ok(status="healthy", litellm_version="1.110.2"),
    "/health/license": ok(has_license=False, license_type="community"),
    "/config/field/info": ok(field_name="store_model_in_db", field_value=True),
    "/key/info": NOBODY,
    "/key/list": ok(keys=[], total_count=0),
    "/user/list": ok(users=[]),
    "/v2/team/list": ok(teams=[]),
    "/customer/info": UNKNOWN_CUSTOMER,
    "/v2/model/info": ok(data=[], total_pages=0),
    "/router/settings": ok(current_values={}),
    "/user/daily/activity": ok(results=[], metadata={}),
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=PROXY, assert_all_called=False) as router:
        yield router


def answers(router: respx.MockRouter, **changed: httpx.Response) -> None:
    """A healthy proxy, but for these paths (``key_info`` is ``/key/info``)."""
    given = {f"/{name.replace('__', '/')}": answer for name, answer in changed.items()}
    for path, answer in {**HEALTHY, **given}.items():
        router.get(path).mock(return_value=answer)


def settings(**values: object) -> Settings:
    given = {"litellm_base_url": PROXY, "litellm_master_key": KEY, **values}
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


async def screen(capsys: pytest.CaptureFixture[str], **values: object) -> tuple[int, str]:
    code = await check.run(settings(**values))
    return code, capsys.readouterr().out


def unwrapped(said: str) -> str:
    return " ".join(said.split())


def faults(items: list[Item]) -> dict[str, str]:
    return {item.name: item.mend for item in items if item.level == "FAULT"}


# ---- the whole -------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_master_key_on_a_healthy_proxy(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    answers(proxy)
    code, said = await screen(capsys)
    assert code == 0
    assert "the master key" in said
    assert "1.110.2" in said
    assert "community" in said
    assert said.rstrip().endswith("This configuration works.")
    for tool in TEN:
        assert tool in said
    assert len(said.splitlines()) <= 25


@pytest.mark.asyncio
async def test_keys_that_callers_bring_are_no_fault(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(proxy)
    code, said = await screen(capsys, litellm_master_key=None, steward_credentials="caller")
    assert code == 0
    assert "each HTTP request brings its own in X-LiteLLM-Key" in unwrapped(said)
    assert not any("authorization" in call.request.headers and KEY in str(call.request.headers) for call in proxy.calls)


@pytest.mark.asyncio
async def test_it_only_reads(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    answers(proxy)
    await screen(capsys)
    assert {call.request.method for call in proxy.calls} == {"GET"}


@pytest.mark.asyncio
async def test_a_refused_key_is_tried_a_few_times_only(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(proxy, key__info=REFUSED, health__readiness__details=REFUSED)
    code, said = await screen(capsys)
    assert code == 1
    assert "the proxy refuses it: 'Invalid API key provided.'" in said
    assert "Set LITELLM_MASTER_KEY" in said
    assert not proxy.routes[list(HEALTHY).index("/user/list")].called
    assert KEY not in said


@pytest.mark.asyncio
async def test_an_expired_key_is_a_400_on_older_releases(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"error": {"message": "Authentication Error - Expired Key.", "type": "expired_key", "code": "400"}}
    answers(proxy, key__info=httpx.Response(400, json=body))
    code, said = await screen(capsys)
    assert code == 1
    assert "the proxy refuses it: 'Authentication Error - Expired Key.'" in said


@pytest.mark.asyncio
async def test_the_key_is_not_shown_to_what_is_no_litellm_proxy(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.get("/health/readiness").mock(return_value=httpx.Response(200, text="<html>Welcome</html>"))
    code, said = await screen(capsys)
    assert code == 1
    assert f"{PROXY} answers, but not as a LiteLLM proxy does" in said
    assert all(KEY not in str(call.request.headers.raw) for call in proxy.calls)


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [{}, {"detail": "hello"}, {"status": ""}])
async def test_any_json_is_not_a_proxy(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], body: dict[str, str]
) -> None:
    proxy.get("/health/readiness").mock(return_value=ok(**body))
    code, said = await screen(capsys)
    assert code == 1
    assert "not as a LiteLLM proxy does" in said


@pytest.mark.asyncio
async def test_a_dead_proxy(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.get("/health/readiness").mock(side_effect=httpx.ConnectError("All connection attempts failed"))
    code, said = await screen(capsys)
    assert code == 1
    assert f"No connection to the LiteLLM proxy at {PROXY} (connection refused)" in said
    assert "Start the LiteLLM proxy, or set LITELLM_BASE_URL" in said


@pytest.mark.asyncio
async def test_no_key_at_all(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    answers(proxy)
    code, said = await screen(capsys, litellm_master_key=None)
    assert code == 1
    assert "LITELLM_MASTER_KEY_FILE to a file" in said
    assert "proxy        http://proxy.test:4000 answers" in said, "what can be told without a key is told"
    assert "its version" not in said, "it was not asked for"


@pytest.mark.asyncio
async def test_a_proxy_without_database(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    answers(
        proxy,
        health__readiness=ok(status="healthy", db="Not connected"),
        **dict.fromkeys(("key__info", "key__list", "user__list", "v2__team__list", "customer__info"), NO_DATABASE),
    )
    code, said = await screen(capsys)
    assert code == 1
    assert "the proxy says 'Not connected'" in said
    assert "Set DATABASE_URL" in said
    assert "accepted: the master key" in said
    assert "tools  works        get_model_info\n" in said


@pytest.mark.asyncio
async def test_a_viewers_key(proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]) -> None:
    user = {"user_id": "viewer", "user_role": "proxy_admin_viewer"}
    answers(proxy, key__info=ok(info={"user_id": "viewer"}), user__list=ok(users=[user], total=1))
    code, said = await screen(capsys)
    assert code == 1
    assert "a viewer's key of user 'viewer'" in said
    assert "or set STEWARD_READ_ONLY=true" in unwrapped(said)
    code, said = await screen(capsys, steward_read_only=True)
    assert code == 0
    assert "create_team" not in said


@pytest.mark.asyncio
async def test_a_model_from_the_database_proves_that_models_are_stored(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str]
) -> None:
    untold = httpx.Response(400, json={"detail": {"error": "Field name=store_model_in_db not in DB"}})
    answers(proxy, config__field__info=untold)
    _, said = await screen(capsys)
    assert "does not tell whether STORE_MODEL_IN_DB is on" in said
    one = ok(total_pages=1, data=[{"model_info": {"id": "1", "db_model": True}}])
    answers(proxy, config__field__info=untold, v2__model__info=one)
    _, said = await screen(capsys)
    assert "STORE_MODEL_IN_DB is on" in said


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.asyncio
async def test_a_folder_for_keys_that_others_can_enter(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], open_folder: Path
) -> None:
    answers(proxy)
    code, said = await screen(capsys, steward_key_delivery="file", steward_key_dir=open_folder)
    assert code == 1
    assert f"chmod 700 {open_folder}" in unwrapped(said)


@pytest.mark.asyncio
async def test_a_folder_for_keys_of_its_own(
    proxy: respx.MockRouter, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers(proxy)
    code, said = await screen(capsys, steward_key_delivery="file", steward_key_dir=tmp_path / "keys")
    assert code == 0
    assert f"new keys to a file in {tmp_path / 'keys'}" in unwrapped(said)


# ---- the judgement ---------------------------------------------------------------------------------


def test_every_default_tool_says_what_it_needs() -> None:
    assert set(NEEDS) == set(TEN)


def test_approval_off_is_told() -> None:
    assert any(item.name == "approval" for item in diagnose(settings(steward_approval="off"), Findings()))


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        (OLDEST, "ok", "1.83.14 (tested"),
        (Version(1, 111, 0), "note", "newer than what was tested"),
        (None, "note", "does not tell its version"),
    ],
)
def test_versions(version: Version | None, level: str, words: str) -> None:
    (item,) = [item for item in diagnose(settings(), Findings(version=version, reads=READ)) if item.name == "LiteLLM"]
    assert item.level == level
    assert words in item.found
    assert bool(item.mend) == (level == "FAULT")


@pytest.mark.parametrize(
    ("key", "role", "may"),
    [
        (None, "", True),
        (OwnKey(user_id="a"), "proxy_admin", True),
        (OwnKey(user_id="a", allowed_routes=["management_routes"]), "proxy_admin", True),
        (OwnKey(user_id="a", allowed_routes=["llm_api_routes"]), "proxy_admin", False),
        (OwnKey(user_id="a"), "proxy_admin_viewer", False),
        (OwnKey(user_id="a"), "internal_user", False),
        (OwnKey(), "", False),
        (KeyRefused("no"), "", False),
    ],
)
def test_who_may_write(key: OwnKey | KeyRefused | None, role: str, *, may: bool) -> None:
    assert may_write(Findings(own_key=key, role=role)) is may


def test_a_management_key_misses_the_router() -> None:
    found = Findings(
        own_key=OwnKey(user_id="a", allowed_routes=["management_routes"]),
        role="proxy_admin",
        reads={"fallbacks": RoleRefused("no"), "customers": RoleRefused("no")},
        version=NEWEST,
    )
    judged = {verdict.tool: verdict for verdict in verdicts(found, TEN, WRITING)}
    assert {tool for tool, verdict in judged.items() if verdict.reason} == {"get_user_info"}
    assert {tool for tool, verdict in judged.items() if verdict.limits} == set(WITHOUT_FALLBACKS)
    fault = key_fault(list(judged.values()))
    assert fault is not None
    assert fault.found == "this key is not enough for 1 of 10 tools"
    assert "READ_ONLY" not in fault.mend


def test_a_limited_key_is_told_once() -> None:
    judged = verdicts(Findings(own_key=OwnKey(user_id="a"), role="internal_user"), TEN, WRITING)
    assert {verdict.reason for verdict in judged} == {"this key is not an admin's"}


def test_a_proxy_that_fails_is_not_the_keys_fault() -> None:
    judged = verdicts(Findings(reads={"usage": ProxyBroken("HTTP 500")}), ["get_key_info"], [])
    assert judged == [Verdict("get_key_info", reason="the proxy fails to show usage")]
    assert key_fault(judged) is None


def test_a_proxy_that_fails_is_a_fault(tmp_path: Path) -> None:
    found = Findings(own_key=TimedOut("The proxy did not answer GET /key/info within 8 s"))
    assert "admin key" in faults(diagnose(settings(steward_key_dir=tmp_path), found))


def test_models_that_are_not_stored() -> None:
    found = Findings(stores_models=False, reads={"models": None}, version=NEWEST)
    assert "STORE_MODEL_IN_DB=True" in faults(diagnose(settings(), found))["new models"]
    (verdict,) = verdicts(found, ["create_model"], ["create_model"])
    assert verdict.reason == "the proxy does not store models"


def test_a_master_key_is_known_without_a_database_however_the_proxy_fails() -> None:
    for failure in (NoDatabase("No connected db."), ProxyBroken("HTTP 500")):
        found = Findings(database="Not connected", own_key=failure, reads={"models": None})
        assert set(faults(diagnose(settings(), found))) == {"database"}
    broken = Findings(own_key=ProxyBroken("HTTP 500"), reads={"models": None})
    assert set(faults(diagnose(settings(), broken))) == {"admin key"}


def test_without_a_database_only_the_master_key_is_known() -> None:
    key = NoDatabase("No connected db.")
    found = Findings(database="Not connected", own_key=key, reads={"models": key})
    assert set(faults(diagnose(settings(), found))) == {"database", "admin key"}


def test_what_older_releases_cannot_do() -> None:
    assert limits_of("get_model_info", OLDEST) == ("no latency",)
    assert not any(limits_of(tool, NEWEST) for tool in TEN)
    assert limits_of("create_model", None) == ("fallback_for needs a known version",)


def test_a_screen_with_every_fault_fits() -> None:
    items = [Item("FAULT", "admin key", "word " * 40, "mend " * 20)]
    lines = check.render(items, [Verdict("get_key_info", reason="it is so"), Verdict("get_team_info")]).splitlines()
    assert max(map(len, lines)) <= check.WIDTH
    assert lines[-1] == "1 fault to mend."
    assert next(line for line in lines if line.startswith("tools")).split()[1] == "works"
