"""Asking a person, in both eras of the protocol, through a real server and a real client in memory."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
import pytest
import respx
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.types import METHOD_NOT_FOUND, CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult

from litellm_steward import approval, audit
from litellm_steward.approval import Plan
from litellm_steward.server import StewardServer, build_server
from litellm_steward.settings import Approval
from litellm_steward.tools.planned import Ready, when_agreed
from litellm_steward.tools.view import Answer, StewardContext, ToolSpec
from tests.stage import facts_of, refusal_of, steward_at
from tests.tape import BASE_URL

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
Person = Callable[[ElicitRequestParams], Awaitable[ElicitResult]]

UNTOUCHED = "Nothing was changed."


class Wiped(Answer):
    status: Literal["wiped", "approval_required"]
    how: str | None = None
    plan: list[str] | None = None
    approval: str | None = None

    def text(self) -> str:
        return self.status


@dataclass
class Disk:
    """Something that can be destroyed."""

    name: str = "disk-1"
    wiped: list[str] = field(default_factory=list)


@dataclass
class Wiper:
    """A server with one tool that destroys, and what has become of its disk."""

    mode: Approval = "auto"
    disk: Disk = field(default_factory=Disk)
    questions: list[str] = field(default_factory=list)
    turn: anyio.Lock = field(default_factory=anyio.Lock)

    def __post_init__(self) -> None:
        self.steward = steward_at(BASE_URL, settings={"steward_approval": self.mode})

    async def wipe(self, ctx: StewardContext, disk: str, approval: str | None = None) -> Wiped | InputRequiredResult:
        async def prepare() -> Ready[Wiped]:
            identity = {"is": self.disk.name}
            plan = Plan("wipe", (f"Wipe '{disk}' for good.",), self.disk.name, identity)
            return Ready(plan, Wiped(status="approval_required"), make)

        async def make() -> Wiped:
            change = audit._change.get()
            assert change is not None
            await anyio.sleep(0.01)
            self.disk.wiped.append(disk)
            self.disk.name += " that is wiped"
            return Wiped(status="wiped", how=change.approval)

        return await when_agreed(ctx, approval, prepare, self.turn)

    def server(self) -> StewardServer:
        return build_server(self.steward, [ToolSpec(_named(self), "Wipe", "destroys")])

    async def call(self, era: Era, person: Person | None, **arguments: object) -> CallToolResult:
        async def asked(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            self.questions.append(params.message)
            assert person is not None
            return await person(params)

        callback = asked if person is not None else None
        async with Client(self.server(), mode=era, elicitation_callback=callback, cache=None) as client:
            result = await client.call_tool("wipe", {"disk": "d1", **arguments})
        assert isinstance(result, CallToolResult)
        return result


def _named(wiper: Wiper) -> Any:  # noqa: ANN401 - a tool function
    async def wipe(ctx: StewardContext, disk: str, approval: str | None = None) -> Wiped | InputRequiredResult:
        """Wipe a disk."""
        return await wiper.wipe(ctx, disk, approval)

    return wipe


@pytest.fixture(autouse=True)
def nothing_else_is_sent() -> Iterator[None]:
    """Than the questions what our key may do (it is the master key) and what the release is."""
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{BASE_URL}/health/readiness").respond(json={"status": "healthy"})
        router.get(f"{BASE_URL}/key/info").respond(404, json={"error": {"message": "Key not found", "code": "404"}})
        yield


def _types(text: object) -> Person:
    async def person(params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept", content={"confirm": text})  # type: ignore[dict-item]

    return person


async def declines(params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="decline")


async def closes(params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="cancel")


async def accepts_without_a_word(params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept")


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("typed", ["disk-1", " disk-1 "])
async def test_who_types_the_name_agrees(era: Era, typed: str) -> None:
    wiper = Wiper()
    result = facts_of(await wiper.call(era, _types(typed)))
    assert result == {"status": "wiped", "how": "form"}
    assert wiper.disk.wiped == ["d1"]
    assert wiper.questions == [f"Wipe 'd1' for good.\nGateway: '{BASE_URL}'.\nTo agree, type 'disk-1'."]


NO: dict[str, tuple[Person, str]] = {
    "another word": (_types("yes"), "What the user typed is not 'disk-1'."),
    "another case": (_types("DISK-1"), "What the user typed is not 'disk-1'."),
    "nothing": (_types(""), "What the user typed is not 'disk-1'."),
    "no content": (accepts_without_a_word, "What the user typed is not 'disk-1'."),
    "a number": (_types(1), "What the user typed is not 'disk-1'."),
    "declined": (declines, "The user declined."),
    "closed": (closes, "The user closed the form without an answer."),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("person", "said"), NO.values(), ids=NO)
async def test_anything_else_is_a_no(era: Era, person: Person, said: str) -> None:
    wiper = Wiper()
    assert refusal_of(await wiper.call(era, person)) == f"{said} {UNTOUCHED}"
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_cannot_ask_gets_the_plan_and_a_token(era: Era) -> None:
    wiper = Wiper()
    planned = facts_of(await wiper.call(era, None))
    assert planned["status"] == "approval_required"
    assert re.fullmatch(r"[0-9a-f]+\.[0-9a-f]{16}\.[0-9a-f]{32}", planned["approval"])
    assert wiper.disk.wiped == []
    done = facts_of(await wiper.call(era, None, approval=planned["approval"]))
    assert done == {"status": "wiped", "how": "token"}
    wiper.disk.name = "disk-1"
    again = refusal_of(await wiper.call(era, None, approval=planned["approval"]))
    assert again.startswith("This approval was used already.")
    assert wiper.disk.wiped == ["d1"]


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_token_for_another_target_is_refused(era: Era) -> None:
    wiper = Wiper()
    token = facts_of(await wiper.call(era, None))["approval"]
    assert "not valid for this call" in refusal_of(await wiper.call(era, None, disk="d2", approval=token))
    wiper.disk.name = "disk-2"
    assert "its target has changed" in refusal_of(await wiper.call(era, None, approval=token))
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_target_that_changes_while_the_person_reads_is_left_alone(era: Era) -> None:
    """In the newer protocol the answer comes with a second call, which finds another target; in the older it waits."""
    wiper = Wiper()

    async def person(params: ElicitRequestParams) -> ElicitResult:
        wiper.disk.name = "disk-2"
        return ElicitResult(action="accept", content={"confirm": "disk-1"})

    said = refusal_of(await wiper.call(era, person))
    assert said == f"The target has changed since the question was asked. {UNTOUCHED} Call again."
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "elicit"])
async def test_a_form_that_nobody_answers_is_no_agreement(mode: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the older protocol waits inside the call. An agent that got a token then would agree with itself."""
    monkeypatch.setattr(approval, "FORM_WAITS", 0.05)
    wiper = Wiper(mode)
    said = refusal_of(await wiper.call("legacy", _asleep))
    assert said.startswith(f"Nobody answered the form within 0.05 s, so nobody agreed. {UNTOUCHED} Ask the person")
    assert "STEWARD_APPROVAL=plan" in said
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "elicit"])
async def test_a_client_that_answers_a_form_with_an_error_gets_no_token(mode: Approval) -> None:
    """Some clients say that they show forms, and then do not know the method."""

    async def unknown(params: ElicitRequestParams) -> ElicitResult:
        raise MCPError(code=METHOD_NOT_FOUND, message="Method not found")

    wiper = Wiper(mode)
    said = refusal_of(await wiper.call("legacy", unknown))
    assert said.startswith(
        "This client says that it shows forms, and answered this one with an error, so nobody agreed."
    )
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ["declined", "closed", "another word", "unanswered"])
async def test_who_was_shown_a_form_gets_no_token_by_connecting_again(
    era: Era, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a client that cannot be asked, about the same target, in any words; nor does an earlier token serve."""
    monkeypatch.setattr(approval, "FORM_WAITS", 0.05)
    wiper = Wiper()
    earlier = facts_of(await wiper.call(era, None))["approval"]
    if kind == "unanswered" and era == "auto":  # the newer protocol asks with a result, and the client leaves
        async with Client(wiper.server(), mode="2026-07-28", elicitation_callback=_away, cache=None) as client:
            with anyio.move_on_after(0.5):
                await client.call_tool("wipe", {"disk": "d1"})
    else:
        refusal_of(await wiper.call(era, _asleep if kind == "unanswered" else NO[kind][0]))
    for attempt in ({}, {"approval": earlier}, {"disk": "d2"}):
        said = refusal_of(await wiper.call(era, None, **attempt))
        assert said.startswith("A form about this was shown within the last 5 minutes, so only its answer counts")
    wiper.steward.approvals.clock = lambda: time.time() + approval.LIFETIME + 1
    assert facts_of(await wiper.call(era, None))["status"] == "approval_required"
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_can_be_asked_is_asked_whatever_token_it_brings(era: Era) -> None:
    wiper = Wiper()
    token = facts_of(await wiper.call(era, None))["approval"]
    assert "The user declined" in refusal_of(await wiper.call(era, declines, approval=token))
    assert len(wiper.questions) == 1
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
@pytest.mark.parametrize("responses", [{"other": {"action": "accept", "content": {"confirm": "disk-1"}}}, {}])
async def test_an_answer_to_another_question_is_asked_again(responses: dict[str, Any]) -> None:
    wiper = Wiper()
    async with Client(wiper.server(), mode="2026-07-28", elicitation_callback=_away, cache=None) as client:
        first = await client.session.call_tool("wipe", {"disk": "d1"}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        again = await client.session.call_tool(
            "wipe",
            {"disk": "d1"},
            input_responses=responses,
            request_state=first.request_state,
            allow_input_required=True,
        )
    assert isinstance(again, InputRequiredResult)
    assert wiper.disk.wiped == []


@pytest.mark.asyncio
async def test_forms_that_were_shown_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "FORMS_REMEMBERED", 3)
    approvals = approval.Approvals()
    for number in range(10):
        approvals.asked(Plan("wipe", (), "x", {"number": number}))
    assert len(approvals._asked) == 3


async def _asleep(params: ElicitRequestParams) -> ElicitResult:
    await anyio.sleep_forever()
    raise AssertionError


async def _away(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return await _asleep(params)


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_mode_off_agrees_to_everything(era: Era) -> None:
    assert facts_of(await Wiper("off").call(era, None)) == {"status": "wiped", "how": "off"}


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_mode_plan_never_asks(era: Era) -> None:
    wiper = Wiper("plan")
    assert facts_of(await wiper.call(era, _types("disk-1")))["status"] == "approval_required"
    assert wiper.questions == []


@pytest.mark.asyncio
@pytest.mark.parametrize("era", ERAS)
async def test_mode_elicit_takes_a_persons_word_only(era: Era) -> None:
    wiper = Wiper("elicit")
    assert "this client cannot be asked" in refusal_of(await wiper.call(era, None))
    assert "takes no approval tokens" in refusal_of(await wiper.call(era, _types("disk-1"), approval="a.b.c"))
    assert wiper.disk.wiped == []
    assert facts_of(await wiper.call(era, _types("disk-1")))["how"] == "form"


@pytest.mark.asyncio
async def test_of_two_at_the_same_time_the_second_finds_another_target() -> None:
    """Each plan is about the target as it was before both."""
    wiper = Wiper("plan")
    tokens = [facts_of(await wiper.call("auto", None))["approval"] for _ in range(2)]
    results = [await wiper.call("auto", None)]
    async with anyio.create_task_group() as calls:

        async def agree(token: str) -> None:
            results.append(await wiper.call("auto", None, approval=token))

        for token in tokens:
            calls.start_soon(agree, token)
    done = [result for result in results[1:] if not result.is_error]
    assert len(done) == 1
    assert wiper.disk.wiped == ["d1"]


@pytest.mark.asyncio
async def test_nobody_waits_for_a_form_that_somebody_else_has_open() -> None:
    wiper = Wiper()
    opened, closed = anyio.Event(), anyio.Event()

    async def person(params: ElicitRequestParams) -> ElicitResult:
        opened.set()
        await closed.wait()
        return ElicitResult(action="decline")

    async with anyio.create_task_group() as calls:
        calls.start_soon(wiper.call, "legacy", person)
        await opened.wait()
        wiper.disk.name = "disk-2"  # another target: about the first one only the form counts
        planned = facts_of(await wiper.call("auto", None))
        done = facts_of(await wiper.call("auto", None, approval=planned["approval"]))
        closed.set()
    assert done["status"] == "wiped"
