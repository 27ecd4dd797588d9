"""``create_model`` against what real proxies said."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from litellm_steward import errors
from litellm_steward.deployments import NotLoaded
from litellm_steward.fallbacks import FallbackNotSet
from litellm_steward.provider_errors import ProviderFailed
from tests.tape import NEW, OLD, VERSIONS
from tests.unit.recorded import KEY, Release, Reloading, agreed, created, steward_with

pytestmark = pytest.mark.asyncio

PREFLIGHT_PASSES = {"/health/test_connection": httpx.Response(200, json={"status": "success"})}
STORE_IS_OFF = "{'error': \"Set 'STORE_MODEL_IN_DB='True'' in your env to enable this feature.\"}"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_good_deployment_is_made_and_reached(version: str) -> None:
    release = Release(version)
    async with steward_with(release) as ctx:
        answer = await agreed(ctx)
    assert answer.status == "created"
    assert answer.verified
    assert answer.model_id in release.live
    assert (answer.model_name, answer.model, answer.provider) == ("fresh", "openai/fresh", "openai")
    (call,) = release.calls("/chat/completions")
    assert (call["model"], call["num_retries"], call["disable_fallbacks"]) == (answer.model_id, 0, True)
    assert len(release.calls("/health/test_connection")) == 1
    assert KEY not in answer.model_dump_json() + answer.text()
    assert answer.text().startswith("fresh → openai/fresh at http://127.0.0.1:9/v1, verified: a real call answered in")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("case", "says"), [("bad key", "refused the key"), ("dead host", "No connection")])
async def test_a_broken_one_leaves_nothing_behind(version: str, case: str, says: str) -> None:
    release = Release(version, case)
    async with steward_with(release) as ctx:
        with pytest.raises(ProviderFailed, match=says) as failed:
            await agreed(ctx)
    assert failed.value.fault == "provider"
    assert not release.rows
    assert not failed.value.write_uncertain
    assert "sk-bad" not in str(failed.value)
    assert not release.calls("/model/new"), "the pre-flight failed"


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unknown_provider_is_cleaned_up(version: str) -> None:
    """The newest release says 500 and keeps the row; the older ones say 200 and keep it too."""
    release = Release(version, "bogus provider")
    async with steward_with(release) as ctx:
        with pytest.raises(NotLoaded, match=r"knows no provider 'bogus'\. Nothing was left behind"):
            await agreed(ctx, model="bogus/x", api_base=None, verify=False)
    assert not release.rows


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_reload_drops_is_waited_for(version: str, pauses: list[float]) -> None:
    """Measured on 1.108.5: a reload that began before the deployment was stored takes it out of the router."""
    release = Reloading(version, stale_looks=5)
    async with steward_with(release) as ctx:
        assert (await agreed(ctx)).verified
    assert len(pauses) == 5
    assert [len(release.calls(path)) for path in ("/model/new", "/model/delete", "/chat/completions")] == [1, 0, 1]


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_reload_drops_before_its_test_call_is_called_again(version: str, pauses: list[float]) -> None:
    class Dropping(Reloading):
        def _call(self, body: Any) -> httpx.Response:  # noqa: ANN401
            if len(self.calls("/chat/completions")) > 1:
                return super()._call(body)
            self.stale_looks = 5
            error = {"message": f"Invalid model name passed in model={body['model']}", "code": "400"}
            return httpx.Response(400, json={"error": error})

    release = Dropping(version)
    async with steward_with(release) as ctx:
        assert (await agreed(ctx)).verified
    assert pauses
    assert not release.calls("/model/delete")


async def test_what_a_reload_puts_back_after_a_failed_test_is_waited_for(pauses: list[float]) -> None:
    release = Reloading(OLD, "bad key", stale_after_delete=6, failing=dict(PREFLIGHT_PASSES))
    async with steward_with(release) as ctx:
        with pytest.raises(ProviderFailed, match=r"refused the key.*Nothing was left behind"):
            await agreed(ctx)
    assert (len(pauses), len(release.calls("/model/delete"))) == (6, 1)


async def test_what_is_never_loaded_is_removed_and_told(pauses: list[float]) -> None:
    release = Release(OLD, "bogus provider", failing=dict(PREFLIGHT_PASSES))
    async with steward_with(release) as ctx:
        with pytest.raises(NotLoaded, match=r"did not load it; the proxy's log may tell why\. Nothing was left behind"):
            await agreed(ctx)
    assert not release.rows
    assert 31 < sum(pauses) < 35


async def test_another_deployments_answer_proves_nothing() -> None:
    swapped = Release(OLD)
    swapped.failing["/chat/completions"] = httpx.Response(200, json={}, headers={"x-litellm-model-id": "other"})
    async with steward_with(swapped) as ctx:
        with pytest.raises(ProviderFailed, match="Another deployment answered"):
            await agreed(ctx)
    assert not swapped.rows


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("model", ["openai/gpt-4o", "gpt-4o"])
async def test_the_preflight_is_skipped_where_it_would_borrow(version: str, model: str) -> None:
    """With a deployment of the same model, 1.83 sends that deployment's key to the caller's address."""
    release = Release(version)
    async with steward_with(release, steward_approval="off") as ctx:
        await created(ctx, model=model)
    assert not release.calls("/health/test_connection")


async def test_a_mock_is_not_verified() -> None:
    release = Release(NEW)
    async with steward_with(release) as ctx:
        answer = await agreed(ctx, litellm_params={"mock_response": "hello"})
    assert (answer.verified, answer.verification) == (False, "mocked")
    assert not release.calls("/chat/completions")


async def test_verification_can_be_skipped_and_is_impossible_for_some() -> None:
    release = Release(NEW)
    async with steward_with(release, steward_approval="off") as ctx:
        assert (await created(ctx, verify=False)).verification == "skipped"
        image = await created(ctx, model_name="image", model="openai/dall-e-9")
        wild = await created(ctx, model_name="w/*", model="openai/*")
        embedding = await created(ctx, model_name="e", model="openai/embed", litellm_params={"mode": "embedding"})
    assert image.verification.startswith("not possible")
    assert wild.verification == "not possible: a wildcard has no harmless test call"
    assert embedding.verified
    assert release.calls("/embeddings")[0]["input"] == "OK"


async def test_a_lost_answer_is_looked_up() -> None:
    class Lossy(Release):
        def _new(self, body: Any) -> httpx.Response:  # noqa: ANN401
            super()._new(body)
            raise httpx.ReadError("gone")

    release = Lossy(NEW)
    async with steward_with(release) as ctx:
        answer = await agreed(ctx)
    assert answer.verified
    assert len(release.calls("/model/new")) == 1


async def test_a_lost_write_that_never_happened_is_told() -> None:
    release = Release(NEW, failing={"/model/new": httpx.ReadError("gone")})
    async with steward_with(release) as ctx:
        with pytest.raises(errors.Unreachable, match="Nothing was left behind") as failed:
            await agreed(ctx)
    assert "may or may not" not in str(failed.value)


async def test_a_failed_cleanup_names_the_id() -> None:
    broken = httpx.Response(500, json={"detail": "broken"})
    release = Release(OLD, "bad key", failing={**PREFLIGHT_PASSES, "/model/delete": broken})
    async with steward_with(release) as ctx:
        with pytest.raises(ProviderFailed) as failed:
            await agreed(ctx)
    (left,) = release.rows
    assert f"The deployment {left} may be left behind: remove it with delete_model" in str(failed.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": {"message": STORE_IS_OFF}}, "STORE_MODEL_IN_DB=True"),
        ({"detail": {"error": "No DB Connected. Here's how to do it - https://docs.litellm.ai"}}, "database"),
    ],
)
async def test_a_proxy_that_cannot_store_models_says_what_to_set(body: object, says: str) -> None:
    release = Release(NEW, failing={"/model/new": httpx.Response(500, json=body)})
    async with steward_with(release) as ctx:
        with pytest.raises(errors.ProxyError, match=says):
            await agreed(ctx)
    assert not release.calls("/model/delete")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model_name": "a\nb"}, "visible characters"),
        ({"model_name": "a\u202eb"}, "visible characters"),
        ({"max_budget": 1.0}, "only together"),
        ({"budget_duration": "1d"}, "only together"),
        ({"max_budget": -1.0, "budget_duration": "1d"}, "0 or more"),
        ({"max_budget": 1.0, "budget_duration": "zz"}, "budget_duration"),
        ({"api_base": "host"}, "api_base"),
        ({"credential": "nope", "api_key": None}, "no stored credential 'nope'"),
        ({"fallback_for": ["nope"]}, "no model 'nope'"),
        ({"model_name": "gpt-4o", "fallback_for": ["gpt-4o"]}, "its own fallback"),
        ({"api_key": SecretStr("sk with spaces")}, "api_key"),
    ],
)
async def test_bad_arguments_create_nothing(arguments: dict[str, Any], says: str) -> None:
    release = Release(NEW, source="db")
    async with steward_with(release) as ctx:
        with pytest.raises(errors.StewardError, match=says):
            await created(ctx, **arguments)
    assert not [path for method, path, _ in release.sent if method == "POST"]


async def test_the_id_of_another_deployment_is_no_name() -> None:
    release = Release(NEW)
    (taken,) = release.add("x")
    async with steward_with(release) as ctx:
        with pytest.raises(errors.InvalidArgument, match="id of an existing deployment"):
            await created(ctx, model_name=taken)


async def test_agreement_comes_before_anything_is_sent() -> None:
    release = Release(NEW)
    arguments: dict[str, Any] = {"api_key": SecretStr("os.environ/UPSTREAM_API_KEY")}
    async with steward_with(release) as ctx:
        asked = await created(ctx, **arguments)
        assert asked.status == "approval_required"
        assert asked.model_id is None
        assert "UPSTREAM_API_KEY is sent to 'http://127.0.0.1:9/v1'" in " ".join(asked.plan or [])
        assert not [path for method, path, _ in release.sent if method == "POST"]
        with pytest.raises(errors.Refused):  # the token is for this address, not for another one
            await created(ctx, **arguments, api_base="http://127.0.0.1:10/v1", approval=asked.approval)
        done = await created(ctx, **arguments, approval=asked.approval)
        with pytest.raises(errors.Refused, match="has changed since"):  # there is a deployment of that name now
            await created(ctx, **arguments, model_name="fresh", approval=asked.approval, model="openai/fresh")
    assert done.status == "created"
    assert release.calls("/model/new")[0]["litellm_params"]["api_key"] == "os.environ/UPSTREAM_API_KEY"
    assert not release.calls("/health/test_connection")  # it refuses references


async def test_no_key_of_the_proxy_goes_to_an_address_that_came_without_one() -> None:
    release = Release(NEW)
    async with steward_with(release) as ctx:
        answer = await created(ctx, api_key=None)
    assert release.calls("/model/new")[0]["litellm_params"]["api_key"] == "none"
    assert any("No key was given" in note for note in answer.notes)


async def test_a_fallback_is_written_after_the_proof() -> None:
    release = Release(NEW, source="db", general=[{"legacy-assistant": ["legacy-assistant-eu"]}])
    async with steward_with(release) as ctx:
        answer = await agreed(ctx, fallback_for=["LEGACY-ASSISTANT"])
    assert answer.fallbacks is not None
    assert [(c.model, c.chain) for c in answer.fallbacks] == [("legacy-assistant", ["legacy-assistant-eu", "fresh"])]
    paths = [path for method, path, _ in release.sent if method == "POST"]
    assert paths.index("/fallback") > paths.index("/chat/completions")


@pytest.mark.parametrize(("version", "says"), [(OLD, "default fallback"), (NEW, "config.yaml")])
async def test_a_refused_fallback_creates_nothing(version: str, says: str) -> None:
    release = Release(version, source="config" if version == NEW else None)
    async with steward_with(release) as ctx:
        with pytest.raises(errors.StewardError, match=says):
            await created(ctx, fallback_for=["gpt-4o"])
    assert not release.calls("/model/new")


async def test_a_name_that_only_a_chain_knows_takes_its_calls_with_agreement() -> None:
    """What a deleted model leaves behind: whoever makes the name again gets the calls that fail elsewhere."""
    async with steward_with(Release(OLD)) as ctx:
        planned = await created(ctx, model_name="retired-model")
        assert planned.status == "approval_required"
        assert any("lead to 'retired-model' already" in line for line in planned.plan or ())
        made = await created(ctx, model_name="retired-model", approval=planned.approval)
    assert made.status == "created"


async def test_a_fallback_that_fails_says_what_was_done() -> None:
    refused = httpx.Response(400, json={"detail": {"error": "no"}})
    release = Release(NEW, source="db", failing={"/fallback": refused})
    async with steward_with(release) as ctx:
        with pytest.raises(FallbackNotSet, match="was created and works") as failed:
            await agreed(ctx, fallback_for=["legacy-assistant"])
    (made,) = release.live
    assert made in str(failed.value)


async def test_budgets_that_do_not_bind_are_noted() -> None:
    for version, noted in ((OLD, True), (NEW, False)):
        async with steward_with(Release(version)) as ctx:
            answer = await agreed(ctx, max_budget=5.0, budget_duration="daily")
        assert any("does not enforce" in note for note in answer.notes) is noted
