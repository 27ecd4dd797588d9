"""Approval tokens: bound to the call and to the target as it was, short-lived, and good once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from litellm_steward.addresses import one_spelling
from litellm_steward.approval import LIFETIME, Approvals, Plan, question, typeable
from litellm_steward.errors import Refused

PLAN = Plan(
    tool="delete_key",
    lines=("Delete the virtual key 'cs-bot' (sk-...3c35) for good.",),
    typed="cs-bot",
    identity={"token": "ab" * 32, "key_alias": "cs-bot", "max_budget": 50.0, "models": []},
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def _approvals() -> tuple[Approvals, Clock]:
    clock = Clock()
    return Approvals("plan", clock=clock), clock


def _refusal(approvals: Approvals, token: str, plan: Plan = PLAN) -> str:
    with pytest.raises(Refused) as caught:
        approvals.redeem(token, plan)
    assert "Nothing was changed." in str(caught.value)
    return str(caught.value)


def test_a_token_is_good_once() -> None:
    approvals, _ = _approvals()
    token = approvals.issue(PLAN)
    approvals.redeem(token, PLAN)
    assert "was used already" in _refusal(approvals, token)


def test_two_tokens_for_one_plan_are_two() -> None:
    approvals, _ = _approvals()
    first, second = approvals.issue(PLAN), approvals.issue(PLAN)
    assert first != second
    approvals.redeem(first, PLAN)
    approvals.redeem(second, PLAN)


def test_white_space_around_a_token_is_forgiven() -> None:
    approvals, _ = _approvals()
    approvals.redeem(f" {approvals.issue(PLAN)}\n", PLAN)


def test_a_token_lives_five_minutes() -> None:
    approvals, clock = _approvals()
    assert LIFETIME == 300
    token = approvals.issue(PLAN)
    late = approvals.issue(PLAN)
    clock.now += LIFETIME - 1
    approvals.redeem(token, PLAN)
    clock.now += 2
    assert "has expired" in _refusal(approvals, late)
    assert "has expired" in _refusal(approvals, token), "used and expired"


CHANGED = {
    "another tool": replace(PLAN, tool="delete_model"),
    "another key": replace(PLAN, identity={**PLAN.identity, "token": "cd" * 32}),
    "a new alias": replace(PLAN, identity={**PLAN.identity, "key_alias": "production"}),
    "a new budget": replace(PLAN, identity={**PLAN.identity, "max_budget": 50.01}),
    "another model": replace(PLAN, identity={**PLAN.identity, "models": ["gpt-4o"]}),
    "one fact more": replace(PLAN, identity={**PLAN.identity, "blocked": True}),
}


@pytest.mark.parametrize("plan", CHANGED.values(), ids=CHANGED)
def test_a_token_is_for_this_call_and_this_target_only(plan: Plan) -> None:
    approvals, _ = _approvals()
    token = approvals.issue(PLAN)
    assert "not valid for this call, or its target has changed" in _refusal(approvals, token, plan)
    approvals.redeem(token, PLAN)


def test_what_is_said_about_the_target_may_change() -> None:
    """Its spend is in the lines, not in the identity: a leaked key in use can still be revoked."""
    approvals, _ = _approvals()
    approvals.redeem(approvals.issue(PLAN), replace(PLAN, lines=("Spent $99.00",)))


def _forgeries(token: str) -> dict[str, str]:
    expires, nonce, seal = token.split(".")
    return {
        "nothing": "",
        "words": "yes, the user agreed",
        "dots": "..",
        "no seal": f"{expires}.{nonce}.",
        "another seal": f"{expires}.{nonce}.{'0' * len(seal)}",
        "a longer life": f"{int(expires, 16) + 9999:x}.{nonce}.{seal}",
        "another nonce": f"{expires}.{'0' * 16}.{seal}",
        "no number": f"zz.{nonce}.{seal}",
        "upper case": token.upper(),
        "more behind": f"{token}0",
        "foreign letters": f"{expires}.{nonce}.é",
        "half a character": f"{expires}.{nonce}.\ud800",
        "half a character in front": f"\ud800.{nonce}.{seal}",
    }


@pytest.mark.parametrize("name", _forgeries("1.2.3"))
def test_a_forged_token_is_refused(name: str) -> None:
    approvals, _ = _approvals()
    forged = _forgeries(approvals.issue(PLAN))[name]
    assert "not valid for this call" in _refusal(approvals, forged)


def test_another_process_does_not_take_it() -> None:
    token = _approvals()[0].issue(PLAN)
    assert "not valid for this call" in _refusal(_approvals()[0], token)


def test_used_tokens_are_not_remembered_for_ever() -> None:
    approvals, clock = _approvals()
    for _ in range(20):
        approvals.redeem(approvals.issue(PLAN), PLAN)
        clock.now += LIFETIME
    assert len(approvals._used) <= 2


def test_the_secret_does_not_show() -> None:
    approvals, _ = _approvals()
    assert "secret" not in repr(approvals)


@pytest.mark.parametrize(
    ("names", "typed"),
    [
        (("cs-bot",), "cs-bot"),
        ((None, "cs-bot"), "cs-bot"),
        (("a b", "alex@example.com"), "alex@example.com"),
        (("\u202ecs-bot",), "sk-...3c35"),
        (("сs-bot",), "sk-...3c35"),  # begins with a Cyrillic letter
        (("-rf",), "sk-...3c35"),
        (("x" * 65,), "sk-...3c35"),
        (("",), "sk-...3c35"),
        ((), "sk-...3c35"),
    ],
)
def test_what_a_person_types_is_what_it_looks_like(names: tuple[str | None, ...], typed: str) -> None:
    assert typeable(*names, otherwise="sk-...3c35") == typed


def test_the_question_ends_in_what_to_type() -> None:
    assert question(PLAN).splitlines()[-1] == "To agree, type 'cs-bot'."
    assert question(PLAN) == question(replace(PLAN)), "in the newer protocol it is asked twice"


def test_replicas_that_share_a_key_take_each_others_tokens() -> None:
    key = SecretStr("k" * 32)
    one, other, stranger = Approvals.shared("auto", key), Approvals.shared("auto", key), Approvals.shared("auto", None)
    token = one.issue(PLAN)
    other.redeem(token, PLAN)
    with pytest.raises(Refused, match="not valid"):
        stranger.redeem(token, PLAN)
    with pytest.raises(Refused, match="used already"):
        other.redeem(token, PLAN)


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("https://LiteLLM.example.com", "https://litellm.example.com"),
        ("https://litellm.example.com:443/", "https://litellm.example.com"),
        ("http://litellm.example.com:80/proxy//", "http://litellm.example.com/proxy"),
        ("http://localhost:4000", "http://localhost:4000"),
        ("http://[::1]:4000/x", "http://[::1]:4000/x"),
    ],
)
def test_a_gateway_has_one_spelling(url: str, spelt: str) -> None:
    assert one_spelling(url) == spelt


def test_a_token_of_one_gateway_serves_no_other() -> None:
    key = SecretStr("k" * 32)
    staging, production = Approvals.shared("auto", key), Approvals.shared("auto", key)
    token = staging.issue(replace(PLAN, gateway="https://staging.example.com"))
    assert "not valid for this call" in _refusal(production, token, replace(PLAN, gateway="https://example.com"))


def test_keys_for_tokens_and_forms_differ_and_are_not_the_approval_key() -> None:
    approvals = Approvals.shared("auto", SecretStr("k" * 32))
    assert len({approvals.form_key, approvals._derived("approval token"), approvals.secret}) == 3
    assert Approvals().form_key != Approvals().form_key
