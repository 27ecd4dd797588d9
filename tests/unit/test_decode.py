"""Every way in which real LiteLLM releases say no, and the error it becomes."""

from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter

from litellm_steward import errors
from litellm_steward.api.activity import Activity, Everybody
from litellm_steward.api.decode import LARGE, Answer, decode, error_of
from litellm_steward.api.keys import KeyInfo
from litellm_steward.tools.blocks import iso
from tests.tape import MASTER_KEY, NEW, OLD, VERSIONS, Scene, scene, scenes

CLASSES: dict[str, type[errors.ProxyError]] = {
    "no key": errors.KeyRefused,
    "unknown key": errors.KeyRefused,
    "key that is no key": errors.KeyRefused,
    "blocked key": errors.KeyRefused,
    "expired key": errors.KeyRefused,
    "deleted key": errors.KeyRefused,
    "viewer writes a key": errors.RoleRefused,
    "viewer writes a team": errors.RoleRefused,
    "ordinary key lists users": errors.RoleRefused,
    "ordinary key asks for spend": errors.RoleRefused,
    "unknown route": errors.RouteMissing,
    "alias taken": errors.Conflict,
    "team id taken": errors.Conflict,
    "user id taken": errors.Conflict,
    "user e-mail taken": errors.Conflict,
    "customer id taken": errors.Conflict,
    "bad duration": errors.BadRequest,
    "bad budget_duration": errors.BadRequest,
    "wrong type": errors.BadRequest,
    "bad role": errors.BadRequest,
    "customer with two budgets": errors.BadRequest,
    "team without id": errors.BadRequest,
    "no keys to delete": errors.BadRequest,
    "dates missing": errors.BadRequest,
    "bad page size": errors.BadRequest,
    "tags need a licence": errors.EnterpriseOnly,
    "regenerate needs a licence": errors.EnterpriseOnly,
    "report needs a licence": errors.EnterpriseOnly,
    "unknown key hash": errors.Missing,
    "unknown team": errors.Missing,
    "unknown user": errors.Missing,
    "unknown customer": errors.Missing,
    "unknown model": errors.Missing,
    "nothing deleted": errors.Missing,
    "provider budgets unset": errors.ProxyBroken,
    "unhandled": errors.ProxyBroken,
}
"""What every release means by it, in whichever of its shapes."""

ACCEPTED = {
    (OLD, "bad budget_duration"),  # and resets it daily: durations are checked before they are sent
}
"""What a release does not refuse, though it should."""


def _answer(scene: Scene) -> Answer:
    return Answer(scene.only.status, scene.only.content)


def _error(scene: Scene) -> errors.ProxyError:
    route = f"{scene.only.method} {scene.only.path}"
    return error_of(_answer(scene), route, [MASTER_KEY])


