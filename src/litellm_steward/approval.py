"""Agreement before destruction: nothing is destroyed until someone who saw the plan agreed to it.

A tool that destroys, gives away or empowers builds a ``Plan`` (its dry run) and calls ``agreement``, by
way of ``tools.planned``. A client that can be asked shows the person a form in which the target's name must be
typed. A client that cannot gets the plan back together with a token, to be passed in a second call. The
token is used once, lives five minutes, and is bound to the tool, its arguments, the gateway and the target as it
was: what changed since is refused. A token orders the protocol; it does not prove that a human read
the plan.

Only a client that cannot be asked gets a token. One that was shown a form gets none, whatever it does with the form,
and nobody else gets one about the same target while the form may still be answered.

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
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, SecretStr, ValidationError

from litellm_steward import audit
from litellm_steward.callers import principal_of
from litellm_steward.errors import Refused
from litellm_steward.secret import reveal
from litellm_steward.settings import Approval
from litellm_steward.text import clean, quote

LIFETIME: Final = 300.0
"""Seconds for which a token can be used."""

FORM_WAITS: Final = 120.0
"""Seconds for which a form waits in the older protocol: some clients say that they show forms and drop them."""

FORMS_REMEMBERED: Final = 4096
"""Targets about which a form was shown; of more, the oldest is forgotten."""

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
    gateway: str = ""
    """Where it would happen; ``tools.planned`` fills it in. Stewards of two gateways may share an approval key."""

    @property
    def fingerprint(self) -> str:
        return _digest([self.target, self.arguments])

    @property
    def target(self) -> str:
        """What it would happen to, however the arguments name it."""
        return _digest([self.tool, self.identity, self.caller, self.gateway])


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

    answer: Callable[[], Awaitable[Agreed]]


@dataclass
class Approvals:
    """Issues tokens and takes each back once; knows about which targets a form was shown."""

    mode: Approval = "auto"
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """What the keys for tokens and forms are derived from."""
    is_shared: bool = False
    clock: Callable[[], float] = time.time
    _used: dict[str, float] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)

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
                hint="Call again without approval to see the plan as it is now."
                + ("" if self.is_shared else " Replicas need the same STEWARD_APPROVAL_KEY."),
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
        return cls(mode) if key is None else cls(mode, _bytes(reveal(key)), is_shared=True)

    @property
    def form_key(self) -> bytes:
        """What seals the state of forms that wait for their answer, which comes with another request."""
        return self._derived("form state")

    def asked(self, plan: Plan) -> None:
        """A form about this target is shown now."""
        self._asked.pop(plan.target, None)
        self._asked[plan.target] = self.clock() + LIFETIME
        if len(self._asked) > FORMS_REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def answered(self, plan: Plan) -> None:
        """The form was filled in and agreed to."""
        self._asked.pop(plan.target, None)

    def refuse_if_asked(self, plan: Plan) -> None:
        """No token while a form about the same target may be answered, nor soon after: else whoever did not get
        an answer, or did not like it, could connect again as a client that cannot be asked, and agree alone."""
        if self._asked.get(plan.target, 0) > self.clock():
            raise Refused(
                f"A form about this was shown within the last {LIFETIME / 60:.0f} minutes, so only its answer counts "
                f"and no token does. {UNCHANGED}",
                hint="Ask the person to answer it in the client that shows forms.",
            )

    def _derived(self, purpose: str) -> bytes:
        return hmac.new(self.secret, _bytes(f"litellm-steward {purpose}"), hashlib.sha256).digest()

    def _seal(self, plan: Plan, expires: str, nonce: str) -> str:
        message = _bytes(f"{plan.fingerprint}.{expires}.{nonce}")
        return hmac.new(self._derived("approval token"), message, hashlib.sha256).hexdigest()[:32]


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
    if token and approvals.mode == "elicit":
        raise Refused(f"STEWARD_APPROVAL=elicit takes no approval tokens. {UNCHANGED}")
    if approvals.mode != "plan" and can_be_asked(ctx):  # whatever token it brings
        if is_version_at_least(ctx.protocol_version or "", _MULTI_ROUND):
            return _multi_round(approvals, ctx, plan)
        return Asking(lambda: _answered(approvals, ctx, plan))
    if approvals.mode == "elicit":
        raise Refused(
            f"This needs a person's agreement, and this client cannot be asked. {UNCHANGED}",
            hint="Use a client with elicitation, or set STEWARD_APPROVAL=auto.",
        )
    approvals.refuse_if_asked(plan)
    if token:
        approvals.redeem(token, plan)
        return Agreed("token")
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


async def _answered(approvals: Approvals, ctx: Context[S], plan: Plan) -> Agreed:
    """The older protocol: ask now, and wait."""
    form = _form(plan)
    approvals.asked(plan)
    try:
        with anyio.fail_after(FORM_WAITS):
            answer: ElicitResult = await ctx.session.elicit_form(
                message=form.message, requested_schema=form.requested_schema, related_request_id=ctx.request_id
            )
    except TimeoutError:
        log.warning("The client did not answer a form within %g s", FORM_WAITS)
        raise _no_answer(f"Nobody answered the form within {FORM_WAITS:g} s") from None
    except (MCPError, ValidationError) as error:
        log.warning("The client answered a form with what is no answer (%s)", type(error).__name__)
        raise _no_answer("This client says that it shows forms, and answered this one with an error") from None
    return _recorded(_judge(approvals, answer, plan))


def _no_answer(what: str) -> Refused:
    """No token either: an agent would agree with itself."""
    return Refused(
        f"{what}, so nobody agreed. {UNCHANGED}",
        hint="Ask the person to answer the form and call again. For a client that does not show forms, whoever runs "
        "the steward can set STEWARD_APPROVAL=plan.",
    )


def _multi_round(approvals: Approvals, ctx: Context[S], plan: Plan) -> Agreed | InputRequiredResult:
    """The newer protocol: the question is a result, and the answer comes with a second call."""
    answer = (ctx.input_responses or {}).get(_QUESTION)
    if not isinstance(answer, ElicitResult):
        approvals.asked(plan)
        request = ElicitRequest(params=_form(plan))
        return InputRequiredResult(input_requests={_QUESTION: request}, request_state=plan.fingerprint)
    if ctx.request_state != plan.fingerprint:
        raise changed_since()
    return _judge(approvals, answer, plan)


def changed_since() -> Refused:
    """What was agreed to is not there any more."""
    return Refused(f"The target has changed since the question was asked. {UNCHANGED}", hint="Call again.")


def _judge(approvals: Approvals, answer: ElicitResult, plan: Plan) -> Agreed:
    if answer.action != "accept":
        said = "declined" if answer.action == "decline" else "closed the form without an answer"
        raise Refused(f"The user {said}. {UNCHANGED}")
    typed = (answer.content or {}).get("confirm")
    if not isinstance(typed, str) or typed.strip() != plan.typed:
        raise Refused(f"What the user typed is not {quote(plan.typed)}. {UNCHANGED}")
    approvals.answered(plan)
    return Agreed("form")
