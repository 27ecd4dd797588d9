"""Agreement before destruction: nothing is destroyed until someone who saw the plan agreed to it.

A tool that destroys, gives away or empowers builds a ``Plan`` (its dry run) and calls ``agreement``, by
way of ``tools.planned``. A client that can be asked shows the person a form in which the target's name must be
typed; any other client gets the plan back together with a token, to be passed in a second call. The
token is used once, lives five minutes, and is bound to the tool, its arguments and the target as it
was: what changed since is refused. A token orders the protocol; it does not prove that a human read
the plan.

``STEWARD_APPROVAL``: ``auto`` asks where it can; ``elicit`` only asks; ``plan`` never asks; ``off``
agrees to everything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self, TypeVar

import anyio
from mcp.server.mcpserver import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, SecretStr

from litellm_steward import audit
from litellm_steward.callers import principal_of
from litellm_steward.errors import Refused
from litellm_steward.secret import reveal
from litellm_steward.settings import Approval
from litellm_steward.text import clean, quote

LIFETIME: Final = 300.0
"""Seconds for which a token can be used."""

FORM_WAITS: Final = 120.0
"""Seconds for which a form waits: some clients say that they show forms and drop them. The plan follows."""

UNCHANGED: Final = "Nothing was changed."
_QUESTION: Final = "approval"
_MULTI_ROUND: Final = "2026-07-28"
_TYPEABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+/-]{0,63}")

S = TypeVar("S")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What would happen, to whom, in lines a person reads before agreeing.

    ``typed`` is what the person types to agree. ``identity`` holds everything the agreement is
    bound to: ids and settings that only a deliberate change alters, never spend or last use, so
    that a leaked key in use can still be revoked.
    """

    tool: str
    lines: tuple[str, ...]
    typed: str
    identity: Mapping[str, object]
    caller: str = ""
    """Who is to agree; ``agreement`` fills it in, so that what one caller agreed to serves no other."""
    arguments: str = ""
    """What the tool was called with; ``agreement`` fills it in, too."""

    @property
    def fingerprint(self) -> str:
        canonical = [self.tool, self.identity, self.caller, self.arguments]
        return _digest(canonical)


@dataclass(frozen=True)
class Agreed:
    """Go ahead. ``how`` it was agreed goes into the record."""

    how: Literal["form", "token", "off"]


@dataclass(frozen=True)
class Pending:
    """Show the plan and this token; the same call with the token acts."""

    approval: str


@dataclass(frozen=True)
class Asking:
    """The person is to be asked in the middle of the call: ``answer`` waits for them, minutes perhaps.

    Raises ``Refused`` when the answer is no.
    """

    answer: Callable[[], Awaitable[Agreed | Pending]]


@dataclass
class Approvals:
    """Issues tokens and takes each back once."""

    mode: Approval = "auto"
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    clock: Callable[[], float] = time.time
    _used: dict[str, float] = field(default_factory=dict)

    def issue(self, plan: Plan) -> str:
        expires = f"{int(self.clock() + LIFETIME):x}"
        nonce = secrets.token_hex(8)
        return f"{expires}.{nonce}.{self._seal(plan, expires, nonce)}"

    def redeem(self, token: str, plan: Plan) -> None:
        """Take a token back, or refuse with the reason."""
        expires, _, rest = token.strip().partition(".")
        nonce, _, seal = rest.partition(".")
        if not hmac.compare_digest(_bytes(seal), _bytes(self._seal(plan, expires, nonce))):
            raise Refused(
                f"This approval is not valid for this call, or its target has changed since. {UNCHANGED}",
                hint="Call again without approval to see the plan as it is now.",
            )
        now = self.clock()
        if int(expires, 16) < now:
            raise Refused(f"This approval has expired. {UNCHANGED}", hint="Call again without approval for a new plan.")
        self._used = {used: until for used, until in self._used.items() if until >= now}
        if nonce in self._used:
            raise Refused(f"This approval was used already. {UNCHANGED}", hint="Call again without approval.")
        self._used[nonce] = int(expires, 16)

    @classmethod
    def shared(cls, mode: Approval, key: SecretStr | None) -> Self:
        """With a key that replicas share, each takes the others' tokens; without, one of its own.

        That a token was used is known to the one that took it. To the others it is void once the change is made,
        because a plan is bound to its target as it was before.
        """
        if key is None:
            return cls(mode)
        return cls(mode, hashlib.sha256(b"litellm-steward approval\n" + _bytes(reveal(key))).digest())

    def _seal(self, plan: Plan, expires: str, nonce: str) -> str:
        message = _bytes(f"{plan.fingerprint}.{expires}.{nonce}")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()[:32]


_arguments: ContextVar[str] = ContextVar("arguments", default="")


@contextmanager
def called_with(arguments: Mapping[str, object]) -> Iterator[None]:
    """What happens inside is one call of a tool: a token that it is given serves no call with other arguments."""
    bound = _arguments.set(_digest({name: value for name, value in arguments.items() if name != "approval"}))
    try:
        yield
    finally:
        _arguments.reset(bound)


def _digest(value: object) -> str:
    return hashlib.sha256(_bytes(json.dumps(value, sort_keys=True, default=_plain))).hexdigest()


