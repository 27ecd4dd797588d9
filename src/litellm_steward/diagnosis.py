"""What a proxy's answers mean for this configuration: pure functions from findings to lines.

``check`` asks, this judges. A fault is something to mend before the steward does what it offers; each
names the one line that mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from litellm_steward.access import ADMIN, VIEWER, Access
from litellm_steward.api.standing import OwnKey
from litellm_steward.api.tested import DAY
from litellm_steward.api.version import NEWEST_TESTED, OLDEST_SUPPORTED, Version, unsupported
from litellm_steward.errors import KeyRefused, NoDatabase, ProxyBroken, RoleRefused, StewardError, TimedOut, Unreachable
from litellm_steward.measurements import LATENCY_FROM
from litellm_steward.settings import KEY_HEADER, Origins, Settings
from litellm_steward.text import MAX_ID, clean, quote, scrub, sentence_list

Level = Literal["ok", "note", "FAULT"]
Read = Literal["keys", "users", "teams", "customers", "models", "fallbacks", "usage"]

THIS_KEY: Final = "this key"
CHANGES_NOTHING: Final = "may not change anything"
TEAM_EXPORT_FROM: Final = Version(1, 100, 0)


@dataclass(frozen=True)
class Findings:
    """What was asked and answered. An answer that did not come is the error that came instead."""

    key_source: StewardError | None = None
    """Why there is no admin key to send."""
    callers_keys: bool = False
    """Whether there is none because each caller brings one."""
    reached: StewardError | None = None
    """Why nothing could be asked."""
    database: str = "connected"
    version: Version | None = None
    own_key: OwnKey | StewardError | None = None
    role: str = ""
    reads: Mapping[Read, StewardError | None] = field(default_factory=dict)
    licence: str = ""
    stores_models: bool | None = None
    key_folder: StewardError | None = None
    record: str = ""
    """Why the record of changes cannot be written."""


@dataclass(frozen=True)
class Item:
    """One line of the screen, and the line that mends it if it is a fault."""

    level: Level
    name: str
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a tool will work: ``limits`` names what it cannot do, ``reason`` why it cannot do anything."""

    tool: str
    limits: tuple[str, ...] = ()
    reason: str = ""


NEEDS: Final[Mapping[str, tuple[Read, ...]]] = {
    "create_model": ("models",),
    "create_team": ("teams",),
    "create_user": ("users", "teams"),
    "delete_key": ("keys", "users"),
    "delete_model": ("models",),
    "generate_key": ("teams", "users"),
    "get_key_info": ("keys", "users", "usage"),
    "get_model_info": ("models",),
    "get_team_info": ("teams", "users"),
    "get_user_info": ("users", "customers", "usage"),
}
"""What a tool must be able to read. ``users`` also stands for seeing more than one's own keys and teams."""


WITHOUT_FALLBACKS: Final[Mapping[str, str]] = {
    "create_model": "no fallback_for",
    "delete_model": "the plan leaves out chains",
    "get_model_info": "no chains",
}
"""What is lost with a key that may not read the router's settings."""

WITHOUT_DATABASE: Final = frozenset({"get_model_info"})


def diagnose(settings: Settings, found: Findings) -> list[Item]:
    """The lines about the proxy, the key and the settings."""
    if found.reached is not None:
        return [_unreached(settings, found.reached), *_key_unsent(found), *_settings(settings, found)]
    items = [Item("ok", "proxy", f"{settings.litellm_base_url} answers")]
    if unsupported(found.version) is not None:
        return [*items, _release(found), *_key_unsent(found), *_settings(settings, found)]
    if found.version is not None or found.reads:
        items.append(_release(found))
    items.append(_database(found))
    items += _key_unsent(found)
    if found.key_source is None:
        items += [_key(found), *_licence(found)]
    if found.reads:
        items.append(_stores_models(found))
    return items + _settings(settings, found)


def verdicts(found: Findings, tools: Sequence[str], writing: Sequence[str]) -> list[Verdict]:
    """For each tool offered, whether it will work with this key on this release."""
    return [_verdict(found, tool, writes=tool in writing) for tool in tools]


def _verdict(found: Findings, tool: str, *, writes: bool) -> Verdict:
    reason = next(_obstacles(found, tool, writes=writes), "")
    blind = WITHOUT_FALLBACKS.get(tool) if found.reads.get("fallbacks") is not None else None
    limits = (*([f"{blind} ({THIS_KEY} may not read fallbacks)"] if blind else ()), *limits_of(tool, found.version))
    return Verdict(tool, reason=reason, limits=() if reason else limits)


