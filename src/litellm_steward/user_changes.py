"""Registering users and customers so that the outcome is known, not assumed."""

from __future__ import annotations

import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import ClassVar

from litellm_steward import errors
from litellm_steward.api import customers, users
from litellm_steward.api.customers import Customer
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.users import User
from litellm_steward.errors import Fault, StewardError
from litellm_steward.readback import stored_otherwise
from litellm_steward.text import quote
from litellm_steward.together import together


class UserWithoutKey(StewardError):
    """The user is there, the key that was asked for with it is not; the call must not be made again."""

    fault: ClassVar[Fault] = "proxy"

    def __init__(self, user_id: str, why: StewardError) -> None:
        super().__init__(
            f"The user {quote(user_id)} was created, but got no key (generate_key makes one): {why.message}",
            hint=why.hint,
        )
        self.write_uncertain = why.write_uncertain


@dataclass(frozen=True)
class Created:
    """A user as the proxy stored it, or as asked for where it could not be read back."""

    user: User
    notes: list[str]
    read_back: bool = True


async def free_user_id(proxy: Proxy, user_id: str | None, email: str | None) -> str:
    """The id to create, once it is sure that nobody has it, or the e-mail address, in either place.

    People mean a user by id and by e-mail address alike: who had somebody's address as an id would be taken for them.
    """
    if user_id is not None:
        _refuse_taken(user_id, await _known_by(proxy, user_id), as_id=True)
    if email is not None and email != user_id:
        _refuse_taken(email, await _known_by(proxy, email), as_id=False)
    return user_id or str(uuid.uuid4())


async def _known_by(proxy: Proxy, name: str) -> list[User]:
    """Users whose id or e-mail address may be this. An id is compared in full, whoever else's contains it."""
    exact = await users.by_id(proxy, name)
    if "@" not in name:
        return [exact] if exact else []
    alike, mailed = await together(users.containing_id(proxy, name), users.by_email(proxy, name))
    return [*([exact] if exact else []), *alike, *mailed]


def _refuse_taken(name: str, known: list[User], *, as_id: bool) -> None:
    """Raise if somebody has the name, in any case where it is an e-mail address."""
    for user in known:
        if user.user_id == name or ("@" in name and user.user_id.casefold() == name.casefold()):
            said = f"There is a user {quote(user.user_id)} already" if as_id else f"{quote(name)} is a user's id"
        elif (user.user_email or "").casefold() == name.casefold():
            said = f"The user {quote(user.user_id)} has the e-mail address {quote(name)} already"
        else:
            continue
        raise errors.Conflict(
            f"{said}; nothing was created",
            hint="Look at it with get_user_info, or make a key for it with generate_key.",
        )


async def create(proxy: Proxy, body: Mapping[str, object]) -> Created:
    """Send it once and read it back; a lost answer is settled by the id that was chosen here."""
    user_id = str(body["user_id"])
    notes: list[str] = []
    try:
        await users.new(proxy, body)
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
        if not await _settled(users.by_id(proxy, user_id), f"user {quote(user_id)}"):
            error.nothing_seen("The user was not created.", _not_yet("user", user_id))
            raise
        notes.append("The proxy's answer was lost, but the user was created.")
    try:
        user = await users.by_id(proxy, user_id)
    except errors.ProxyError:
        notes.append("The user could not be read back: its settings are as asked for, unconfirmed.")
        return Created(User.model_validate(body), notes, read_back=False)
    if user is None:
        raise errors.ProxyBroken(f"The proxy said that user {quote(user_id)} was created, but does not know it")
    return Created(user, notes)


async def refuse_existing_customer(proxy: Proxy, customer_id: str) -> None:
    if await customers.info(proxy, customer_id) is not None:
        raise errors.Conflict(
            f"There is a customer {quote(customer_id)} already; nothing was created",
            hint="A customer appears by itself with its first call. Look at it with get_user_info(kind=customer).",
        )


async def create_customer(proxy: Proxy, body: Mapping[str, object]) -> tuple[Customer, list[str]]:
    """``/customer/new``, sent once, read back; with notes."""
    notes: list[str] = []
    customer_id = str(body["user_id"])
    try:
        await customers.new(proxy, body)
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
        if not await _settled(customers.info(proxy, customer_id), f"customer {quote(customer_id)}"):
            error.nothing_seen("The customer was not created.", _not_yet("customer", customer_id))
            raise
        notes.append("The proxy's answer was lost, but the customer was created.")
    try:
        customer = await customers.info(proxy, customer_id)
    except errors.ProxyError as error:
        error.hint = f"The customer {quote(customer_id)} was created, but could not be read back."
        raise
    if customer is None:
        raise errors.ProxyBroken(f"The proxy said that customer {quote(customer_id)} was created, but does not know it")
    return customer, notes


def _not_yet(what: str, name: str) -> str:
    return f"There is no {what} {quote(name)} so far, but the proxy may still create it."


async def _settled(lookup: Coroutine[object, object, object], what: str) -> bool:
    """Whether a write whose answer was lost has happened."""
    try:
        return await lookup is not None
    except errors.ProxyError as error:
        error.write_uncertain = True
        error.hint = f"Whether the {what} was created is unknown."
        raise


def differences(asked: Mapping[str, object], stored: User) -> list[str]:
    """What the proxy stored otherwise than asked (its defaults may fill what was left out)."""
    return stored_otherwise(asked, stored, ("max_budget", "budget_duration", "tpm_limit", "rpm_limit", "user_role"))
