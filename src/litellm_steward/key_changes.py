"""Making and deleting keys so that the outcome is known, not assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio
from pydantic import SecretStr

from litellm_steward import errors
from litellm_steward.api import keys
from litellm_steward.api.decode import message_of
from litellm_steward.api.keys import Key, NewKey
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.users import SYSTEM_USER, User
from litellm_steward.api.version import Version
from litellm_steward.delivery import Delivered, deliver
from litellm_steward.key_routes import routes_for
from litellm_steward.readback import stored_otherwise
from litellm_steward.secret import reveal
from litellm_steward.settings import Settings
from litellm_steward.text import as_value, hash_key, quote

_ORDINARY: Final = frozenset({"", "internal_user", "internal_user_viewer"})
"""Roles to which the proxy tells nothing but their own."""

OTHER_PODS: Final = "Other instances of the proxy may honour the key for up to 60 s."


def is_powerful(role: str | None) -> bool:
    """Whether a user with this role sees or changes more than their own."""
    return (role or "") not in _ORDINARY


def has_powers(owner: User | None) -> bool:
    """The same of a key's owner. LiteLLM's own user is made an administrator when one logs in with the master key."""
    return owner is not None and (owner.user_id == SYSTEM_USER or is_powerful(owner.user_role))


async def generate(
    proxy: Proxy, body: Mapping[str, object], alias: str, owner: User | None, version: Version | None
) -> NewKey:
    """Send it once. If the answer is lost, look for the alias and say what was found.

    A key that the proxy did not confine would hand out its owner's powers: it is deleted, and nobody is given it.
    """
    routes = routes_for(version, powerful_owner=has_powers(owner))
    made = await _generate(proxy, {**body, "allowed_routes": routes}, alias)
    with anyio.CancelScope(shield=True):  # a client that hangs up now would leave it as it is
        confined_to = await _routes_of(proxy, made)
        if confined_to is None or sorted(confined_to) != sorted(routes):
            found = (
                "Whether the proxy confined the key to calls of models could not be read"
                if confined_to is None
                else "The proxy did not confine the key to calls of models, so that it had its owner's powers"
            )
            raise errors.Unsupported(f"{found}. {await _taken_back(proxy, made.key, alias)}")
    return made


async def _routes_of(proxy: Proxy, made: NewKey) -> list[str] | None:
    """As the proxy answered, or as it stored them; ``None`` if it does not tell."""
    if made.allowed_routes is not None:
        return made.allowed_routes
    try:
        stored = await keys.info(proxy, hash_key(reveal(made.key)))
    except errors.ProxyError:
        return None
    return stored.allowed_routes if stored is not None else None


async def _generate(proxy: Proxy, body: Mapping[str, object], alias: str) -> NewKey:
    try:
        return await keys.generate(proxy, body)
    except errors.Conflict as error:
        raise errors.Conflict(
            f"There is a key with the alias {quote(alias)} already",
            status=error.status,
            hint="Choose another key_alias, or look at it with get_key_info.",
        ) from error
    except errors.ProxyError as error:
        if error.write_uncertain:
            raise await _after_lost_answer(proxy, alias, error) from error
        raise


async def _after_lost_answer(proxy: Proxy, alias: str, lost: errors.ProxyError) -> errors.ProxyError:
    """What to tell of a key that may have been made; only one that was not may be tried again."""
    try:
        made = [key for key in (await keys.page(proxy, key_alias=alias)).keys if key.key_alias == alias]
    except errors.ProxyError:
        lost.hint = f"Its alias would be {quote(alias)}: look for it with get_key_info."
        return lost
    if made:
        return errors.ProxyError(
            lost.message,
            status=lost.status,
            hint=f"A key {quote(alias)} was made all the same, but its secret is lost with the answer: "
            "delete it with delete_key and generate another.",
        )
    name = quote(alias)
    lost.nothing_seen(f"No key {name} was made.", f"There is no key {name} so far, but the proxy may still make it.")
    return lost


async def hand_over(proxy: Proxy, settings: Settings, key: SecretStr, name: str) -> Delivered:
    """Deliver a new key. One that nobody could be given would be live and unknown: it is deleted again."""
    try:
        return deliver(settings, key, name)
    except errors.Refused as error:
        raise errors.Refused(f"{error.message}. {await _taken_back(proxy, key, name)}") from error


async def _taken_back(proxy: Proxy, key: SecretStr, name: str) -> str:
    """Delete a key that nobody is given, and say what became of it."""
    try:
        await keys.delete(proxy, hash_key(reveal(key)))
    except errors.ProxyError:
        return (
            f"The key {quote(name)} was made and its secret is lost; "
            "deleting it again failed: delete it with delete_key."
        )
    return f"The key {quote(name)} was deleted again: none is left."


@dataclass(frozen=True)
class Deletion:
    """``verified``: the proxy was asked afterwards and does not know the key as usable."""

    verified: bool
    notes: list[str]


async def delete(proxy: Proxy, key: Key) -> Deletion:
    """Delete one key and prove it by the proxy's own state."""
    notes = [OTHER_PODS]
    try:
        await keys.delete(proxy, key.token)
    except errors.Missing:
        notes.append("The key was gone already.")
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
        if not await _settled(proxy, key.token, error):
            error.nothing_seen(
                "The key still exists: it was not deleted.",
                "The key still exists so far, but the proxy may still delete it.",
            )
            raise
        notes.append("The proxy's answer was lost, but the key is gone.")
        return Deletion(verified=True, notes=notes)
    try:
        gone = await is_gone(proxy, key.token)
    except errors.ProxyError:
        notes.append("Whether the key is gone could not be read back: look at it with get_key_info.")
        return Deletion(verified=False, notes=notes)
    if not gone:
        raise errors.ProxyBroken(
            "The proxy says that it deleted the key, but still knows it as usable",
            hint="Look at it with get_key_info, then delete it again.",
        )
    return Deletion(verified=True, notes=notes)


