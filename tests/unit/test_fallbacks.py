"""Fallbacks: what is read, what is missing, and how each release takes one more."""

from __future__ import annotations

import httpx
import pytest

from litellm_steward import fallbacks
from litellm_steward.api import router
from litellm_steward.api.models import Deployment
from litellm_steward.api.router import FallbackList, Fallbacks
from litellm_steward.api.version import Version
from litellm_steward.errors import Refused, Unsupported
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.tools.view import steward_of
from tests.tape import NEW, VERSIONS
from tests.unit.recorded import Release, steward_with

OLDEST, NEWEST = Version(1, 83, 14), Version(1, 110, 2)
PLAIN: FallbackList = [("a", ("b",))]
STARRED: FallbackList = [("a", ("b",)), ("*", ("c",))]


def live(general: FallbackList, *, config: bool = False, aliases: dict[str, str] | None = None) -> Fallbacks:
    return Fallbacks.model_construct(general=general, owned_by_config=config, aliases=aliases or {})


def deployed(*names: str) -> tuple[Deployment, ...]:
    return tuple(Deployment.model_validate({"model_name": name, "model_info": {"id": f"id-{name}"}}) for name in names)


@pytest.mark.parametrize(
    ("version", "state", "expected"),
    [
        (OLDEST, live(PLAIN), "one chain"),
        (OLDEST, live([]), "one chain"),
        (NEWEST, live(PLAIN), "one chain"),
        (NEWEST, live(STARRED), "whole list"),
        (None, live(PLAIN), Unsupported),
        (OLDEST, live(STARRED), Refused),
        (NEWEST, live(PLAIN, config=True), Refused),
        (NEWEST, live(STARRED, config=True), Refused),
        (NEWEST, Fallbacks(unreadable=True), Refused),
    ],
)
def test_the_table(version: Version | None, state: Fallbacks, expected: str | type[Exception]) -> None:
    if isinstance(expected, str):
        assert fallbacks.recipe(version, state) == expected
    else:
        with pytest.raises(expected, match="fallback_for"):
            fallbacks.recipe(version, state)


@pytest.mark.asyncio
async def test_chains_that_hold_more_than_names_are_left_alone() -> None:
    """They would be written back as names, and their settings lost."""
    rules = [{"a": ["b", {"model": "c"}]}, {"d": [{"model": "e", "temperature": 0}]}]
    answer = {"current_values": {"fallbacks": rules}}
    release = Release(NEW, failing={"/router/settings": httpx.Response(200, json=answer)})
    async with steward_with(release) as ctx:
        found = await router.fallbacks(steward_of(ctx).proxy)
    assert (found.general, found.with_settings) == ([("a", ("b", "c")), ("d", ("e",))], ("d",))
    with pytest.raises(Refused, match="The fallbacks of 'd' hold settings of their own"):
        fallbacks.recipe(NEWEST, found)


def test_a_target_goes_to_the_end_of_its_chain_and_the_rest_stays() -> None:
    assert fallbacks.with_target(STARRED, "a", "d") == [("a", ("b", "d")), ("*", ("c",))]
    assert fallbacks.with_target(STARRED, "x", "d") == [("a", ("b",)), ("x", ("d",)), ("*", ("c",))]
    assert fallbacks.with_target(STARRED, "a", "b") == STARRED
    assert fallbacks.with_target([], "x", "d") == [("x", ("d",))]


def test_chains_lead_to_a_name_before_anything_answers_to_it() -> None:
    state = live([("a", ("b", "gone")), ("*", ("gone",)), ("c", ("b",))], aliases={"prod": "gone", "x": "b"})
    assert fallbacks.leading_to(state, "gone") == ["a", "*", "prod"]
    assert fallbacks.leading_to(state, "nobody") == []
    pooled = live([("a", ("pool",))]).model_copy(update={"groups": {"pool": ("gone", "b")}})
    assert fallbacks.leading_to(pooled, "gone") == ["pool", "a"]


def test_chains_lead_on() -> None:
    state = live([("gpt", ("fast",)), ("x", ("backup-1", "gpt"))], aliases={"fast": "spare", "prod": "gpt"})
    assert fallbacks.leading_to(state, "spare") == ["fast", "gpt", "x", "prod"]
    assert fallbacks.leading_to(state, "backup-*") == ["x"]
    assert fallbacks.leading_to(live([("a", ("b",)), ("b", ("a",))]), "a") == ["b"], "and come to an end"


def test_missing_targets_are_flagged_and_the_star_is_the_default() -> None:
    state = live([("a", ("b", "gone")), ("*", ("c",))], aliases={"c": "a"})
    found = fallbacks.chains(ModelCatalog(deployed("a", "b"), state))
    assert [(c.model, c.kind, c.missing) for c in found] == [("a", "general", ("gone",)), ("*", "default", ())]
    wild = ModelCatalog(deployed("a", "openai/*"), live([], aliases={"to-a": "a", "to-nobody": "azure/y"}))
    chain = ["openai/x", "gpt-4o", "id-a", "azure/x", "to-a", "to-nobody"]
    assert fallbacks.missing(chain, wild) == ("azure/x", "to-nobody"), "LiteLLM may know whose model gpt-4o is"


def test_differences_are_told() -> None:
    said = fallbacks.differences(STARRED, [("a", ("b", "d"))])
    assert said == "'a' falls back to 'b', 'd' instead of 'b'; '*' falls back to nothing instead of 'c'"
    assert fallbacks.differences(STARRED, list(reversed(STARRED))) == ""


@pytest.mark.asyncio
async def test_what_each_release_shows() -> None:
    for version in VERSIONS:
        async with steward_with(Release(version)) as ctx:
            read = await router.fallbacks(steward_of(ctx).proxy)
        assert not read.unreadable
        assert read.context_window == [("gpt-3.5-turbo", ("gpt-4o",))]


@pytest.mark.asyncio
async def test_one_chain_is_written_and_proved() -> None:
    release = Release(NEW, general=[{"a": ["b"]}], source="db")
    async with steward_with(release) as ctx:
        after = await fallbacks.add(steward_of(ctx).proxy, NEWEST, "a", "new")
        assert after.general == [("a", ("b", "new"))]
        again = await fallbacks.add(steward_of(ctx).proxy, NEWEST, "a", "new")
    assert again.general == after.general
    assert release.calls("/fallback") == [{"model": "a", "fallback_models": ["b", "new"], "fallback_type": "general"}]
    assert not release.calls("/config/update")


@pytest.mark.asyncio
async def test_a_default_rule_survives() -> None:
    release = Release(NEW, general=[{"a": ["b"]}, {"*": ["c"]}], source="db")
    async with steward_with(release) as ctx:
        await fallbacks.add(steward_of(ctx).proxy, NEWEST, "x", "new")
    assert release.general == [{"a": ["b"]}, {"x": ["new"]}, {"*": ["c"]}]
    (body,) = release.calls("/config/update")
    assert list(body) == ["router_settings"]
    assert list(body["router_settings"]) == ["fallbacks"]


class Forgetful(Release):
    """A proxy that loses the rest of the list when a chain is written."""

    def _fallback(self, body):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        self.general = []
        return super()._fallback(body)


@pytest.mark.asyncio
async def test_a_lost_rule_is_reported() -> None:
    release = Forgetful(NEW, general=[{"a": ["b"]}, {"kept": ["c"]}], source="db")
    async with steward_with(release) as ctx:
        with pytest.raises(fallbacks.FallbackNotSet, match="'kept' falls back to nothing instead of 'c'"):
            await fallbacks.add(steward_of(ctx).proxy, NEWEST, "a", "new")
