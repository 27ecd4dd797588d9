"""``user``: a user id, an e-mail address, or an alias where the proxy can search it; or a customer id."""

from __future__ import annotations

from litellm_steward.api import customers, users
from litellm_steward.api.customers import Customer
from litellm_steward.api.pages import PAGE
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.users import User
from litellm_steward.errors import InvalidArgument, NotFound
from litellm_steward.references.matching import Candidate, Match, label, match, not_found
from litellm_steward.together import together

NO_ALIAS_SEARCH = "LiteLLM cannot search so many users by alias: use the user id or the e-mail address."


def _candidate(user: User) -> Candidate[User]:
    return Candidate(
        user,
        user.user_id,
        (user.user_alias,) if user.user_alias else (),
        label(user.user_email or user.user_alias, user.user_id),
        tuple(name for name in (user.user_email, user.user_id) if name and "@" in name),
    )


async def find_user(proxy: Proxy, reference: str) -> tuple[Match[User] | None, list[User], bool]:
    """The internal user meant, or who comes near; and whether aliases could be searched at all.

    One read for an id (ids that contain the text come along, so that twins by case are seen), more for an e-mail
    address or an alias. Somebody's e-mail address may be another's id: then both are meant.
    """
    if "@" in reference:
        by_id, by_email = await together(users.containing_id(proxy, reference), users.by_email(proxy, reference))
        found = by_id + by_email
    else:
        found = await users.containing_id(proxy, reference)
    if len(found) >= PAGE or "," in reference:
        exact = await users.by_id(proxy, reference)
        found += [exact] if exact else []
    chosen = match("user", reference, map(_candidate, found))
    if chosen is not None or "@" in reference:
        return chosen, found, True
    everybody = await users.everybody(proxy)
    if everybody is None:
        return None, found, False
    return match("user", reference, map(_candidate, [*found, *everybody])), [*found, *everybody], True


def given(reference: str) -> str:
    """A reference to a user or a customer without the blanks around it, of which something must be left."""
    reference = reference.strip()
    if not reference:
        raise InvalidArgument("user must not be empty")
    return reference


async def resolve_user(proxy: Proxy, reference: str) -> Match[User]:
    """The internal user meant, or ``NotFound`` with near misses."""
    reference = given(reference)
    chosen, near, searchable = await find_user(proxy, reference)
    if chosen is None:
        raise await no_such_user(proxy, reference, near, searchable=searchable)
    return chosen


async def no_such_user(proxy: Proxy, reference: str, near: list[User], *, searchable: bool) -> NotFound:
    """The error for a reference that names nobody; looks for ids that begin alike."""
    near = [*near, *await users.containing_id(proxy, reference[:2])]
    return not_found("user", reference, map(_candidate, near), None if searchable else NO_ALIAS_SEARCH)


async def resolve_customer(proxy: Proxy, reference: str) -> Match[Customer]:
    """The customer with exactly this id: the proxy offers no other way to look one up."""
    reference = given(reference)
    customer = await customers.info(proxy, reference)
    if customer is None:
        raise no_such_customer(reference)
    return Match(customer)


def no_such_customer(reference: str) -> NotFound:
    return not_found("customer", reference, (), "Customers are found by their exact id only.")