def _obstacles(found: Findings, tool: str, *, writes: bool) -> Iterator[str]:
    """Why a tool cannot work at all, the weightiest reason first."""
    if found.reached is not None:
        yield "the proxy does not answer"
    if unsupported(found.version) is not None:
        yield "the proxy's LiteLLM is not supported"
    if (found.key_source is not None and not found.callers_keys) or isinstance(found.own_key, KeyRefused):
        yield "it needs an admin key that the proxy accepts"
    if found.database != "connected" and tool not in WITHOUT_DATABASE:
        yield "it needs the proxy's database"
    if isinstance(found.own_key, OwnKey) and not Access(found.own_key, found.role).sees_the_company:
        yield f"{THIS_KEY} is not an admin's"
    failed = {read: error for read in NEEDS.get(tool, ()) if (error := found.reads.get(read)) is not None}
    if broken := [read for read, error in failed.items() if not isinstance(error, RoleRefused)]:
        yield f"the proxy fails to show {sentence_list(broken)}"
    if failed:
        yield f"{THIS_KEY} may not read {sentence_list(list(failed))}"
    if writes and not may_write(found):
        yield f"{THIS_KEY} {CHANGES_NOTHING}"
    if tool == "create_model" and found.stores_models is False:
        yield "the proxy does not store models"


def may_write(found: Findings) -> bool:
    """The master key, or a key of an admin that is not confined to other routes."""
    return not isinstance(found.own_key, StewardError) and Access(found.own_key, found.role).may_change


def limits_of(tool: str, version: Version | None) -> tuple[str, ...]:
    """What a tool cannot do on a release. The tools themselves say so too; this says it beforehand."""
    if version is None:
        return ("fallback_for needs a known version",) if tool == "create_model" else ()
    return tuple(what for before, what in LIMITS.get(tool, ()) if version < before)


LIMITS: Final[Mapping[str, tuple[tuple[Version, str], ...]]] = {
    "get_model_info": ((LATENCY_FROM, "no latency"),),
    "get_team_info": ((TEAM_EXPORT_FROM, "deleted keys may lack their owner"),),
}


def _unreached(settings: Settings, error: StewardError) -> Item:
    if isinstance(error, Unreachable | TimedOut):
        said = error.message if settings.litellm_base_url in error.message else f"{settings.litellm_base_url}: {error}"
        return Item("FAULT", "proxy", said, "Start the LiteLLM proxy, or set LITELLM_BASE_URL to its address.")
    said = f"{settings.litellm_base_url} answers, but not as a LiteLLM proxy does"
    return Item("FAULT", "proxy", said, "Set LITELLM_BASE_URL to the proxy's own address.")


def _release(found: Findings) -> Item:
    tested = f"tested with {OLDEST_SUPPORTED} to {NEWEST_TESTED} on {DAY}"
    if found.version is None:
        return Item("note", "LiteLLM", f"it does not tell its version to this key ({tested})")
    if (refusal := unsupported(found.version)) is not None:
        return Item("FAULT", "LiteLLM", refusal.message, refusal.hint or "")
    if found.version > NEWEST_TESTED:
        return Item("note", "LiteLLM", f"{found.version} is newer than what was tested ({tested})")
    return Item("ok", "LiteLLM", f"{found.version} ({tested})")


def _database(found: Findings) -> Item:
    if found.database == "connected":
        return Item("ok", "database", "connected")
    mend = "Set DATABASE_URL in the proxy's environment to a PostgreSQL that runs, and restart the proxy."
    said = f"the proxy says {quote(found.database)}; keys, teams, users and spend need one"
    return Item("FAULT", "database", said, mend)


def _key_unsent(found: Findings) -> list[Item]:
    if found.key_source is None:
        return []
    if found.callers_keys:
        said = f"none: each HTTP request brings its own in {KEY_HEADER}, and what it may do was not looked at"
        return [Item("note", "admin key", said)]
    mend = "Set LITELLM_MASTER_KEY to the proxy's master key, or LITELLM_MASTER_KEY_FILE to a file that holds it."
    return [Item("FAULT", "admin key", found.key_source.message, mend)]


