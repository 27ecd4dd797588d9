"""What our key, the caller's token and the client allow decides which tools are offered; the others say why not."""

from __future__ import annotations

from typing import Literal

import httpx
import pytest
from mcp import Client
from pydantic import SecretStr

from litellm_steward.access import KNOWN_FOR, UNKNOWN_FOR, Access, KnownAccess
from litellm_steward.api.standing import OwnKey
from litellm_steward.offers import hindrance
from litellm_steward.server import build_server
from litellm_steward.tools.catalog import CATALOG
from tests.stage import context_of, refusal_of, steward_at
from tests.tape import BASE_URL

pytestmark = pytest.mark.asyncio
Era = Literal["auto", "legacy"]
TEN = 10


class Standing(httpx.AsyncBaseTransport):
    """A proxy that says whose key it was sent; a master key is none of its virtual keys."""

    def __init__(self, role: str | None = None, routes: list[str] | None = None, status: int = 200) -> None:
        self.role, self.routes, self.status = role, routes or [], status
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.status != 200:
            return httpx.Response(self.status, json={"error": {"message": "no", "code": str(self.status)}})
        if request.url.path == "/key/info" and self.role is not None:
            return httpx.Response(200, json={"info": {"user_id": "ada", "allowed_routes": self.routes}})
        if request.url.path == "/user/list":
            return httpx.Response(200, json={"users": [{"user_id": "ada", "user_role": self.role}], "total": 1})
        return httpx.Response(404, json={"error": {"message": "Key not found in database", "code": "404"}})


async def offered(proxy: Standing, era: Era = "auto", **settings: object) -> tuple[list[str], str]:
    """The tools listed, and what delete_key says when called all the same."""
    server = build_server(steward_at(BASE_URL, proxy, settings))
    async with Client(server, mode=era, cache=None) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("delete_key", {"key": "bot"})
    return names, refusal_of(result)


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_viewers_key_is_offered_only_what_reads(era: Era) -> None:
    names, said = await offered(Standing("proxy_admin_viewer"), era)
    assert names == ["get_key_info", "get_model_info", "get_team_info", "get_user_info"]
    assert said.startswith("delete_key cannot work: the LiteLLM key in use may not change anything at the proxy.")
    assert "LITELLM_MASTER_KEY" in said


async def test_somebodys_own_key_would_see_a_part_as_if_it_were_all() -> None:
    names, said = await offered(Standing("internal_user"))
    assert names == []
    assert "is not an admin's: the proxy would show it only a part" in said


@pytest.mark.parametrize("approval", ["auto", "elicit"])
async def test_a_caller_with_a_key_of_their_own_is_told_about_that_one(approval: str) -> None:
    given = {"steward_credentials": "caller", "litellm_master_key": None, "steward_approval": approval}
    context = context_of(steward_at(BASE_URL, settings=given))  # of a caller who sent no key at all
    destroying = next(spec for spec in CATALOG if spec.name == "delete_key")
    said = hindrance(destroying, context, Access(OwnKey(user_id="ada"), "internal_user"))
    assert said is not None
    assert said.endswith("Send a key of a proxy_admin user without route limits in X-LiteLLM-Key.")
    assert (hindrance(destroying, context, None) is None) == (approval == "auto")


async def test_an_admins_key_that_is_confined_changes_nothing() -> None:
    names, _ = await offered(Standing("proxy_admin", ["info_routes"]))
    assert len(names) == TEN - 6


@pytest.mark.parametrize("proxy", [Standing(), Standing("proxy_admin"), Standing(status=500), Standing(status=401)])
async def test_an_admin_and_whoever_is_not_known_is_offered_everything(proxy: Standing) -> None:
    names, _ = await offered(proxy)
    assert len(names) == TEN


async def test_a_client_that_cannot_be_asked_is_not_offered_what_needs_a_person() -> None:
    names, said = await offered(Standing(), steward_approval="elicit")
    assert {"delete_key", "delete_model"}.isdisjoint(names)
    assert len(names) == TEN - 2
    assert "this client cannot be asked" in said


async def test_the_answer_is_kept_for_a_while_and_none_not_for_long() -> None:
    now = [0.0]
    proxy = Standing(status=500)
    steward = steward_at(BASE_URL, proxy)
    known = KnownAccess(clock=lambda: now[0])
    assert await known.ask(steward.proxy) is None
    assert await known.ask(steward.proxy) is None
    assert proxy.asked == ["/key/info"], "once, and without another attempt"
    proxy.status = 200
    now[0] = UNKNOWN_FOR
    assert await known.ask(steward.proxy) == Access(None, "")
    now[0] += KNOWN_FOR - 1
    await known.ask(steward.proxy)
    assert proxy.asked.count("/key/info") == 2


def _access(role: str, *routes: str) -> Access:
    return Access(OwnKey(user_id="ada", allowed_routes=list(routes)), role)


@pytest.mark.parametrize(
    ("access", "changes"),
    [
        (_access("proxy_admin"), True),
        (_access("proxy_admin", "management_routes"), True),
        (_access("proxy_admin", "llm_api_routes"), False),
        (_access("proxy_admin_viewer"), False),
        (_access(""), False),
        (Access(None, ""), True),
    ],
)
async def test_who_may_change(access: Access, changes: bool) -> None:
    assert access.may_change is changes


async def test_what_nobody_foresaw_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would send the client the exception's text, which may quote anything."""

    async def broken(*_: object) -> None:
        raise ValueError("sk-secret-of-somebody")

    monkeypatch.setattr(KnownAccess, "ask", broken)
    names, said = await offered(Standing())
    assert len(names) == TEN
    assert "a fault of the steward itself" in said
    assert "sk-secret" not in said


async def test_callers_that_no_proxy_accepted_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litellm_steward.steward.CALLERS_KEPT", 3)
    steward = steward_at(BASE_URL, Standing())
    known = steward.of_caller("known", SecretStr("sk-known"))
    known.access.last = Access(None, "")
    for number in range(10):
        steward.of_caller(f"made up {number}", SecretStr("sk-made-up"))
    assert steward.of_caller("known", SecretStr("sk-known")) is known
    for number in range(4):
        steward.of_caller(f"real {number}", SecretStr("sk-real")).access.last = Access(None, "")
    assert steward.of_caller("known", SecretStr("sk-known")) is not known, "of those that work, the oldest goes"