async def _settled(proxy: Proxy, key_hash: str, lost: errors.ProxyError) -> bool:
    """Whether a deletion whose answer was lost has happened; raises what was lost if that cannot be read."""
    try:
        return await is_gone(proxy, key_hash)
    except errors.ProxyError:
        raise lost from None


async def is_gone(proxy: Proxy, key_hash: str) -> bool:
    """Unknown, or known as deleted (the newest releases keep a record)."""
    left = await keys.info(proxy, key_hash)
    return left is None or left.status() == "deleted"


async def refusal_of(proxy: Proxy, raw_key: str) -> str:
    """Try a deleted key once: the proof by use, for a caller who gave the raw key itself."""
    try:
        answer, _ = await proxy.call("/v1/models", key=raw_key)
    except errors.ProxyError:
        return "The key could not be tried: no connection."
    if answer.status < 400:
        return "This instance of the proxy still accepts the key from its cache; try again in a minute."
    said, kind = message_of(answer.body)
    unknown = kind == "token_not_found_in_db" or "invalid proxy server token" in said.lower()
    return (
        "A call with the key was refused."
        if unknown or answer.status == 401
        else f"A call with it failed ({answer.status})."
    )


_COMPARED: Final = (
    "max_budget",
    "budget_duration",
    "rpm_limit",
    "tpm_limit",
    "max_parallel_requests",
    "team_id",
    "user_id",
)


def differences(asked: Mapping[str, object], stored: Key) -> list[str]:
    """What the proxy stored otherwise than asked: its own defaults and upper bounds, or a dropped field."""
    notes = stored_otherwise(asked, stored, _COMPARED)
    for name in ("models", "aliases"):
        wanted, got = asked.get(name) or [], getattr(stored, name) or []
        if sorted(wanted) != sorted(got):  # type: ignore[call-overload]
            notes.append(f"The proxy stored other {name} than asked: {as_value(got)}.")
    if asked.get("budget_limits") and not stored.budget_limits:
        notes.append("The proxy dropped budget_limits: they do not apply.")
    return notes
