"""``litellm-steward check``: will this configuration work, what may it do, and how is it mended?

Everything is read; nothing is written, neither to the proxy nor on this machine. The admin key is sent only to what
answers as a LiteLLM proxy does.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from litellm_steward import __version__
from litellm_steward.api import models, router, standing
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import Readiness, Version, readiness, unsupported
from litellm_steward.audit import AuditLog
from litellm_steward.delivery import check_delivery
from litellm_steward.diagnosis import Findings, Item, Read, Verdict, diagnose, key_fault, verdicts
from litellm_steward.errors import KeyRefused, ProxyBroken, StewardError
from litellm_steward.periods import utc_now
from litellm_steward.secret import ConstantSecret
from litellm_steward.server import select_tools
from litellm_steward.settings import Settings
from litellm_steward.steward import Steward, open_steward
from litellm_steward.together import Async, each, together

PATIENCE: Final = 8.0
"""Seconds for one answer: somebody waits for the screen."""
WIDTH: Final = 110

T = TypeVar("T")


async def run(settings: Settings) -> int:
    """Print the screen; 0 if nothing is to mend, 1 if something is."""
    offered = select_tools(settings).offered
    found = await investigate(settings)
    judged = verdicts(found, [spec.name for spec in offered], [spec.name for spec in offered if spec.effect != "reads"])
    items = diagnose(settings, found)
    lame = key_fault(judged)
    if lame is not None:
        items.append(lame)
    sys.stdout.write(render(items, judged))
    return 1 if any(item.level == "FAULT" for item in items) else 0


async def investigate(settings: Settings) -> Findings:
    """Ask the proxy, quickly and a few questions at a time."""
    # Nothing is changed here, so nothing is recorded, and a record that cannot be kept does not stop the questions.
    unrecorded = settings.model_copy(update={"steward_audit_log": None})
    hurried = unrecorded.model_copy(update={"steward_timeout": min(settings.steward_timeout, PATIENCE)})
    found = Findings(key_folder=_key_folder(settings), record=_record(settings))
    try:
        settings.master_key.read()
    except StewardError as error:
        found = replace(found, key_source=error, callers_keys=settings.steward_credentials == "caller")
    try:
        ready = await _knock(hurried)
    except StewardError as error:
        return replace(found, reached=error)
    # Releases before 1.91 tell their version to everybody, so to those that are not supported no key is sent.
    found = replace(found, database=ready.db or "no word of it", version=Version.parse(ready.litellm_version))
    if found.key_source is not None or unsupported(found.version) is not None:
        return found
    async with open_steward(hurried) as steward:
        found = await _with_key(steward, found)
    if found.version is None and found.reads:
        # Last and alone: for some keys it needs the proxy's OpenAPI document, whose making stops everything else there.
        async with open_steward(unrecorded) as steward:
            version = await _attempt(steward.version())
        found = replace(found, version=None if isinstance(version, StewardError) else version)
    return found


async def _knock(settings: Settings) -> Readiness:
    """Whether a LiteLLM proxy is there, and what it says of itself; without our key."""
    nobody = ConstantSecret("LITELLM_MASTER_KEY", SecretStr("none"))
    async with Proxy(settings.litellm_base_url, nobody, timeout=settings.steward_timeout) as proxy:
        ready = await readiness(proxy)
    if not ready.status and not ready.db:
        raise ProxyBroken("/health/readiness was not answered as LiteLLM answers it")
    return ready


async def _with_key(steward: Steward, found: Findings) -> Findings:
    proxy = steward.proxy
    own_key = await _attempt(standing.own_key(proxy))
    found = replace(found, own_key=own_key)
    if isinstance(own_key, KeyRefused):
        return found  # the other answers would be the same, and the proxy would count failed logins
    questions: dict[Read, Async[Any]] = {
        "keys": standing.lists_keys(proxy),
        "users": standing.lists_users(proxy),
        "teams": standing.lists_teams(proxy),
        "customers": standing.shows_customers(proxy),
        "models": models.deployments(proxy),
        "fallbacks": router.fallbacks(proxy),
        "usage": standing.shows_usage(proxy, utc_now().date()),
    }
    answers = dict(zip(questions, await each(map(_attempt, questions.values()), at_once=4), strict=True))
    licence, stores_models = await together(_attempt(standing.licence(proxy)), _attempt(standing.stores_models(proxy)))
    deployed = answers["models"]
    if stores_models is not True and isinstance(deployed, list) and any(d.model_info.db_model for d in deployed):
        stores_models = True  # a model from the database is live
    role = ""
    if isinstance(own_key, standing.OwnKey) and own_key.user_id:
        asked = await _attempt(standing.role_of(proxy, own_key.user_id))
        role = asked if isinstance(asked, str) else ""
    return replace(
        found,
        role=role,
        reads={name: answer if isinstance(answer, StewardError) else None for name, answer in answers.items()},
        licence=licence.license_type if isinstance(licence, standing.Licence) else "",
        stores_models=stores_models if isinstance(stores_models, bool) else None,
    )


async def _attempt(read: Async[T]) -> T | StewardError:
    """An answer, or the error that came instead."""
    try:
        return await read
    except StewardError as error:
        return error


def _key_folder(settings: Settings) -> StewardError | None:
    try:
        check_delivery(settings)
    except StewardError as error:
        return error
    return None


def _record(settings: Settings) -> str:
    try:
        AuditLog(settings.steward_audit_log).check()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def render(items: Sequence[Item], judged: Sequence[Verdict]) -> str:
    """The screen."""
    lines = [f"litellm-steward {__version__}", ""]
    for item in items:
        lines += _wrapped(f"{item.level:<6} {item.name:<12} ", item.found)
        if item.mend:
            lines += _wrapped(f"{'':<6} {'to mend it':<12} ", item.mend)
    lines += ["", *_tool_lines(judged), ""]
    faults = sum(item.level == "FAULT" for item in items)
    lines.append("This configuration works." if not faults else f"{faults} fault{'s' if faults > 1 else ''} to mend.")
    return "\n".join(lines) + "\n"


def _tool_lines(judged: Sequence[Verdict]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for verdict in judged:
        if verdict.reason:
            group = ("not", f": {verdict.reason}")
        else:
            group = ("partly", f": {'; '.join(verdict.limits)}") if verdict.limits else ("works", "")
        groups.setdefault(group, []).append(verdict.tool)
    order = ("works", "partly", "not")
    lines = []
    for (state, why), tools in sorted(groups.items(), key=lambda entry: order.index(entry[0][0])):
        lines += _wrapped(f"{'tools':<6} {state:<12} ", f"{', '.join(tools)}{why}")
    return lines


def _wrapped(head: str, body: str) -> list[str]:
    return textwrap.wrap(
        body,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head]
