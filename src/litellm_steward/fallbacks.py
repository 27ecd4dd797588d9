"""Fallbacks: every chain of every kind, and a way to add one without losing another.

The proxy keeps general fallbacks as one list which each write replaces, and each release loses
something else when it does. ``recipe`` is the table of what was measured; what it refuses, it refuses
before anything is created.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from litellm_steward import errors
from litellm_steward.api import router
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.router import DEFAULT, FallbackList, Fallbacks, Kind
from litellm_steward.api.version import Version
from litellm_steward.errors import Fault, Refused, StewardError, Unsupported
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.text import quote, sentence_list
from litellm_steward.wildcards import answers

Recipe = Literal["one chain", "whole list"]

WHOLE_LIST_FROM: Final = Version(1, 91, 5)
"""Before, ``/config/update`` copies the master key in clear into the database."""
CONFIG_GUARDED_FROM: Final = Version(1, 103, 0)
"""From here on the proxy refuses changes to what config.yaml sets; before, the database takes the list over."""


@dataclass(frozen=True)
class Chain:
    """Where calls to ``model`` go, in order, when it fails in the way of ``kind``."""

    model: str
    kind: Kind
    chain: tuple[str, ...]
    missing: tuple[str, ...]

    def names(self, model_name: str) -> bool:
        return model_name == self.model or model_name in self.chain


class FallbackNotSet(StewardError):
    """A fallback was not written, or what is live is not what was written."""

    fault: ClassVar[Fault] = "proxy"


def unreadable_notes(live: Fallbacks) -> list[str]:
    """What a list of chains does not tell."""
    return ["Our admin key may not read fallbacks and aliases: there may be some."] if live.unreadable else []


def chains(catalog: ModelCatalog) -> list[Chain]:
    """All chains that can be read, general ones first; ``default`` is a live ``*`` rule."""
    live = catalog.router
    lists: tuple[tuple[Kind, FallbackList], ...] = (
        ("general", [rule for rule in live.general if rule[0] != DEFAULT]),
        ("default", [rule for rule in live.general if rule[0] == DEFAULT]),
        ("context_window", live.context_window),
        ("content_policy", live.content_policy),
    )
    return [Chain(model, kind, chain, missing(chain, catalog)) for kind, rules in lists for model, chain in rules]


def leading_to(live: Fallbacks, name: str) -> list[str]:
    """The names whose calls may come to this one, whether or not anything answers to it yet.

    By their chains, the default one (``*``) among them, as aliases of it, or as routing groups that it belongs to; in
    as many steps as it takes. A name with a ``*`` may be any that it answers to.
    """
    rules = [*live.general, *live.context_window, *live.content_policy]
    rules += [(alias, (meant,)) for alias, meant in live.aliases.items()]
    rules += live.groups.items()
    found, reached = list[str](), [name]
    while reached:
        target = reached.pop(0)
        leading = [model for model, chain in rules if any(_means(target, step) for step in chain)]
        new = [model for model in dict.fromkeys(leading) if model not in found and model != name]
        found += new
        reached += [model for model in new if model != DEFAULT]
    return found


def _means(name: str, target: str) -> bool:
    return name == target or ("*" in name and answers(name, target))


def missing(chain: Iterable[str], catalog: ModelCatalog) -> tuple[str, ...]:
    """Targets that no deployment, wildcard, alias or routing group answers to."""
    return tuple(target for target in chain if not catalog.serves(target))


def recipe(version: Version | None, live: Fallbacks) -> Recipe:
    """How this release, in this state, takes one more fallback; raises with the reason if it does not."""
    if version is None:
        raise Unsupported(
            "The proxy does not tell its version, so how it would take a fallback is not known",
            hint="Leave fallback_for out.",
        )
    if live.unreadable:
        raise Refused(
            "Our admin key may not read fallbacks, so adding one could lose another",
            hint="Leave fallback_for out, or give the steward the key of a proxy_admin.",
        )
    if live.owned_by_config:
        raise Refused(
            "The proxy's config.yaml owns its fallbacks (router_settings key 'fallbacks' is set in the config file "
            "and cannot be changed here)",
            hint="Leave fallback_for out, and add the fallback to config.yaml.",
        )
    if live.with_settings:
        raise Refused(
            f"The fallbacks of {quote(live.with_settings[0])} hold settings of their own, which a change would lose",
            hint="Leave fallback_for out, and change the fallbacks where those were set.",
        )
    if any(model == DEFAULT for model, _ in live.general):
        if version < WHOLE_LIST_FROM:
            raise Refused(
                f"A default fallback ('*') is live, and LiteLLM {version} may drop it when another one is added",
                hint="Leave fallback_for out, and add the fallback to config.yaml.",
            )
        return "whole list"
    return "one chain"


def with_target(rules: FallbackList, model: str, target: str) -> FallbackList:
    """The list with ``target`` at the end of the chain of ``model``."""
    if any(name == model for name, _ in rules):
        return [(name, (*chain, target) if name == model and target not in chain else chain) for name, chain in rules]
    *named, last = [*rules, (model, (target,))]
    defaults = [rule for rule in named if rule[0] == DEFAULT]
    return [*(rule for rule in named if rule[0] != DEFAULT), last, *defaults]


async def add(proxy: Proxy, version: Version | None, model: str, target: str) -> Fallbacks:
    """Let ``model`` fall back to ``target`` after what it falls back to already; proved by reading all of it."""
    before = await router.fallbacks(proxy)
    wanted = with_target(before.general, model, target)
    if wanted == before.general:
        return before
    how = recipe(version, before)
    try:
        if how == "whole list":
            await router.replace_all(proxy, wanted)
        else:
            await router.set_chain(proxy, model, dict(wanted)[model])
    except errors.ProxyError as error:
        if not error.write_uncertain:
            raise
    after = await router.fallbacks(proxy)
    differing = differences(wanted, after.general)
    if differing:
        raise FallbackNotSet(
            f"After the fallback of {quote(model)} was written, the proxy's list is not what it should be: {differing}",
            hint="Look at get_model_info and mend the list in the proxy's settings.",
        )
    return after


def differences(wanted: FallbackList, live: FallbackList) -> str:
    """``'a' has no fallbacks; 'b' falls back to 'c' instead of 'd'``; empty if the lists say the same."""
    want, have = dict(wanted), dict(live)
    found = [
        f"{quote(model)} falls back to {_shown(have.get(model, ()))} instead of {_shown(want.get(model, ()))}"
        for model in (*want, *(model for model in have if model not in want))
        if have.get(model, ()) != want.get(model, ())
    ]
    return "; ".join(found[:5])


def _shown(chain: Iterable[str]) -> str:
    return sentence_list([quote(name) for name in chain]) or "nothing"
