"""Fallbacks of the router: ``/router/settings``, ``/fallback``, ``/config/update``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, cast

from pydantic import AliasChoices, BeforeValidator, Field

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.wire import Acknowledged, ByName, Rows, Strings, Wire

Kind = Literal["general", "context_window", "content_policy", "default"]
DEFAULT: Final = "*"
"""The model name under which LiteLLM keeps the default fallbacks in the general list."""

FallbackList = list[tuple[str, tuple[str, ...]]]
"""The router's list in its own order: model, chain."""


def _chains(value: object) -> object:
    """``[{"gpt-4o": ["claude", {"model": "x", ...}]}]`` as pairs; what is no chain is dropped."""
    pairs: list[tuple[str, tuple[str, ...]]] = []
    for rule in cast("list[object]", value) if isinstance(value, list) else []:
        if not isinstance(rule, dict):
            continue
        for model, chain in cast("dict[object, object]", rule).items():
            targets = cast("list[object]", chain) if isinstance(chain, list) else [chain]
            pairs.append((str(model), tuple(filter(None, map(_target, targets)))))
    return pairs


def _target(entry: object) -> str:
    if isinstance(entry, dict):
        return str(cast("dict[str, object]", entry).get("model") or "")
    return entry if isinstance(entry, str) else ""


def _with_settings(value: object) -> object:
    """The models of whose chains a target is more than a name: ``{"model": "x", "temperature": 0}``."""
    rules = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(
        str(model)
        for rule in rules
        if isinstance(rule, dict)
        for model, chain in cast("dict[object, object]", rule).items()
        if any(
            isinstance(target, dict) and len(target) > 1 for target in (chain if isinstance(chain, list) else [chain])
        )
    )


Chains = Annotated[FallbackList, BeforeValidator(_chains)]


class RoutingGroup(Wire):
    """A name of its own for several model names; only the newest releases have them."""

    group_name: str = ""
    models: Strings = []


class Values(Wire):
    """``with_settings``: the models whose general chains hold more than names."""

    fallbacks: Chains = []
    with_settings: Annotated[tuple[str, ...], BeforeValidator(_with_settings)] = Field(
        (), validation_alias=AliasChoices("fallbacks")
    )
    context_window_fallbacks: Chains = []
    content_policy_fallbacks: Chains = []
    model_group_alias: dict[str, object] = {}
    routing_groups: Rows[RoutingGroup] = []


class Sources(Wire):
    """Who owns a setting: ``config``, ``db``, ``default`` or ``unset``. Only the newest releases tell."""

    fallbacks: str = ""


class RouterSettings(Wire):
    """``GET /router/settings``."""

    current_values: Values
    source: Sources = Sources()


class Fallbacks(Wire):
    """Every list, unless our key may not read them."""

    general: Chains = []
    context_window: Chains = []
    content_policy: Chains = []
    unreadable: bool = False
    aliases: ByName[str] = {}
    """Further names for models: alias, and the name that its calls are taken for. Hidden ones are among them."""
    groups: ByName[tuple[str, ...]] = {}
    """Routing groups: names that stand for several models, and those models' names."""
    owned_by_config: bool = False
    with_settings: tuple[str, ...] = ()
    """Models whose general chains would lose settings if they were written as names."""

    @property
    def default(self) -> tuple[str, ...]:
        """The chain of calls that nothing else answers."""
        return dict(self.general).get(DEFAULT, ())


async def fallbacks(proxy: Proxy) -> Fallbacks:
    """``GET /router/settings``: the live lists."""
    settings = await proxy.get("/router/settings", RouterSettings)
    values = settings.current_values
    return Fallbacks.model_construct(
        general=values.fallbacks,
        context_window=values.context_window_fallbacks,
        content_policy=values.content_policy_fallbacks,
        aliases={alias: _target(meant) for alias, meant in values.model_group_alias.items()},
        groups={group.group_name: tuple(group.models) for group in values.routing_groups},
        owned_by_config=settings.source.fallbacks == "config",
        with_settings=values.with_settings,
    )


async def set_chain(proxy: Proxy, model: str, chain: Sequence[str]) -> None:
    """``POST /fallback``: the whole chain of one model. A read-modify-write of the list inside the proxy."""
    body = {"model": model, "fallback_models": list(chain), "fallback_type": "general"}
    await proxy.post("/fallback", Acknowledged, body)


async def replace_all(proxy: Proxy, chains: FallbackList) -> None:
    """``POST /config/update`` with the whole general list, which keeps a ``*`` rule.

    Only on the newest releases: 1.83 copies ``general_settings``, the master key in clear
    among them, into the database.
    """
    rules = [{model: list(chain)} for model, chain in chains]
    await proxy.post("/config/update", Acknowledged, {"router_settings": {"fallbacks": rules}})
