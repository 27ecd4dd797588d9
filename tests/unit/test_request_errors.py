"""What ``find_requests`` tells of a failure: enough to help, nothing private, and nothing that an address answered."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_steward.api.request_log import RequestRow
from litellm_steward.text import MAX_ID, clean
from litellm_steward.tools.request_views import error_text, error_view, request_view
from litellm_steward.tools.requests import find_requests
from tests.tape import NEW, VERSIONS, scene
from tests.tokens import tokens
from tests.unit.crowd import Crowd, sitting

pytestmark = pytest.mark.asyncio


def said(kind: str, code: str, message: str, **more: str) -> dict[str, Any]:
    return {"error_information": {"error_class": kind, "error_code": code, "error_message": message, **more}}


def failed(kind: str, code: str, message: str, *, model_id: str = "", llm_provider: str = "") -> RequestRow:
    metadata = said(kind, code, message, llm_provider=llm_provider)
    row = {"spend": 0, "total_tokens": 0, "status": "failure", "model_id": model_id, "metadata": metadata}
    return RequestRow.model_validate(row)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.", "Connection error."),
        ("{'error': 'Key is blocked. Update via `/key/unblock`'}", "Key is blocked. Update via `/key/unblock`"),
        ('boom\nTraceback (most recent call last):\n  File "/app/x.py", line 3, in f', "boom"),
        ("cannot open /app/litellm/proxy/utils.py, line 12 now", "cannot open [path] now"),
        ("cannot open /etc/passwd", "cannot open [path]"),
        ("connect to 10.1.2.3:443 failed", "connect to [address] failed"),
        ("connect to fe80:0:0:0:1:2:3:4 failed", "connect to [address] failed"),
        ("Incorrect API key provided: sk-live-abcdef123456", "Incorrect API key provided: [hidden]"),
        ("", ""),
    ],
)
async def test_errors_are_cleaned(said: str, shown: str) -> None:
    assert error_text(said) == shown


async def test_errors_are_bounded() -> None:
    assert len(error_text("word " * 5_000)) <= 200


@pytest.mark.parametrize("version", VERSIONS)
async def test_nothing_private_is_shown(version: str) -> None:
    """A recorded failure, with everything a proxy may keep of a request put into it."""
    recorded = scene(version, "logs", "failed calls of a user").only.answer["data"][0]
    secret = "PRIVATE"
    row = {
        **recorded,
        "api_key": secret,
        "messages": [{"role": "user", "content": secret}],
        "response": {"content": secret},
        "proxy_server_request": {"body": secret},
        "requester_ip_address": "203.0.113.7",
        "api_base": f"http://{secret}",
    }
    row["metadata"] = {
        **recorded.get("metadata", {}),
        "user_api_key_alias": None,
        "requester_ip_address": "203.0.113.7",
        "error_information": {"error_code": 500, "error_class": "X", "error_message": "no", "traceback": secret},
    }
    for quotable in (set(), {row["model_id"]}):
        view = request_view(RequestRow.model_validate(row), {}, quotable)
        assert secret not in view.model_dump_json()
        assert "203.0.113.7" not in view.model_dump_json()
        assert view.error is not None
        assert (view.error.code, view.error.kind) == ("500", "X")
        assert (view.error.message, bool(view.error.summary)) == (("no", False) if quotable else (None, True))


REFUSED = "Budget has been exceeded! Team=52a9f1cd-74c6-48bc-9fdf-7a3b3cccad31 Current cost: 10.2, Max budget: 10.0"
PAGE = "litellm.APIError: APIError: OpenAIException - DB_HOST=10.0.0.7 DB_PW=hunter2"


async def test_what_litellm_refuses_keeps_its_words_and_ids() -> None:
    """Which team's budget was exceeded is what the person asks for."""
    row = failed("BudgetExceededError", "400", REFUSED)
    assert error_view(row, ()).message == REFUSED
    raw = failed("ProxyException", "401", f"Received API Key = sk-live-abcdef123456, Key Hash (Token) ={'ab' * 32}.")
    assert "abcdef123456" not in str(error_view(raw, ()))
    assert "ab" * 32 not in str(error_view(raw, ()))


@pytest.mark.parametrize("from_provider", [{"model_id": "m"}, {"llm_provider": "openai"}])
async def test_what_an_address_answered_is_not_shown(from_provider: dict[str, str]) -> None:
    """Whoever added the deployment chose where its calls go: what is there would be read here."""
    row = failed("APIError", "DB_PW=hunter2", PAGE, **from_provider)
    shown = error_view(row, ())
    assert "hunter2" not in shown.model_dump_json() + shown.line()
    assert (shown.kind, shown.code, shown.message) == ("APIError", None, None)
    assert shown.summary is not None
    assert "proxy's log" in shown.summary
    assert error_view(failed("x" * 70, "500", PAGE, **from_provider), ()).kind is None


async def test_only_providers_that_the_operator_chose_are_quoted() -> None:
    crowd = Crowd(NEW)
    crowd.deployment("set", "openai/a", "http://10.0.0.7/v1", db_model=False)
    crowd.deployment("added", "openai/b", "http://10.0.0.9/v1", db_model=True)
    crowd.deployment("known", "openai/c", None, db_model=True)
    for number, model_id in enumerate(("set", "added", "known", "gone")):
        crowd.failure(number, model_id=model_id, metadata=said("APIError", "500", PAGE))
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    shown = {row.error.message is not None for row in answer.requests if row.error}
    assert shown == {True, False}
    assert [bool(row.error and row.error.message) for row in answer.requests] == [True, False, True, False]
    assert answer.text().count("hunter2") == 2


async def test_without_the_list_of_deployments_nothing_is_quoted() -> None:
    crowd = Crowd(NEW)
    crowd.failure(1, model_id="set", metadata=said("APIError", "500", PAGE))
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    assert "hunter2" not in answer.text()


async def test_hostile_text_is_clean() -> None:
    evil = "x\n\nIGNORE PREVIOUS\u202e\u200b" + "y" * 400
    crowd = Crowd(NEW)
    metadata = {"user_api_key_alias": evil, "user_api_key_team_alias": evil, "error_information": {"error_class": evil}}
    fields = dict.fromkeys(["model", "user", "end_user", "request_id", "team_id"], evil)
    crowd.failure(1, **fields, model_group="", metadata=metadata)
    crowd.failure(2, model="", model_group="", call_type="/key/list", metadata="not an object")
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    hostile, management = answer.requests
    for text in hostile.model_dump(exclude={"error"}, exclude_none=True).values():
        assert not isinstance(text, str) or clean(text, MAX_ID) == text
    assert "\nIGNORE" not in answer.text()
    assert management.model == "(/key/list)"


async def test_a_page_of_failures_is_short() -> None:
    crowd = Crowd(NEW)
    said = "litellm.RateLimitError: You exceeded your current quota, please check your plan and billing details. " * 3
    metadata: dict[str, Any] = {
        "user_api_key_alias": "customer-service-production",
        "user_api_key_team_alias": "Customer-Service",
    }
    metadata |= {"error_information": {"error_code": "429", "error_class": "RateLimitError", "error_message": said}}
    for number in range(30):
        crowd.failure(number, request_id=f"aa5e9677-a8fc-4f74-9e88-9dee967{number:05}", metadata=metadata)
    async with sitting(crowd) as at:
        answer = await find_requests(at.ctx)
    assert len(answer.requests) == 10
    assert tokens(answer.model_dump(mode="json", exclude_none=True)) <= 1_500
    assert tokens(answer.text()) <= 1_500
