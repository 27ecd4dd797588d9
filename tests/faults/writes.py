"""The calls that change something: how each is prepared, where it shows, and what may be said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.faults.catalog import Fault
from tests.faults.lanes import Said
from tests.live.harness import Seeded

NOT_DONE: Final = re.compile(
    r"No key '\S+' was made|was not (?:created|deleted)|Nothing was left behind|does not know it"
    r"|still knows it as usable"
)
SO_FAR: Final = re.compile(r"so far")
DONE: Final = re.compile(r"was made all the same")
LOST: Final = re.compile(r"The proxy's answer was lost")
UNCERTAIN: Final = "The change may or may not have been made; look before trying again."


@dataclass(frozen=True)
class Write:
    """``there``: counts the rows of a name. ``deletes``: the row is there before and should be gone after."""

    tool: str
    arguments: Callable[[str], dict[str, object]]
    there: str
    deletes: bool = False
    prepare: Callable[[Seeded, str], None] = lambda _gateway, _name: None

    def is_done(self, gateway: Seeded, name: str) -> bool:
        """What the real proxy's database says."""
        return bool(gateway.sql(self.there, name)[0][0]) != self.deletes


def _key(gateway: Seeded, name: str) -> None:
    assert gateway.admin("POST", "/key/generate", json={"key_alias": name}).status_code == 200


def _deployment(gateway: Seeded, name: str) -> None:
    body = {"model_name": name, "litellm_params": MOCK, "model_info": {}}
    assert gateway.admin("POST", "/model/new", json=body).status_code == 200


MOCK: Final = {"model": "openai/gpt-4o", "api_key": "sk-none", "mock_response": "OK"}
KEYS: Final = 'select count(*) from "LiteLLM_VerificationToken" where key_alias = %s'
MODELS: Final = 'select count(*) from "LiteLLM_ProxyModelTable" where model_name = %s'

WRITES: Final[Mapping[str, Write]] = {
    "generate_key": Write("generate_key", lambda name: {"key_alias": name}, KEYS),
    "delete_key": Write("delete_key", lambda name: {"key": name}, KEYS, deletes=True, prepare=_key),
    "create_team": Write(
        "create_team",
        lambda name: {"team_alias": name},
        'select count(*) from "LiteLLM_TeamTable" where team_alias = %s',
    ),
    "create_user": Write(
        "create_user", lambda name: {"user_id": name}, 'select count(*) from "LiteLLM_UserTable" where user_id = %s'
    ),
    "create_customer": Write(
        "create_user",
        lambda name: {"user_id": name, "kind": "customer"},
        'select count(*) from "LiteLLM_EndUserTable" where user_id = %s',
    ),
    "create_model": Write(
        "create_model",
        lambda name: {
            "model_name": name,
            "model": MOCK["model"],
            "api_key": MOCK["api_key"],
            "litellm_params": {"mock_response": MOCK["mock_response"]},
        },
        MODELS,
    ),
    "delete_model": Write("delete_model", lambda name: {"model": name}, MODELS, deletes=True, prepare=_deployment),
}


def wrong_about_what_never_arrived(said: Said, fault: Fault) -> str | None:
    """The real proxy was never asked: nothing was done, and nobody may say otherwise."""
    if not said.is_error:
        return "calls it done"
    if not fault.lost:
        return "is uncertain of a refusal" if UNCERTAIN in said.text else None
    if SO_FAR.search(said.text):
        return None if UNCERTAIN in said.text else "does not say that it is uncertain"
    if UNCERTAIN in said.text:
        return "is uncertain although it could look"
    return None if NOT_DONE.search(said.text) else "does not say that it was not done"


def wrong_about_what_was_done(said: Said, fault: Fault) -> str | None:
    """The real proxy did it, and only its answer was lost.

    A reload of its models that began before may have put a deployment back: then nobody may be certain yet.
    """
    if said.tool == "delete_model" and SO_FAR.search(said.text) and UNCERTAIN in said.text:
        return None
    if said.is_error and not DONE.search(said.text):
        return "does not say that it was done"
    if not fault.passes and said.tool.startswith("create_") and not LOST.search(said.text):
        return "does not say that the answer was lost"
    return None


def wrong_about_what_nobody_knows(said: Said) -> str | None:
    """The real proxy did it, and could not be asked any more."""
    if not said.is_error or UNCERTAIN not in said.text:
        return "does not say that it is uncertain"
    return "says that it was not done" if NOT_DONE.search(said.text) else None
