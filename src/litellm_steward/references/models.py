"""``model``: what the deployments of a gateway are called by: a public name, an alias, a wildcard's name, an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from litellm_steward.addresses import shown_address
from litellm_steward.api.models import Deployment
from litellm_steward.errors import Ambiguous, InvalidArgument, NotFound
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.references.matching import SHOWN, Candidate, Match, match, not_found
from litellm_steward.text import MAX_ID, clean, named, quote

Group = tuple[Deployment, ...]
"""The deployments that answer to a name, or the one that has an id."""


class _Meant(NamedTuple):
    group: Group
    notes: tuple[str, ...] = ()


def resolve_models(catalog: ModelCatalog, reference: str) -> Match[Group]:
    """Everything that answers to a name, or the one deployment with that id; a note says what led to it."""
    reference = _given(reference)
    pool = _called(catalog)
    chosen = match("model", reference, pool)
    if chosen is not None:
        return Match(chosen.item.group, (*chosen.item.notes, *chosen.notes))
    found = catalog.covering(reference)
    if found.way == "pattern" and found.certain:
        note = f"Nothing is called {quote(reference)}; the wildcard {quote(found.through)} takes its calls."
        return Match(found.deployments, (note,))
    if found.way == "provider model":
        note = f"Nothing is called {quote(reference)}; LiteLLM takes its calls to what has it for a provider's model."
        return Match(found.deployments, (note,))
    raise not_found("model", reference, pool, _perhaps(catalog, reference))


def resolve_deployment(catalog: ModelCatalog, reference: str) -> Match[Deployment]:
    """The one deployment meant, by its id or its own name.

    ``Ambiguous`` lists the ids where a name has several, and what answers a name that is no deployment's own: an
    alias, a routing group, a name that a wildcard serves. Those are never taken for the deployment behind them.
    """
    reference = _given(reference)
    pool = [Candidate(d, d.id, (d.model_name,), deployment_label(d)) for d in catalog.deployments]
    chosen = match("deployment", reference, pool)
    if chosen is not None:
        return chosen
    raise _behind(catalog, reference) or not_found("model", reference, pool, _perhaps(catalog, reference))


def resolve_name(catalog: ModelCatalog, reference: str) -> Match[str]:
    """A name that calls may use, as it is written, for a rule that must name it exactly."""
    reference = _given(reference)
    pool = [Candidate(name, name, (), quote(name)) for name in sorted(catalog.names)]
    chosen = match("model", reference, pool)
    if chosen is not None:
        return chosen
    found = catalog.covering(reference)
    if found.way in {"pattern", "provider model"} and found.certain:
        return Match(reference)
    raise not_found("model", reference, pool, _perhaps(catalog, reference))


def deployment_label(deployment: Deployment) -> str:
    """``'gpt' (id 4f2a…, 'azure/gpt-4o' at https://eu.example)``: what tells the deployments of one name apart."""
    address = shown_address(deployment.litellm_params.api_base)
    where = f" at {named(clean(address, MAX_ID))}" if address else ""
    source = "" if deployment.model_info.db_model else ", in config.yaml"
    shown_id = named(clean(deployment.id, MAX_ID))
    return f"{quote(deployment.model_name)} (id {shown_id}, {quote(deployment.litellm_params.model)}{where}{source})"


def _called(catalog: ModelCatalog) -> list[Candidate[_Meant]]:
    """All that has a name or an id. Ids last: a name that imitates the id of another deployment must not win."""
    names = dict.fromkeys(d.model_name for d in catalog.deployments)
    pool = [Candidate(_Meant(catalog.named(name)), name, (), quote(name)) for name in names]
    for group, members in catalog.router.groups.items():
        found = catalog.covering(group)
        if found.way == "group":
            note = f"{quote(group)} is a routing group of {len(members)} models."
            pool.append(Candidate(_Meant(found.deployments, (note,)), group, (), quote(group)))
    for alias, target in catalog.router.aliases.items():
        served = catalog.covering(alias).deployments if catalog.serves(alias) else ()
        note = f"{quote(alias)} is an alias of {quote(target)}{'' if served else ', which nothing serves'}."
        pool.append(Candidate(_Meant(served, (note,)), alias, (), f"{quote(alias)} (an alias)"))
    return pool + [Candidate(_Meant((d,)), d.id, (), deployment_label(d)) for d in catalog.deployments]


def _behind(catalog: ModelCatalog, reference: str) -> Ambiguous | NotFound | None:
    """Why a name is no deployment's own, with what answers its calls."""
    names = {name.casefold(): name for name in (*catalog.router.groups, *catalog.router.aliases)}
    name = names.get(reference.casefold(), reference)
    found = catalog.covering(name)
    if name in catalog.router.aliases:
        target = quote(catalog.router.aliases[name])
        said = f"{quote(name)} is an alias of {target} and no deployment of its own"
        hint = "The alias is kept in the router's settings (model_group_alias). To delete a deployment, give its id."
    elif found.way == "group":
        said = f"{quote(name)} is a routing group and no deployment of its own"
        hint = "The group is kept in the router's settings (routing_groups). To delete a deployment, give its id."
    elif found.way == "pattern" and found.certain:
        said = f"{quote(name)} is no deployment of its own: the wildcard {quote(found.through)} takes its calls"
        hint = f"Deleting {quote(found.through)} would end every name that it matches; give its id if that is meant."
    elif found.way == "provider model":
        said = f"{quote(name)} is the provider's model of a deployment with another name"
        hint = "To delete a deployment, give its id."
    else:
        return None
    labels = tuple(map(deployment_label, found.deployments[:SHOWN] if catalog.serves(name) else ()))
    return Ambiguous(said, candidates=labels, hint=hint) if labels else NotFound(f"{said}; nothing serves it")


def _perhaps(catalog: ModelCatalog, reference: str) -> str | None:
    """A pattern that takes the name if LiteLLM knows whose model it is, which is not told."""
    found = catalog.covering(reference)
    if found.way != "pattern":
        return None
    return f"The wildcard {quote(found.through)} takes it if LiteLLM knows it as a model of that provider."


def _given(reference: str) -> str:
    reference = reference.strip()
    if not reference:
        raise InvalidArgument("model must not be empty")
    return reference


def labels_of(deployments: Sequence[Deployment]) -> str:
    """Up to five of them, told apart."""
    shown = ", ".join(map(deployment_label, deployments[:SHOWN]))
    return shown if len(deployments) <= SHOWN else f"{shown} and {len(deployments) - SHOWN} more"
