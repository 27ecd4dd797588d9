"""What somebody agrees to before a deployment is deleted, or before one is created that gives something away."""

from __future__ import annotations

from collections.abc import Sequence

from litellm_steward.addresses import host_of, shown_address
from litellm_steward.api.models import Deployment
from litellm_steward.approval import Plan, typeable
from litellm_steward.deployment_request import NewDeployment
from litellm_steward.fallbacks import Chain
from litellm_steward.text import count, quote, sentence_list


def creation_plan(
    new: NewDeployment,
    exposed: Sequence[str],
    sources: Sequence[str],
    existing: Sequence[Deployment],
) -> Plan:
    """Bound to what was read of the proxy: what has the name already, so that acting on it makes it void everywhere.

    The arguments are bound by ``agreement``. What is typed is the host that gets something, if there is one.
    """
    lines = [f"Create the deployment {quote(new.model_name)} of {quote(new.model)}.", *exposed]
    if sources:
        lines.append(f"{sentence_list([quote(name) for name in sources], len(sources))} will fall back to it.")
    identity = {
        "exposed": list(exposed),
        "fallback_for": list(sources),
        "existing": sorted(d.id for d in existing if d.model_name == new.model_name),
    }
    host = next(map(host_of, new.addresses), None)
    return Plan("create_model", tuple(lines), typeable(host, new.model_name, otherwise="create"), identity)


def deletion_plan(
    found: Deployment, others: Sequence[Deployment], chains: Sequence[Chain], notes: Sequence[str]
) -> Plan:
    """Bound to the deployment, its address, what else has its name and, of the last one, the chains that concern it."""
    address = shown_address(found.litellm_params.api_base)
    where = f" at {quote(address, 300)}" if address else ""
    what = f"{quote(found.model_name)} (id {quote(found.id)}) of {quote(found.litellm_params.model)}{where}"
    lines = [f"Delete the deployment {what}."]
    if others:
        lines.append(f"{count(len(others), 'other deployment')} of that name will take its calls.")
    else:
        lines.append(_last_one(chains))
        if naming := chains_naming(chains, found.model_name):
            lines.append(f"These fallback rules name it and stay: {naming}.")
    identity = {
        "model_id": found.id,
        "model_name": found.model_name,
        "model": found.litellm_params.model,
        "others": sorted(d.id for d in others),
        "api_base": found.litellm_params.api_base,
        "chains": [] if others else [[c.model, c.kind, c.chain] for c in chains if _matters(c, found.model_name)],
    }
    return Plan("delete_model", (*lines, *notes), typeable(found.model_name, otherwise=found.id), identity)


def _matters(chain: Chain, model_name: str) -> bool:
    """Whether the plan speaks of it when the last deployment of a name goes."""
    return chain.kind == "default" or chain.names(model_name)


def _last_one(chains: Sequence[Chain]) -> str:
    """LiteLLM refuses a name that nothing answers to before it looks at that name's own fallbacks."""
    default = next((c.chain for c in chains if c.kind == "default"), ())
    if default:
        shown = sentence_list([quote(name) for name in default])
        return f"It is the last one of that name: calls to it will go to the default fallback ({shown})."
    return "It is the last one of that name: calls to it will fail, and its own fallbacks are not used for them."


def chains_naming(chains: Sequence[Chain], model_name: str) -> str:
    """The rules that start at a model or lead to it, in words."""
    rules = [
        f"{quote(c.model)} to {sentence_list([quote(name) for name in c.chain])} ({c.kind})"
        for c in chains
        if c.names(model_name)
    ]
    return sentence_list(rules)
