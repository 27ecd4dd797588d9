"""Everything that can go wrong, in words a person or a model can act on.

::

    StewardError                      one sentence, whose fault, what to do next, can a retry help
    ├── InvalidArgument               the caller's arguments
    ├── NotFound                      a name that resolves to nothing (with near misses)
    ├── Ambiguous                     a name that resolves to several things (with candidates)
    ├── Undecided                     too many names are alike to look at all of them
    ├── Refused                       we will not do this, and why (policy, not a fault)
    ├── Unsupported                   this LiteLLM version cannot answer truthfully
    └── ProxyError                    the proxy's answer, or its absence
        ├── KeyRefused                our admin key is wrong, blocked or expired
        ├── RoleRefused               our admin key is fine but may not do this
        ├── Missing                   the proxy knows no such object
        ├── RouteMissing              the proxy knows no such route (an older version)
        ├── BadRequest                the proxy rejected the arguments
        ├── Conflict                  it exists already
        ├── EnterpriseOnly            needs a LiteLLM Enterprise licence
        ├── NoDatabase                the proxy runs without its database, or has lost it
        ├── RateLimited               too many requests, or a budget is used up
        ├── ProxyBroken               a 5xx, or an answer that is not what the contract says
        │   └── AnswerTooLarge        more than is read of one answer
        ├── Unreachable               the connection broke
        │   └── NeverSent             no connection could be made at all
        │       └── Busy              we had too many requests under way to send this one
        └── TimedOut                  no answer in time

Untrusted text (what the proxy or a provider said) enters a message only through
``text.quote``; see ``text.py``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["arguments", "steward", "admin key", "proxy", "database", "licence", "network", "provider"]
"""Whose fault it is: where a person should look first."""


class StewardError(Exception):
    """The base: ``str(error)`` is what the model reads."""

    fault: ClassVar[Fault] = "steward"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.write_uncertain = False
        """True when a change was sent and its answer was lost: it may or may not have happened."""

    def __str__(self) -> str:
        parts = [self.message]
        if self.hint:
            parts.append(self.hint)
        if self.write_uncertain:
            parts.append("The change may or may not have been made; look before trying again.")
        elif self.retryable:
            parts.append("Trying again may help.")
        return " ".join(part if part.endswith((".", "!", "?", ":")) else f"{part}." for part in parts)


class InvalidArgument(StewardError):
    """An argument is wrong; nothing was sent to the proxy."""

    fault: ClassVar[Fault] = "arguments"


class NotFound(StewardError):
    """A reference resolves to nothing; ``near`` holds up to five names that come close."""

    fault: ClassVar[Fault] = "arguments"

    def __init__(self, message: str, *, near: tuple[str, ...] = (), hint: str | None = None) -> None:
        if near:
            message = f"{message.rstrip('.')}. Did you mean: {', '.join(near)}?"
        super().__init__(message, hint=hint)
        self.near = near


class Ambiguous(StewardError):
    """A reference resolves to several things; ``candidates`` holds up to five of them, with ids."""

    fault: ClassVar[Fault] = "arguments"

    def __init__(self, message: str, *, candidates: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(f"{message.rstrip('.')}: {'; '.join(candidates)}", hint=hint)
        self.candidates = candidates


class Undecided(StewardError):
    """Too many things are called alike to look at all of them: whether one has this very name is not known."""

    fault: ClassVar[Fault] = "arguments"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}: too many to look for the one that is meant", hint="Use its id.")


class Refused(StewardError):
    """The steward will not do this; the message says why and what would be possible."""


class Unsupported(StewardError):
    """The proxy's version cannot do this, or cannot answer it truthfully."""

    fault: ClassVar[Fault] = "proxy"


class ProxyError(StewardError):
    """The proxy answered with an error, or not at all.

    ``status`` is the HTTP status (``None`` without an answer); ``detail`` is what the
    proxy said, already cleaned, scrubbed of secrets and bounded.
    """

    fault: ClassVar[Fault] = "proxy"

    def __init__(self, message: str, *, status: int | None = None, detail: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.detail = detail

    @property
    def under_way(self) -> bool:
        """The proxy may still be at it: that a change is not to be seen yet does not settle it."""
        return self.status == 504

    def nothing_seen(self, settled: str, unsettled: str) -> None:
        """The outcome of a lost write was looked for, and there is none: say so, for good or so far."""
        self.hint = unsettled if self.under_way else settled
        self.write_uncertain = self.under_way


class KeyRefused(ProxyError):
    """401: the admin key is missing, unknown, blocked or expired."""

    fault: ClassVar[Fault] = "admin key"


class RoleRefused(ProxyError):
    """401 or 403: the admin key is valid but its role or routes do not allow this."""

    fault: ClassVar[Fault] = "admin key"


class Missing(ProxyError):
    """404 (or a 400 that says so): no such key, team, user, customer, model or rule."""

    fault: ClassVar[Fault] = "arguments"


class RouteMissing(ProxyError):
    """404 ``Not Found`` of the router itself: this proxy version has no such endpoint."""


class BadRequest(ProxyError):
    """400 or 422: the proxy rejected the arguments."""

    fault: ClassVar[Fault] = "arguments"


class Conflict(ProxyError):
    """409 (or a 400 that says so): an object with that id, alias or e-mail exists."""

    fault: ClassVar[Fault] = "arguments"


class EnterpriseOnly(ProxyError):
    """Any status whose text speaks of Enterprise or premium: a licence is needed."""

    fault: ClassVar[Fault] = "licence"


class NoDatabase(ProxyError):
    """The proxy runs without a database, or cannot reach it; ``lost``: it could before, or may again."""

    fault: ClassVar[Fault] = "database"

    def __init__(
        self, message: str, *, status: int | None = None, detail: str = "", hint: str | None = None, lost: bool = False
    ) -> None:
        super().__init__(message, status=status, detail=detail, hint=hint)
        self.lost = lost


class RateLimited(ProxyError):
    """429."""

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        detail: str = "",
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, detail=detail, hint=hint)
        self.retry_after = retry_after


class ProxyBroken(ProxyError):
    """5xx without a better explanation, or a body that is not what the contract says."""

    retryable = True


class AnswerTooLarge(ProxyBroken):
    """More than is read of one answer."""

    retryable = False


class Unreachable(ProxyError):
    """The connection broke before an answer came."""

    fault: ClassVar[Fault] = "network"
    retryable = True


class NeverSent(Unreachable):
    """No connection could be made: the request did not reach the proxy."""


class Busy(NeverSent):
    """Too many requests of ours were under way for as long as this one could wait."""

    fault: ClassVar[Fault] = "steward"


class TimedOut(ProxyError):
    """No answer within ``STEWARD_TIMEOUT``."""

    fault: ClassVar[Fault] = "network"
    retryable = True

    @property
    def under_way(self) -> bool:
        return True