def _key(found: Findings) -> Item:
    key = found.own_key
    # Without a database 1.110 answers /key/info with an error that tells nothing.
    if isinstance(key, NoDatabase) or (isinstance(key, ProxyBroken) and found.database != "connected"):
        if found.reads.get("models") is None:
            return Item("ok", "admin key", "accepted: the master key (only it works without a database)")
        return Item(
            "FAULT",
            "admin key",
            "not the master key, and without a database the proxy knows no other",
            "Set LITELLM_MASTER_KEY to the proxy's master key.",
        )
    if isinstance(key, KeyRefused):
        why = f": {quote(key.detail, 160)}" if key.detail else ""
        mend = "Set LITELLM_MASTER_KEY to the proxy's master key, or to a working key of a proxy_admin user."
        return Item("FAULT", "admin key", f"the proxy refuses it{why}", mend)
    if isinstance(key, StewardError):
        mend = "Run this again; if it stays so, the proxy's log says why."
        return Item("FAULT", "admin key", f"the proxy does not say what it is: {key.message}", mend)
    if key is None:
        return Item("ok", "admin key", "the master key")
    owner = f" of user {quote(key.user_id)}" if key.user_id else " of no user"
    confined = f", confined to {sentence_list([clean(route) for route in key.allowed_routes], 2)}"
    kind = {ADMIN: "a proxy_admin's key", VIEWER: "a viewer's key"}.get(found.role, "a limited key, not an admin's,")
    return Item("ok", "admin key", f"{kind}{owner}{confined if key.allowed_routes else ''}")


def _licence(found: Findings) -> list[Item]:
    if not found.licence:
        return []
    return [Item("ok", "licence", f"{clean(found.licence)} (no tool needs an Enterprise licence)")]


def _stores_models(found: Findings) -> Item:
    if found.stores_models is None:
        return Item("note", "new models", "the proxy does not tell whether STORE_MODEL_IN_DB is on")
    if found.stores_models:
        return Item("ok", "new models", "can be added (STORE_MODEL_IN_DB is on)")
    mend = "Set STORE_MODEL_IN_DB=True in the proxy's environment, and restart the proxy."
    return Item("FAULT", "new models", "cannot be added: STORE_MODEL_IN_DB is off", mend)


def _settings(settings: Settings, found: Findings) -> list[Item]:
    to_file = settings.steward_key_delivery == "file"
    delivery = f"to a file in {settings.steward_key_dir}" if to_file else "in the reply"
    said = (
        f"read-only {'yes' if settings.steward_read_only else 'no'}; "
        f"toolsets {', '.join(map(clean, settings.steward_toolsets))}; "
        f"approval {settings.steward_approval}; new keys {delivery}"
    )
    items = [Item("ok", "settings", said), *_origins(settings.origins)]
    if settings.steward_approval == "off":
        items.append(Item("note", "approval", "off: deletions happen without asking anybody"))
    if found.key_folder is not None:
        where = settings.steward_key_dir
        mend = f"As the user who runs the steward: mkdir -p {where} && chmod 700 {where}"
        items.append(Item("FAULT", "key folder", found.key_folder.message, mend))
    if found.record:
        where = settings.steward_audit_log
        mend = "Let STEWARD_AUDIT_LOG name a file in a folder that the user who runs the steward may write to."
        items.append(Item("FAULT", "record", f"{where} cannot be written ({found.record})", mend))
    return items


def _origins(origins: Origins) -> Iterator[Item]:
    """Where each setting came from; never what it is, because some are secrets."""
    file = quote(scrub(str(origins.env_file)), MAX_ID) if origins.env_file is not None else ""
    sources = {
        "the command line": origins.command_line,
        "the environment": origins.environment,
        f"the file {file}": origins.file,
    }
    told = [f"{', '.join(names)} from {source}" for source, names in sources.items() if names]
    yield Item("ok", "set", "; ".join([*told, "the others are the defaults" if told else "nothing: all are defaults"]))
    if file and not origins.file:
        yield Item("note", "env file", f"{file} sets nothing that is not set elsewhere")
    if origins.names_another_file:
        yield Item("note", "env file", f"STEWARD_ENV_FILE in {file} is not followed: one file is read")


def key_fault(judged: Sequence[Verdict]) -> Item | None:
    """Tools that are offered and cannot work with this key are a fault of the configuration, told once."""
    lame = [verdict for verdict in judged if verdict.reason.startswith(THIS_KEY)]
    if not lame:
        return None
    mend = "Use the master key, or a key without route limits of a proxy_admin user"
    if all(verdict.reason.endswith(CHANGES_NOTHING) for verdict in lame):
        mend += "; or set STEWARD_READ_ONLY=true"
    return Item("FAULT", "access", f"this key is not enough for {len(lame)} of {len(judged)} tools", f"{mend}.")
