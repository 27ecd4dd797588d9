"""Creating a deployment: what it would mean, and how it is made once that is agreed to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from litellm_steward import consent, deployments, errors, fallbacks, model_catalog
from litellm_steward.addresses import same_server, shown_address
from litellm_steward.api import credentials, keys
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.router import Fallbacks
from litellm_steward.api.version import Version
from litellm_steward.approval import changed_since
from litellm_steward.budgets import check_budget, normalise_duration
from litellm_steward.deployment_request import NewDeployment
from litellm_steward.environment import Reference, check_resolved
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.references.matching import Candidate, not_found
from litellm_steward.references.models import resolve_name
from litellm_steward.steward import Steward
from litellm_steward.text import count, quote, sentence_list
from litellm_steward.together import together
from litellm_steward.tools.model_plans import creation_plan
from litellm_steward.tools.model_views import (
    ChainView,
    CreatedModel,
    chain_views,
    deployment_view,
)
from litellm_steward.tools.planned import Ready, held

BUDGETS_BIND_FROM: Final = Version(1, 91, 0)
"""1.83.14 stores a deployment's budget and does not enforce it for models added at run time."""


async def creation(
    steward: Steward,
    new: NewDeployment,
    references: tuple[Reference, ...],
    fallback_for: Sequence[str],
    *,
    verify: bool,
) -> Ready[CreatedModel]:
    """What making it would mean for the deployments, aliases and chains of now. Nothing is sent but to the proxy."""
    version, catalog, _ = await together(
        steward.version(), model_catalog.read(steward.proxy), _refuse_our_own(steward.proxy, new)
    )
    check_resolved(references, version)
    notes = _name_notes(new, catalog.deployments)
    await _check_credential(steward.proxy, new.credential)
    sources = _fallback_sources(version, new, catalog, fallback_for)
    if new.lacks_own_key:
        new = new.without_ambient_key()
        notes.append("No key was given, so none is sent to this api_base; the proxy's own keys stay where they are.")
    facts = consent.facts(new, catalog, sources, references)
    details = consent.details(new, verify=verify)
    plan = creation_plan(new, facts, details, sources, catalog.named(new.model_name)) if facts else None

    @asynccontextmanager
    async def writing() -> AsyncIterator[None]:
        """Others may have changed models while somebody was asked and the provider was tried: it is read again."""
        async with held(steward.changing_models, steward.settings.steward_timeout):
            now = await creation(steward, new, references, fallback_for, verify=verify)
            if (now.plan and now.plan.fingerprint) != (plan and plan.fingerprint):
                raise changed_since()
            yield

    async def create() -> CreatedModel:
        return await _create(steward, new, version, catalog, sources, notes, writing, verify=verify)

    return Ready(plan, _planned(new), create)


async def _create(
    steward: Steward,
    new: NewDeployment,
    version: Version | None,
    catalog: ModelCatalog,
    sources: Sequence[str],
    notes: list[str],
    writing: Callable[[], AbstractAsyncContextManager[None]],
    *,
    verify: bool,
) -> CreatedModel:
    timeout = steward.settings.steward_timeout
    made = await deployments.make(
        steward.proxy, new, catalog.deployments, verify=verify, timeout=timeout, writing=writing
    )
    notes += [*made.notes, *_result_notes(new, made.deployment, version)]
    async with held(steward.changing_models if sources else None, timeout):
        written = await _write_fallbacks(steward.proxy, version, new, sources, catalog.with_deployment(made.deployment))
    if sources and version is not None and version < fallbacks.CONFIG_GUARDED_FROM:
        notes.append(
            "The database owns the fallback list from now on: later edits of it in config.yaml have no effect."
        )
    return CreatedModel(
        status="created",
        model_id=new.id,
        model_name=made.deployment.model_name,
        model=made.deployment.litellm_params.model,
        provider=made.deployment.provider or None,
        api_base=shown_address(made.deployment.litellm_params.api_base),
        verified=made.verdict.verified,
        verification=made.verdict.verification,
        fallbacks=written,
        notes=notes,
    )


async def _refuse_our_own(proxy: Proxy, new: NewDeployment) -> None:
    """A key of this gateway would leave it, and the gateway as its own provider would call itself."""
    for address in new.addresses:
        if same_server(address, proxy.base_url):
            raise errors.Refused(
                f"{quote(shown_address(address) or address)} is this gateway itself. Nothing was created",
                hint="Give the address of the provider.",
            )
    for key_id in new.key_ids:
        if key_id == proxy.own_key_id() or await keys.info(proxy, key_id) is not None:
            raise errors.Refused(
                "A key of this gateway was given for the provider: whoever runs that address could use it. "
                "Nothing was created",
                hint="Give a key of the provider's. Virtual keys are for the gateway's own callers.",
            )


