"""``model``: a public model name, which several deployments may share, or a deployment's id."""

from __future__ import annotations

from collections.abc import Sequence

from litellm_steward.api.models import Deployment
from litellm_steward.errors import InvalidArgument
from litellm_steward.references.matching import Candidate, Match, label, match, not_found
from litellm_steward.text import quote

Group = tuple[Deployment, ...]
"""The deployments that share a name, or the one that has an id."""


def resolve_models(deployments: Sequence[Deployment], reference: str) -> Match[Group]:
    """Everything that answers to a name, or the one deployment with that id."""
    reference = _given(reference)
    groups: dict[str, Group] = {}
    for deployment in deployments:
        groups[deployment.model_name] = (*groups.get(deployment.model_name, ()), deployment)
    # Ids last: a name that imitates the id of another deployment must not win.
    pool: list[Candidate[Group]] = [Candidate(group, name, (), quote(name)) for name, group in groups.items()]
    pool += [Candidate((d,), d.id, (), label(d.model_name, d.id)) for d in deployments]
    chosen = match("model", reference, pool)
    if chosen is None:
        raise not_found("model", reference, pool)
    return chosen


def resolve_deployment(deployments: Sequence[Deployment], reference: str) -> Match[Deployment]:
    """The one deployment meant; ``Ambiguous`` lists the ids where a name has several."""
    reference = _given(reference)
    pool = [Candidate(d, d.id, (d.model_name,), _label(d)) for d in deployments]
    chosen = match("deployment", reference, pool)
    if chosen is None:
        raise not_found("model", reference, pool)
    return chosen


def resolve_name(deployments: Sequence[Deployment], reference: str) -> Match[str]:
    """A public model name as it is written, for a rule that must name it exactly."""
    reference = _given(reference)
    names = dict.fromkeys(d.model_name for d in deployments)
    pool = [Candidate(name, name, (), quote(name)) for name in names]
    chosen = match("model", reference, pool)
    if chosen is None:
        raise not_found("model", reference, pool)
    return chosen


def _given(reference: str) -> str:
    reference = reference.strip()
    if not reference:
        raise InvalidArgument("model must not be empty")
    return reference


def _label(deployment: Deployment) -> str:
    where = "" if deployment.model_info.db_model else ", in config.yaml"
    return f"{label(deployment.model_name, deployment.id)[:-1]}, {quote(deployment.litellm_params.model)}{where})"