REFUSALS = [
    pytest.param(refusal, id=f"{version} {refusal.name}")
    for version in VERSIONS
    for refusal in scenes(version, "errors")
    if (version, refusal.name) not in ACCEPTED
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_becomes_the_error_that_fits(refusal: Scene) -> None:
    error = _error(refusal)
    assert type(error) is CLASSES[refusal.name], str(error)
    assert error.status == refusal.only.status
    assert error.retryable == (type(error) is errors.ProxyBroken)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_reads_as_a_sentence(refusal: Scene) -> None:
    said = str(_error(refusal))
    assert said[0].isupper()
    assert said.endswith((".", "?", "!"))
    assert "\n" not in said
    assert "{'" not in said, "a Python dict is no sentence"
    assert "sk-recorded" not in said
    assert len(said) < 700


@pytest.mark.parametrize(("version", "name"), sorted(ACCEPTED))
def test_what_a_release_wrongly_accepts_is_known(version: str, name: str) -> None:
    assert scene(version, "errors", name).only.status == 200


def test_every_recorded_refusal_has_its_class() -> None:
    assert {refusal.name for version in VERSIONS for refusal in scenes(version, "errors")} == set(CLASSES)


SILENT = {(NEW, "key info")}
"""An internal error, as after any other failure: ``check`` knows from the readiness that there is no database."""

NEEDS_NO_DATABASE = {"readiness", "readiness in detail", "openapi", "models"}
WITHOUT_DATABASE = [
    pytest.param(refusal, id=f"{version} {refusal.name}")
    for version in VERSIONS
    for refusal in scenes(version, "no_database")
    if refusal.name not in NEEDS_NO_DATABASE and (version, refusal.name) not in SILENT
]


@pytest.mark.parametrize("refusal", WITHOUT_DATABASE)
def test_a_proxy_without_database_is_recognised_on_every_route(refusal: Scene) -> None:
    error = _error(refusal)
    assert type(error) is errors.NoDatabase, str(error)
    assert not error.retryable
    assert "DATABASE_URL" in str(error)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", sorted(NEEDS_NO_DATABASE - {"readiness in detail"}))
def test_what_needs_no_database_works_without(version: str, name: str) -> None:
    answer = _answer(scene(version, "no_database", name))
    assert decode(answer, TypeAdapter(dict[str, object]), "GET /any")


EXACTLY = {
    (NEW, "alias taken"): (
        "It exists already: 'Key with alias ’cs-bot’ already exists. Unique key aliases across all keys are required.'."
    ),
    (NEW, "unknown team"): "The proxy does not know it: 'Team not found, passed team id: no-such-team.'.",
    (NEW, "unknown route"): "This LiteLLM version has no GET /spend/total.",
    (NEW, "unhandled"): (
        "The proxy failed on POST /model/new (HTTP 500): 'Internal server error'. It does not say why; its log may. "
        "Trying again may help."
    ),
    (OLD, "unhandled"): (
        "The proxy failed on POST /model/new (HTTP 500): 'Internal Server Error'. It does not say why; its log may. "
        "Trying again may help."
    ),
    (NEW, "wrong type"): (
        "The proxy rejected the request (HTTP 422): 'max_budget: Input should be a valid number, unable to parse "
        "string as a number'."
    ),
    (NEW, "unknown key"): (
        "The proxy refused our admin key (HTTP 401): 'Authentication Error, Invalid API key provided.'. "
        "Correct LITELLM_MASTER_KEY (or its file), then run `litellm-steward check`."
    ),
    (OLD, "unknown key"): (
        "The proxy refused our admin key (HTTP 401): 'Authentication Error, Invalid proxy server token passed. "
        "Received API Key = [hidden], Key Hash (Token) =[hidden]. Unable to find token in cache or "
        "`LiteLLM_VerificationTokenTable`'. "
        "Correct LITELLM_MASTER_KEY (or its file), then run `litellm-steward check`."
    ),
}


@pytest.mark.parametrize(("version", "name"), EXACTLY)
def test_the_words(version: str, name: str) -> None:
    assert str(_error(scene(version, "errors", name))) == EXACTLY[version, name]


def test_a_large_answer_is_the_same_without_its_bulk() -> None:
    keys = {f"{n:064}": {"metrics": {"spend": 0.1, "api_requests": 1}} for n in range(10_000)}
    team = {"metrics": {"spend": 1000.3, "api_requests": 10_000}, "metadata": {"team_alias": None}}

    def body(bulk: object) -> bytes:
        breakdown = {"api_keys": dict(list(keys.items())[:2]), "entities": {"t": {**team, "api_key_breakdown": bulk}}}
        day = {"date": "2026-11-21", "metrics": team["metrics"], "breakdown": breakdown}
        return json.dumps({"results": [day]}).encode()

    small, large = body({}), body(keys)
    assert len(small) < LARGE < len(large)
    adapter = TypeAdapter(Activity)
    assert decode(Answer(200, large), adapter, "GET /x") == decode(Answer(200, small), adapter, "GET /x")


@pytest.mark.parametrize("body", [b"[" * LARGE, b'{"results": "' + b"x" * LARGE, b'{"results": 1}' + b" " * LARGE])
def test_a_large_answer_that_is_wrong_is_refused_like_a_small_one(body: bytes) -> None:
    with pytest.raises(errors.ProxyBroken, match=r"GET /x was answered"):
        decode(Answer(200, body), TypeAdapter(Activity), "GET /x")


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("2026-11-21T10:00:00", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00+02:00", "2026-11-21T08:00:00Z"),
    ],
)
def test_times_are_read_in_utc(told: str, meant: str) -> None:
    key = decode(Answer(200, json.dumps({"info": {"expires": told}}).encode()), TypeAdapter(KeyInfo), "GET /key/info")
    assert iso(key.info.expires) == meant


def test_a_time_beyond_all_times_is_no_time() -> None:
    body = json.dumps({"info": {"expires": "0001-01-01T00:00:00+02:00"}}).encode()
    with pytest.raises(errors.ProxyBroken, match="a form the steward does not know"):
        decode(Answer(200, body), TypeAdapter(KeyInfo), "GET /key/info")


def test_what_nobody_reads_is_dropped_only_from_where_it_stands() -> None:
    """A model may be called like a field."""
    entry = {"metrics": {"spend": 1, "api_requests": 1}, "metadata": {}, "api_key_breakdown": {"x" * 64: {}}}
    names = ("entities", "api_keys", "api_key_breakdown", "metrics", "model_groups")
    breakdown = {
        "model_groups": {"gpt-4o": entry},
        "models": dict.fromkeys(names, entry),
        "entities": {f"team {n}": entry for n in range(LARGE // 100)},
        "api_keys": {"hash": entry},
    }
    row = {"date": "2026-11-30", "metrics": {"spend": 5, "api_requests": 5}, "breakdown": breakdown}
    body = json.dumps({"results": [row], "metadata": {}}).encode()
    assert len(body) > LARGE
    (day,) = decode(Answer(200, body), TypeAdapter(Everybody), "GET /x", unread=Everybody.unread).results
    assert set(day.breakdown.models) == set(names)
    assert not day.breakdown.entities
    assert not day.breakdown.api_keys