def budgeted(new: NewDeployment) -> NewDeployment:
    """LiteLLM heeds a deployment's budget only with its duration."""
    amount, span = new.params.get("max_budget"), new.params.get("budget_duration")
    check_budget(float(amount) if isinstance(amount, int | float) else None, None)
    duration = normalise_duration("budget_duration", span if isinstance(span, str) else None)
    if (amount is None) != (duration is None):
        raise errors.InvalidArgument("max_budget and budget_duration of a deployment work only together")
    return new if duration is None else new.with_params(budget_duration=duration)


def _name_notes(new: NewDeployment, existing: Sequence[Deployment]) -> list[str]:
    if any(d.id == new.model_name for d in existing):
        raise errors.InvalidArgument("model_name is the id of an existing deployment; choose another")
    same = [d for d in existing if d.model_name == new.model_name]
    notes = []
    if same:
        notes.append(
            f"{quote(new.model_name)} had {count(len(same), 'deployment')} already: its calls are now spread over "
            f"{len(same) + 1}."
        )
    elif near := [d.model_name for d in existing if d.model_name.casefold() == new.model_name.casefold()]:
        notes.append(f"A model is called the same but for case: {quote(near[0])}.")
    if not new.provider:
        notes.append("LiteLLM infers the provider from the model's name; provider/model is safer.")
    return notes


async def _check_credential(proxy: Proxy, name: str | None) -> None:
    """The proxy takes a credential that does not exist, and then uses the key of its environment."""
    if name is None:
        return
    known = await credentials.names(proxy)
    if name not in known:
        pool = [Candidate(known_name, known_name, (), quote(known_name)) for known_name in known]
        raise not_found("stored credential", name, pool, "Nothing was created.")


def _fallback_sources(
    version: Version | None, new: NewDeployment, catalog: ModelCatalog, names: Sequence[str]
) -> list[str]:
    """The models that shall fall back to the new one; whatever speaks against it is said before it is created."""
    if not names:
        return []
    sources = list(dict.fromkeys(resolve_name(catalog, name).item for name in names))
    if new.model_name in sources:
        raise errors.InvalidArgument(f"{quote(new.model_name)} cannot be its own fallback")
    if "*" in new.model_name:
        raise errors.InvalidArgument("A wildcard cannot be a fallback")
    fallbacks.recipe(version, catalog.router)
    return sources


def _planned(new: NewDeployment) -> CreatedModel:
    return CreatedModel(
        status="approval_required",
        model_name=new.model_name,
        model=new.model,
        provider=new.provider or None,
        api_base=shown_address(new.api_base),
        verified=False,
        verification="nothing was created yet",
    )


def _result_notes(new: NewDeployment, deployment: Deployment, version: Version | None) -> list[str]:
    notes = []
    view = deployment_view(deployment)
    if (
        not view.input_cost_per_token
        and not view.output_cost_per_token
        and deployment.model_info.input_cost_per_second is None
    ):
        notes.append(
            "LiteLLM has no price for this model: its spend counts as $0 unless input_cost_per_token and "
            "output_cost_per_token are given."
        )
    if new.params.get("max_budget") is not None and (version is None or version < BUDGETS_BIND_FROM):
        notes.append("This release of LiteLLM stores the budget of a model added at run time and does not enforce it.")
    return notes


async def _write_fallbacks(
    proxy: Proxy, version: Version | None, new: NewDeployment, sources: Sequence[str], catalog: ModelCatalog
) -> list[ChainView] | None:
    if not sources:
        return None
    done: list[str] = []
    live = Fallbacks()
    try:
        for source in sources:
            live = await fallbacks.add(proxy, version, source, new.model_name)
            done.append(source)
    except errors.StewardError as error:
        undone = [quote(source) for source in sources if source not in done]
        set_up = f" {sentence_list([quote(name) for name in done])} falls back to it." if done else ""
        raise fallbacks.FallbackNotSet(
            f"The deployment {quote(new.model_name)} was created and works (id {new.id}).{set_up} "
            f"The fallback of {sentence_list(undone)} was not set, or not as it should be: {error}"
        ) from error
    catalog = replace(catalog, router=live)
    return chain_views([c for c in fallbacks.chains(catalog) if c.model in sources and c.kind == "general"], catalog)
