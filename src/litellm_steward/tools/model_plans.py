"""What somebody agrees to before a deployment is deleted, or before one is created that gives something away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from litellm_steward import fallbacks
from litellm_steward.addresses import host_of, shown_address
from litellm_steward.api.models import Deployment
from litellm_steward.approval import Plan, typeable
from litellm_steward.deployment_request import NewDeployment
from litellm_steward.fallbacks import Chain
from litellm_steward.model_catalog import Coverage, ModelCatalog
from litellm_steward.references.models import labels_of
from litellm_steward.text import count, quote, sentence_list

MOST_NAMES: Final = 20
"""Names of a deployment that a plan lists one by one."""


def creation_plan(
    new: NewDeployment, facts: Sequence[str], details: Sequence[str], sources: Sequence[str], same: Sequence[Deployment]
) -> Plan:
    """``facts`` are why it has to be agreed to, ``same`` the deployments that have the name already.

    Bound to them, so that making the deployment makes the plan void everywhere; the arguments are bound by
    ``agreement``. What is typed is the host that calls go to, if one is given.
    """
    lines = (f"Create the deployment {quote(new.model_name)} of {quote(new.model)}.", *facts, *details)
    identity = {"facts": list(facts), "fallback_for": list(sources), "same": sorted(d.id for d in same)}
    host = next(map(host_of, new.addresses), None)
    return Plan("create_model", lines, typeable(host, new.model_name, otherwise="create"), identity)


def deletion_plan(catalog: ModelCatalog, found: Deployment, notes: Sequence[str] = ()) -> Plan:
    """Bound to the deployment, its address, what else has its name, and what becomes of every name that it answers."""
    others = twins_of(catalog, found)
    ends = endings(catalog, found)
    chains = [c for c in fallbacks.chains(catalog) if _matters(c, ends)]
    address = shown_address(found.litellm_params.api_base)
    where = f" at {quote(address, 300)}" if address else ""
    what = f"{quote(found.model_name)} (id {quote(found.id)}) of {quote(found.litellm_params.model)}{where}"
    lines = [f"Delete the deployment {what}."]
    if others:
        lines.append(f"{count(len(others), 'other deployment')} of that name will take its calls: {labels_of(others)}.")
    else:
        lines.append("It is the last one of that name.")
    lines += _told(catalog, found, ends)
    if naming := chains_naming(chains, ends):
        lines.append(f"These fallback rules name it and stay: {naming}.")
    identity = {
        "model_id": found.id,
        "model_name": found.model_name,
        "model": found.litellm_params.model,
        "others": sorted(d.id for d in others),
        "api_base": found.litellm_params.api_base,
        "names": ends,
        "chains": [[c.model, c.kind, c.chain] for c in chains],
    }
    return Plan("delete_model", (*lines, *notes), typeable(found.model_name, otherwise=found.id), identity)


def twins_of(catalog: ModelCatalog, found: Deployment) -> list[Deployment]:
    """The other deployments of its name that the same calls may come to."""
    return [d for d in catalog.seen_by(found.model_info.team_id).named(found.model_name) if d.id != found.id]


def endings(catalog: ModelCatalog, found: Deployment) -> dict[str, str]:
    """Each name that loses all that answers it when a deployment goes, and what becomes of its calls then."""
    callable_ = catalog.seen_by(found.model_info.team_id)
    left = callable_.without(found.id)
    fates = {name: _fate(left.behind(name), left) for name in callable_.names_of(found.id)}
    return {name: fate for name, fate in fates.items() if fate}


def _fate(then: Coverage, left: ModelCatalog) -> str:
    """Empty if another deployment answers the name in the same way."""
    if then.way == "default fallback":
        return f"will go to the default fallback ({sentence_list([quote(name) for name in left.router.default])})"
    if not then.deployments:
        # LiteLLM refuses a name that nothing answers to before it looks at that name's own fallbacks.
        return "will fail, and fallbacks of their own are not used for them"
    if then.way == "pattern":
        sure = "" if then.certain else ", if LiteLLM knows whose model it is, and else fail"
        return f"will go to the wildcard {quote(then.through)}{sure}"
    return ""


def _told(catalog: ModelCatalog, found: Deployment, ends: Mapping[str, str]) -> list[str]:
    """A sentence for each fate."""
    names: dict[str, list[str]] = {}
    for name, fate in ends.items():
        names.setdefault(fate, []).append(_described(catalog, found, name))
    return [f"Calls to {sentence_list(called, MOST_NAMES)} {fate}." for fate, called in names.items()]


def _described(catalog: ModelCatalog, found: Deployment, name: str) -> str:
    if name in catalog.router.aliases:
        return f"its alias {quote(name)}"
    if name == found.model_name:
        return f"every name that {quote(name)} matches" if found.is_wildcard else quote(name)
    if name in catalog.router.groups:
        return f"the routing group {quote(name)}"
    return f"{quote(name)} (the provider's name of its model)"


def _matters(chain: Chain, ends: Mapping[str, str]) -> bool:
    """Whether the plan speaks of it: a rule that names what goes, and the default one where calls come to it."""
    return bool(ends) and (chain.kind == "default" or any(chain.names(name) for name in ends))


def chains_naming(chains: Sequence[Chain], names: Collection[str]) -> str:
    """The rules that start at one of these names or lead to it, in words."""
    rules = [
        f"{quote(c.model)} to {sentence_list([quote(name) for name in c.chain])} ({c.kind})"
        for c in chains
        if any(c.names(name) for name in names)
    ]
    return sentence_list(rules)
