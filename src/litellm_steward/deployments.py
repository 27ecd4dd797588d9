"""Deployments: made so that they are known to work, and removed so that they are known to be gone.

A deployment gets an id of ours, so that a lost answer can be looked up. Where a pre-flight
cannot borrow anybody's key, it is tried before anything exists; then the deployment is
created and called by its id, without retries or fallbacks, and LiteLLM's own header must name it. What
fails the test is deleted again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

import anyio

from litellm_steward import errors
from litellm_steward.api import models
from litellm_steward.api.decode import message_of
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import Version
from litellm_steward.deployment_request import NewDeployment, mode_of
from litellm_steward.errors import Fault, StewardError
from litellm_steward.provider_errors import ProviderFailed, explain, may_be_quoted
from litellm_steward.text import quote

REACHED: Final = "x-litellm-model-id"
SOON: Final = (0.25,) * 3
RELOADED: Final = (*SOON, *(1.0,) * 31)
"""Pauses between looks until the proxy has read its models anew: every 30 s.

A reload that began before a change goes on with the rows of before: it may put back a deployment that was deleted
meanwhile, and drops one that was added (measured: 1 of some 2,000 on 1.108.5). The next reload mends both.
"""
PATTERNS_GO_FROM: Final = Version(1, 108, 5)
"""1.83.14 deletes a wildcard from its list and goes on matching calls with its pattern (measured; what lies between
was not looked at)."""
_PATHS: Final = {"chat": "/chat/completions", "completion": "/completions", "embedding": "/embeddings"}
_SAVED: Final = "saved to the database"
"""What the newest releases say, in a 500, of a row that is stored and cannot be loaded."""

_QUESTION: Final = "Reply with the single word OK."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What is known of a deployment's working."""

    verified: bool
    verification: str


@dataclass(frozen=True)
class Made:
    deployment: Deployment
    verdict: Verdict
    notes: tuple[str, ...] = ()


SKIPPED: Final = Verdict(verified=False, verification="skipped")
MOCKED: Final = Verdict(verified=False, verification="mocked")