def _plain(value: object) -> object:
    """For JSON: secrets by their hash, as only a hash of the whole is kept; times as text."""
    if isinstance(value, SecretStr):
        return hashlib.sha256(_bytes(reveal(value))).hexdigest()
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _bytes(text: str) -> bytes:
    """Of any text, half a character included: a token may be anything."""
    return text.encode("utf-8", "backslashreplace")


def agreement(
    approvals: Approvals, ctx: Context[S], plan: Plan, token: str | None
) -> Agreed | Pending | Asking | InputRequiredResult:
    """Ask for agreement in the way the settings and this client allow.

    Returns ``Agreed`` to act, ``Pending`` to show the plan, ``Asking`` to wait for the person and look at the
    target again before acting, or an ``InputRequiredResult`` that the tool must return as it is (the client
    asks its user and calls again). Raises ``Refused`` when the answer is no.
    """
    audit.agreed("asked")
    plan = replace(plan, caller=principal_of(ctx).identity, arguments=_arguments.get())
    return _recorded(_agreement(approvals, ctx, plan, token))


def _recorded(outcome: S) -> S:
    if isinstance(outcome, Agreed):
        audit.agreed(outcome.how)
    return outcome


def _agreement(
    approvals: Approvals, ctx: Context[S], plan: Plan, token: str | None
) -> Agreed | Pending | Asking | InputRequiredResult:
    if approvals.mode == "off":
        return Agreed("off")
    if token:
        if approvals.mode == "elicit":
            raise Refused(f"STEWARD_APPROVAL=elicit takes no approval tokens. {UNCHANGED}")
        approvals.redeem(token, plan)
        return Agreed("token")
    if approvals.mode != "plan" and can_be_asked(ctx):
        if is_version_at_least(ctx.protocol_version or "", _MULTI_ROUND):
            return _multi_round(ctx, plan)
        return Asking(lambda: _answered(approvals, ctx, plan))
    if approvals.mode == "elicit":
        raise Refused(
            f"This needs a person's agreement, and this client cannot be asked. {UNCHANGED}",
            hint="Use a client with elicitation, or set STEWARD_APPROVAL=auto.",
        )
    return Pending(approvals.issue(plan))


def can_be_asked(ctx: Context[S]) -> bool:
    """Whether this client can show a form and we have a way to send it."""
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        return False
    elicitation = capabilities.elicitation
    if elicitation.form is None and elicitation.url is not None:
        return False  # can open links, cannot show forms; {} means forms
    return is_version_at_least(ctx.protocol_version or "", _MULTI_ROUND) or ctx.session.can_send_request


def typeable(*names: str | None, otherwise: str) -> str:
    """The first name that a person can type without being misled; else the given id or mask."""
    return next((name for name in names if name and _TYPEABLE.fullmatch(name)), otherwise)


def question(plan: Plan) -> str:
    """The text of the form. Deterministic: in the newer protocol it is asked for twice."""
    return "\n".join([*plan.lines, f"To agree, type {quote(plan.typed)}."])


def _form(plan: Plan) -> ElicitRequestFormParams:
    return ElicitRequestFormParams(
        message=question(plan),
        requested_schema={
            "type": "object",
            "properties": {
                "confirm": {"type": "string", "title": f"Type {clean(plan.typed)} to agree", "maxLength": 200}
            },
            "required": ["confirm"],
        },
    )


async def _answered(approvals: Approvals, ctx: Context[S], plan: Plan) -> Agreed | Pending:
    answer = await _ask(ctx, plan)
    if answer is not None:
        return _recorded(_judge(answer, plan))
    if approvals.mode == "elicit":
        raise Refused(f"Nobody answered the form within {FORM_WAITS:g} s. {UNCHANGED}", hint="Call again.")
    return Pending(approvals.issue(plan))


async def _ask(ctx: Context[S], plan: Plan) -> ElicitResult | None:
    """The older protocol: ask now. ``None`` if the client never answers; some advertise forms and drop them."""
    form = _form(plan)
    with anyio.move_on_after(FORM_WAITS):
        answer: ElicitResult = await ctx.session.elicit_form(
            message=form.message, requested_schema=form.requested_schema, related_request_id=ctx.request_id
        )
        return answer
    log.warning("The client did not answer a form within %g s; going on without it", FORM_WAITS)
    return None


def _multi_round(ctx: Context[S], plan: Plan) -> Agreed | InputRequiredResult:
    """The newer protocol: the question is a result, and the answer comes with a second call."""
    answer = (ctx.input_responses or {}).get(_QUESTION)
    if not isinstance(answer, ElicitResult):
        request = ElicitRequest(params=_form(plan))
        return InputRequiredResult(input_requests={_QUESTION: request}, request_state=plan.fingerprint)
    if ctx.request_state != plan.fingerprint:
        raise changed_since()
    return _judge(answer, plan)


def changed_since() -> Refused:
    """What was agreed to is not there any more."""
    return Refused(f"The target has changed since the question was asked. {UNCHANGED}", hint="Call again.")


def _judge(answer: ElicitResult, plan: Plan) -> Agreed:
    if answer.action != "accept":
        said = "declined" if answer.action == "decline" else "closed the form without an answer"
        raise Refused(f"The user {said}. {UNCHANGED}")
    typed = (answer.content or {}).get("confirm")
    if not isinstance(typed, str) or typed.strip() != plan.typed:
        raise Refused(f"What the user typed is not {quote(plan.typed)}. {UNCHANGED}")
    return Agreed("form")
