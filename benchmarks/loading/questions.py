"""What the clients of the load run ask, and how they tell that an answer is their own and true.

Every question is about a name that stands for its client and its number, ``c07-000123``, and every figure in an
answer follows from the name that was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from benchmarks.loading.answers import HELD, MADE, MODELS, NOBODYS, figures_of, raw_key_of
from litellm_steward.text import hash_key

Json = dict[str, Any]

TOOLS: Final = frozenset(
    {
        "create_model",
        "create_team",
        "create_user",
        "delete_key",
        "delete_model",
        "generate_key",
        "get_key_info",
        "get_model_info",
        "get_team_info",
        "get_user_info",
    }
)
FAULTS: Final[Mapping[str, str]] = {
    "limited": r"limits our requests \(HTTP 429\)",
    "failed": r"\(HTTP 500\)",
    "html": r"\(HTTP 502\)",
    "truncated": r"broken JSON",
    "reset": r"connection broke",
}
"""What is said of each fault where it could not be got over."""

_SUBJECT: Final = re.compile(r"c\d\d-\d{6}")


@dataclass(frozen=True)
class Said:
    """One answer: of a tool, of the protocol, or a question for the person who asked."""

    kind: Literal["result", "error", "form"]
    is_error: bool = False
    text: str = ""
    data: Json = field(default_factory=dict)
    everything: str = ""
    state: str = ""
    """What is to be sent back with the answer to a form."""

    @classmethod
    def of_result(cls, result: Json) -> Said:
        everything = json.dumps(result)
        if "inputRequests" in result:
            return cls("form", everything=everything, state=result.get("requestState", ""))
        text = "\n".join(block.get("text", "") for block in result.get("content", []))
        data = result.get("structuredContent") or {}
        return cls("result", bool(result.get("isError")), text, data, everything)

    @classmethod
    def of_error(cls, error: Json) -> Said:
        return cls("error", is_error=True, text=str(error.get("message")), everything=json.dumps(error))


Judge = Callable[[Said], bool]


@dataclass(frozen=True)
class Question:
    """``right`` says whether an answer without error is the one; ``refusal`` is a pattern where an error is due."""

    kind: str
    subject: str
    tool: str
    arguments: Mapping[str, object]
    right: Judge = lambda _: False
    refusal: str = ""
    more: Mapping[str, object] = field(default_factory=dict)
    """Further parameters of the request."""
    recorded: bool = False
    """Whether this call leaves an outcome in the record of changes."""

    def judge(self, said: Said) -> tuple[str, str]:
        """What kind of answer it is; and what is wrong with it, if anything."""
        strangers = set(_SUBJECT.findall(said.everything)) - {self.subject}
        if strangers:
            return "crossed", f"speaks of {sorted(strangers)}"
        if not said.is_error:
            wrong = "" if self.right(said) else "is not what was asked for"
            return "form" if said.kind == "form" else "answered", wrong
        if self.refusal and re.search(self.refusal, said.text):
            return "refused", ""
        fault = next((name for name, pattern in FAULTS.items() if re.search(pattern, said.text)), "")
        if fault and said.kind == "result":
            return fault, ""
        return "unknown error", "is an error that nobody caused"


def key_by_alias(subject: str) -> Question:
    alias = f"key-{subject}"
    token = hash_key(raw_key_of(alias))
    return Question("key", subject, "get_key_info", {"key": alias}, _key_of(alias, token))


def key_by_hash(subject: str) -> Question:
    client, number = subject[1:].split("-")
    token = f"{NOBODYS}{client}{number}".ljust(64, "0")
    return Question("key by hash", subject, "get_key_info", {"key": token}, _key_of(f"hashed-{token[:28]}", token))


def _key_of(alias: str, token: str) -> Judge:
    def right(said: Said) -> bool:
        return (said.data["key_alias"], said.data["key_id"]) == (alias, token) and _booked(said, token)

    return right


def user(subject: str) -> Question:
    name = f"user-{subject}"
    return Question(
        "user",
        subject,
        "get_user_info",
        {"user": name, "kind": "internal"},
        lambda said: said.data["user_id"] == name and _booked(said, name),
    )


def team(subject: str) -> Question:
    name = f"team-{subject}"
    return Question(
        "team",
        subject,
        "get_team_info",
        {"team": name, "period": "last_7_days"},
        lambda said: said.data["team_alias"] == name and _booked(said, f"id-{name}"),
    )


def model(subject: str) -> Question:
    name = MODELS[int(subject[1:3])]
    return Question(
        "model",
        subject,
        "get_model_info",
        {"model": name},
        lambda said: [found["model_name"] for found in said.data["deployments"]] == [name],
    )


def _booked(said: Said, name: str) -> bool:
    usage, figures = said.data["usage"], figures_of(name)
    return bool(
        usage["total_tokens"] == figures["total_tokens"]
        and usage["api_requests"] == figures["api_requests"]
        and abs(usage["spend"] - figures["spend"]) < 1e-6
        and f"{figures['total_tokens']:,} tokens" in said.text
    )


# ---- changes -----------------------------------------------------------------------------------


def making(subject: str, prefix: str = MADE) -> Question:
    alias = f"{prefix}{subject}"
    token = hash_key(raw_key_of(alias))

    def right(said: Said) -> bool:
        new = (said.data["key"], said.data["key_alias"], said.data["key_id"])
        return new == (raw_key_of(alias), alias, token) and raw_key_of(alias) in said.text

    return Question("make", subject, "generate_key", {"key_alias": alias}, right, recorded=True)


def held(subject: str) -> Question:
    """Never answered; whoever asks hangs up."""
    return making(subject, HELD)


def planning(subject: str) -> Question:
    alias = f"{MADE}{subject}"

    def right(said: Said) -> bool:
        if said.kind == "form":
            return f"'{alias}'" in said.everything and bool(said.state)
        return (said.data["status"], said.data["key_alias"]) == ("approval_required", alias)

    return Question("plan", subject, "delete_key", {"key": alias}, right, recorded=True)


def deleting(subject: str, plan: Said) -> Question:
    """With what the plan asks for: its token, or the form filled in."""
    alias = f"{MADE}{subject}"
    arguments: Json = {"key": alias}
    more: Json = {}
    if plan.kind == "form":
        answer = {"action": "accept", "content": {"confirm": alias}}
        more = {"inputResponses": {"approval": answer}, "requestState": plan.state}
    else:
        arguments["approval"] = plan.data["approval"]
    return Question(
        "delete",
        subject,
        "delete_key",
        arguments,
        lambda said: (said.data["status"], said.data["key_alias"]) == ("deleted", alias),
        more=more,
        recorded=True,
    )


# ---- what cannot be answered -------------------------------------------------------------------


def unknown_key(subject: str) -> Question:
    return Question(
        "unknown key", subject, "get_key_info", {"key": f"gone-{subject}"}, refusal=f"There is no key 'gone-{subject}'"
    )


def unknown_deletion(subject: str) -> Question:
    return Question(
        "unknown deletion",
        subject,
        "delete_key",
        {"key": f"gone-{subject}"},
        refusal=f"There is no key 'gone-{subject}'",
        recorded=True,
    )


def unknown_argument(subject: str) -> Question:
    arguments = {"key": f"key-{subject}", f"periode-{subject}": "today"}
    return Question("wrong argument", subject, "get_key_info", arguments, refusal=f"no argument 'periode-{subject}'")


def wrong_value(subject: str) -> Question:
    arguments = {"key_alias": f"{MADE}{subject}", "max_budget": f"much-{subject}"}
    return Question("wrong value", subject, "generate_key", arguments, refusal="max_budget must be a number")


def unknown_tool(subject: str) -> Question:
    name = f"get_key_inf-{subject}"
    return Question("unknown tool", subject, name, {}, refusal=f"Unknown tool: '{name}'; did you mean get_key_info")


def catalog(subject: str) -> Question:
    """Not a tool: ``tools/list``."""

    def right(said: Said) -> bool:
        return {found["name"] for found in json.loads(said.everything)["tools"]} == TOOLS

    return Question("tools/list", subject, "", {}, right)