async def make(
    proxy: Proxy,
    new: NewDeployment,
    existing: Sequence[Deployment],
    *,
    verify: bool,
    timeout: float,  # noqa: ASYNC109 - handed on to the proxy, which tells the provider's slowness from its own
    writing: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> Made:
    """Create a deployment that works, or nothing.

    ``writing`` is entered for the write alone, and may still refuse it. The provider, which may be slow, is called
    before and after.
    """
    quoting = may_be_quoted(new.model, new.addresses, existing)
    tried = verify and can_preflight(new, existing) and await _preflight(proxy, new, timeout, quoting=quoting)
    known = tried or new.provider in {deployment.provider for deployment in existing if deployment.provider}
    async with writing():
        lost = await _send(proxy, new)
    settled = False
    try:
        deployment = await _read_back(proxy, new, lost, RELOADED if known and lost is None else ())
        verdict = await _verdict(proxy, new, deployment, verify=verify, timeout=timeout, quoting=quoting)
        settled = True
    except StewardError as error:
        settled = True
        raise await _undone(proxy, new, error) from error
    finally:
        if not settled:  # the client hung up, or a fault of ours
            with anyio.CancelScope(shield=True):
                await _undo(proxy, new.id, SOON)
    return Made(deployment, verdict, ("The proxy's answer was lost, but the deployment was created.",) if lost else ())


def can_preflight(new: NewDeployment, existing: Sequence[Deployment]) -> bool:
    """Whether ``/health/test_connection`` tests these parameters and nothing else.

    The proxy completes a request from a deployment that serves the same model: its mock answer, which
    proves nothing, and on 1.83 its key, which would be sent to the caller's ``api_base``.
    """
    if new.mocked or not new.provider:
        return False
    if new.mode not in {"chat", "embedding"} or any("environ" in str(value) for value in new.params.values()):
        return False
    if new.api_key is None and new.credential is None:
        return False
    served = {d.model_name for d in existing} | {d.litellm_params.model for d in existing}
    return new.model not in served and not any("*" in name for name in served)


async def _preflight(proxy: Proxy, new: NewDeployment, timeout: float, *, quoting: bool) -> bool:  # noqa: ASYNC109
    """Try the parameters; false if this proxy cannot."""
    params = {"timeout": timeout, **new.litellm_params(), "max_retries": 0}
    try:
        answer = await models.test_connection(proxy, params, new.mode, new.secrets(), timeout=timeout + 5)
    except errors.TimedOut:
        raise ProviderFailed(f"The provider did not answer within {timeout:g} s", hint=NOTHING_MADE) from None
    if answer.status != "success":
        said = answer.result.error or answer.message
        raise ProviderFailed(explain(said, new.secrets(), address=new.api_base, quoting=quoting), hint=NOTHING_MADE)
    return True


NOTHING_MADE: Final = "Nothing was created; verify=false would create it without a call."


async def _send(proxy: Proxy, new: NewDeployment) -> errors.ProxyError | None:
    """Write the row. A refusal is raised; an answer that does not tell is returned."""
    try:
        await models.new(proxy, new.body(), new.secrets())
    except errors.BadRequest as error:
        if "store_model_in_db" in error.detail.lower():
            error.hint = "Set STORE_MODEL_IN_DB=True in the proxy's environment and restart it. Nothing was created."
        raise
    except errors.NoDatabase as error:
        if error.write_uncertain:
            return error
        error.hint = (
            "Models added at run time are kept in PostgreSQL: check the proxy's DATABASE_URL. Nothing was created."
        )
        raise
    except errors.ProxyError as error:
        if error.write_uncertain:
            return error
        raise
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            await _undo(proxy, new.id, SOON)
        raise
    return None


async def _read_back(
    proxy: Proxy, new: NewDeployment, lost: errors.ProxyError | None, pauses: Sequence[float]
) -> Deployment:
    """What is live. No answer to the write tells that: an unknown provider is stored, not loaded, and on 1.83 a 200."""
    stored = (await _looked(proxy, new.id, live=True, pauses=pauses)).deployment
    if stored is not None:
        return stored
    if lost is not None and _SAVED not in lost.detail.lower():
        raise lost
    if pauses:
        raise NotLoaded("LiteLLM stored it but did not load it; the proxy's log may tell why")
    known = f"LiteLLM stored it but could not load it: most likely it knows no provider {quote(new.provider)}"
    raise NotLoaded(known if new.provider else "LiteLLM cannot infer the provider: write it before the model")


class NotLoaded(StewardError):
    """The row was written, but no call can reach the deployment."""

    fault: ClassVar[Fault] = "arguments"


async def _verdict(
    proxy: Proxy,
    new: NewDeployment,
    deployment: Deployment,
    *,
    verify: bool,
    timeout: float,  # noqa: ASYNC109
    quoting: bool,
) -> Verdict:
    if new.mocked:
        return MOCKED
    if not verify:
        return SKIPPED
    mode = mode_of(new.mode_given or deployment.model_info.mode, new.model)
    if mode == "other" or "*" in new.model or "*" in new.model_name:
        kind = (
            "a wildcard"
            if "*" in new.model or "*" in new.model_name
            else deployment.model_info.mode or "this kind of model"
        )
        return Verdict(verified=False, verification=f"not possible: {kind} has no harmless test call")
    started = time.monotonic()
    await _call(proxy, new, mode, timeout, quoting=quoting)
    return Verdict(verified=True, verification=f"a real call answered in {(time.monotonic() - started) * 1000:.0f} ms")


async def _call(proxy: Proxy, new: NewDeployment, mode: str, timeout: float, *, quoting: bool) -> None:  # noqa: ASYNC109
    """One call to this deployment. Another one's answer is a failure, however good."""
    body: dict[str, object] = {"model": new.id, "num_retries": 0, "disable_fallbacks": True, "timeout": timeout}
    if mode == "embedding":
        body["input"] = "OK"
    elif mode == "completion":
        body["prompt"] = _QUESTION
    else:
        body["messages"] = [{"role": "user", "content": _QUESTION}]
    try:
        answer, headers = await proxy.call(_PATHS[mode], body, timeout=timeout + 5)
        if headers.get(REACHED) != new.id and await _was_dropped(proxy, new.id):
            answer, headers = await proxy.call(_PATHS[mode], body, timeout=timeout + 5)  # the first reached nobody
    except errors.TimedOut:
        raise ProviderFailed(f"The provider did not answer within {timeout:g} s") from None
    if answer.status >= 400:
        said, _ = message_of(answer.body)
        words = explain(said, new.secrets(), address=new.api_base, status=answer.status, quoting=quoting)
        raise ProviderFailed(words)
    if headers.get(REACHED) != new.id:
        raise ProviderFailed("Another deployment answered the test call; this one was not reached")


async def _was_dropped(proxy: Proxy, model_id: str) -> bool:
    """Whether a reload had taken the deployment away; it is back then."""
    look = await _looked(proxy, model_id, live=True, pauses=RELOADED)
    if look.deployment is None:
        raise NotLoaded("The proxy dropped the deployment again before its test call; its log may tell why")
    return look.waited


async def _undone(proxy: Proxy, new: NewDeployment, error: StewardError) -> StewardError:
    """The same error, saying what is left of the attempt."""
    gone = await _undo(proxy, new.id, RELOADED)
    under_way = isinstance(error, errors.ProxyError) and error.write_uncertain and error.under_way
    error.write_uncertain = under_way
    if gone and under_way:
        error.hint = _sentences(error.hint, f"There is no deployment {new.id} so far, but the proxy may still add it.")
    elif gone:
        error.hint = _sentences(error.hint, "Nothing was left behind.")
        if isinstance(error, ProviderFailed):
            error.hint = _sentences(error.hint, "verify=false would create it without a call.")
    else:
        error.hint = _sentences(error.hint, f"The deployment {new.id} may be left behind: remove it with delete_model.")
        error.write_uncertain = True
    return error


def _sentences(first: str | None, second: str) -> str:
    return f"{first} {second}" if first else second


async def _undo(proxy: Proxy, model_id: str, pauses: Sequence[float]) -> bool:
    """Delete what was created; true if it is proved gone."""
    try:
        await remove(proxy, model_id, pauses)
    except StewardError as error:
        log.warning("A deployment could not be removed after a failure: %s", type(error).__name__)
        return False
    return True


async def remove(proxy: Proxy, model_id: str, pauses: Sequence[float]) -> None:
    """Delete one deployment by id, and see that the proxy knows it no longer; an error says what else is known.

    The ``pauses`` are between the looks for a deployment whose row is gone.
    """
    lost: errors.ProxyError | None = None
    try:
        row_is_gone = await models.delete(proxy, model_id)
    except errors.Missing:
        row_is_gone = True
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
        lost, row_is_gone = error, False
    if await _vanishes(proxy, model_id, lost, pauses if row_is_gone else SOON):
        return
    if lost is not None:
        # Not "it was not deleted": a reload of the proxy's models may have put it back (see RELOADED).
        lost.hint = "It is still there so far; look again with get_model_info in half a minute."
        raise lost
    if row_is_gone:
        raise errors.ProxyBroken(
            f"The proxy says that it deleted {quote(model_id)}, but still routes to it",
            hint="It is out of the database, so the proxy should drop it when it next reads its models, at the latest "
            "at a restart. Look again with get_model_info.",
        )
    raise errors.ProxyBroken(
        f"The proxy's answer does not say that it deleted {quote(model_id)}, and it is still there: it was not deleted",
        hint="Look at it with get_model_info before you try again.",
    )


def lingering_notes(deployment: Deployment, version: Version | None) -> list[str]:
    """What a deletion does not end at once."""
    if not deployment.is_wildcard or (version is not None and version >= PATTERNS_GO_FROM):
        return []
    return ["Older releases of LiteLLM (1.83.14 does) take calls through a deleted wildcard until they are restarted."]


async def _vanishes(proxy: Proxy, model_id: str, lost: errors.ProxyError | None, pauses: Sequence[float]) -> bool:
    """Whether the proxy knows it no longer; raises what was lost if that cannot be read."""
    try:
        return (await _looked(proxy, model_id, live=False, pauses=pauses)).deployment is None
    except errors.ProxyError:
        if lost is None:
            raise
        lost.hint = "Whether it is gone could not be read: look at it with get_model_info."
        raise lost from None


class Look(NamedTuple):
    """The deployment as the router has it, and whether more than one look was needed."""

    deployment: Deployment | None
    waited: bool


async def _looked(proxy: Proxy, model_id: str, *, live: bool, pauses: Sequence[float]) -> Look:
    """The last of the looks: that at which it is there (or, not ``live``, is not), or that after all the pauses."""
    waited = False
    found = await models.by_id(proxy, model_id)
    for pause in pauses:
        if (found is not None) == live:
            break
        waited = True
        await anyio.sleep(pause)
        found = await models.by_id(proxy, model_id)
    return Look(found, waited)
