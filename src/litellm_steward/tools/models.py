"""Models: add a deployment and prove that it works, look at what there is, delete one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from mcp.types import InputRequiredResult
from pydantic import Field, SecretStr

from litellm_steward import audit, deployments, errors, fallbacks, measurements
from litellm_steward.addresses import shown_address
from litellm_steward.api import credentials, models
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.router import Fallbacks
from litellm_steward.api.version import Version
from litellm_steward.budgets import check_budget, normalise_duration
from litellm_steward.deployment_request import NewDeployment, new_deployment
from litellm_steward.environment import check_resolved, find_references
from litellm_steward.exposure import exposures, own_key_missing
from litellm_steward.fallbacks import Chain
from litellm_steward.name_in_use import effects
from litellm_steward.names import check_name
from litellm_steward.references.matching import Candidate, not_found
from litellm_steward.references.models import Group, resolve_deployment, resolve_models, resolve_name
from litellm_steward.text import count, quote, sentence_list
from litellm_steward.together import together
from litellm_steward.tools.model_plans import chains_naming, creation_plan, deletion_plan
from litellm_steward.tools.model_views import (
    ChainView,
    CreatedModel,
    DeletedModel,
    ModelDetails,
    chain_views,
    deployment_view,
)
from litellm_steward.tools.parameters import Approval, BudgetDuration, MaxBudget, Rpm, Tpm
from litellm_steward.tools.planned import unless_agreed
from litellm_steward.tools.room import ROOM, fitting, size
from litellm_steward.tools.view import StewardContext, steward_of

BUDGETS_BIND_FROM: Final = Version(1, 91, 0)
"""1.74.9 and 1.83.14 store a deployment's budget and do not enforce it for models added at run time."""
PAGE: Final = 50
ROOM_FOR_CHAINS: Final = 650

ModelRef = Annotated[str, Field(min_length=1, max_length=300, description="Model name or deployment id")]
Price = Annotated[float | None, Field(ge=0, description="USD")]


async def create_model(
    ctx: StewardContext,
    model_name: Annotated[
        str, Field(min_length=1, description="Name that callers use; an existing one gets one more deployment")
    ],
    model: Annotated[str, Field(min_length=1, description="provider/model, e.g. openai/gpt-4o")],
    api_key: Annotated[
        SecretStr | None,
        Field(description="Prefer credential, which keeps the key out of this conversation; or os.environ/NAME"),
    ] = None,
    credential: Annotated[str | None, Field(description="Name of a credential stored in the proxy")] = None,
    api_base: Annotated[str | None, Field(description="Only for a provider's non-default address")] = None,
    api_version: Annotated[str | None, Field(description="For Azure")] = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    input_cost_per_token: Price = None,
    output_cost_per_token: Price = None,
    cache_read_input_token_cost: Price = None,
    max_budget: MaxBudget = None,
    budget_duration: BudgetDuration = None,
    tags: Annotated[list[str] | None, Field(description="For tag-based routing")] = None,
    litellm_params: Annotated[
        dict[str, Any] | None,
        Field(description="Anything else the provider needs, e.g. aws_region_name, timeout, mode, mock_response"),
    ] = None,
    fallback_for: Annotated[list[str] | None, Field(description="Models that should fall back to this one")] = None,
    verify: Annotated[bool, Field(description="Test with a real call (billed by the provider)")] = True,
    approval: Approval = None,
) -> CreatedModel | InputRequiredResult:
    """Add a deployment to the proxy and prove by a real call that it works; what fails the test is removed again.

    Sending a stored credential or a variable of the proxy to an api_base, changing who answers calls to an
    existing name, or setting parameters not known to be harmless, needs the user's agreement first.
    """
    steward = steward_of(ctx)
    check_name("model_name", model_name)
    named = {
        "api_key": api_key,
        "credential": credential,
        "api_base": api_base,
        "api_version": api_version,
        "rpm": rpm,
        "tpm": tpm,
        "input_cost_per_token": input_cost_per_token,
        "output_cost_per_token": output_cost_per_token,
        "cache_read_input_token_cost": cache_read_input_token_cost,
        "max_budget": max_budget,
        "budget_duration": budget_duration,
        "tags": tags,
    }
    new = _budgeted(new_deployment(model_name, model, named, litellm_params))
    audit.about(model=new.model_name, model_id=new.id, of=new.model, api_base=shown_address(new.api_base))
    fields = {"model_name": new.model_name, "model": new.model, **new.params}
    references = find_references(fields, steward.settings)
    version, existing, live = await together(
        steward.version(), models.all_deployments(steward.proxy), fallbacks.read(steward.proxy)
    )
    check_resolved(references, version)
    notes = _name_notes(new, existing)
    await _check_credential(steward.proxy, new.credential)
    sources = _fallback_sources(version, new, existing, live, fallback_for or [])
    if own_key_missing(new):
        new = new.without_ambient_key()
        notes.append("No key was given, so none is sent to this api_base; the proxy's own keys stay where they are.")
    leading = fallbacks.leading_to(live, new.model_name)
    changed = effects(new, existing, sources, version, leading=leading, verify=verify)
    exposed = [*changed, *exposures(new, references)]
    if exposed:
        plan = creation_plan(new, references, exposed, sources, existing)
        if (waiting := await unless_agreed(ctx, plan, approval, _planned(new))) is not None:
            return waiting
    timeout = steward.settings.steward_timeout
    made = await deployments.make(steward.proxy, new, version, existing, verify=verify, timeout=timeout)
    notes += [*made.notes, *_result_notes(new, made.deployment, version)]
    written = await _write_fallbacks(steward.proxy, version, new, sources, [*existing, made.deployment])
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


async def get_model_info(
    ctx: StewardContext,
    model: Annotated[
        str | None, Field(min_length=1, max_length=300, description="Model name or deployment id; leave out for all")
    ] = None,
    check_health: Annotated[
        bool, Field(description="Call the provider of each deployment of the named model (billed)")
    ] = False,
    limit: Annotated[int | None, Field(ge=1, le=200, description="Deployments per page; default: what fits")] = None,
    cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None,
) -> ModelDetails:
    """Deployments with provider, price and limits, and every fallback chain in order.

    With model: its deployments, the chains it starts and those it occurs in.
    """
    steward = steward_of(ctx)
    if check_health and model is None:
        raise errors.InvalidArgument(
            "check_health needs a model: each deployment checked is a call that its provider bills"
        )
    start = _offset(cursor)
    deployed, live, version = await together(
        models.all_deployments(steward.proxy), fallbacks.read(steward.proxy), steward.version()
    )
    notes = fallbacks.unreadable_notes(live)
    chains = fallbacks.chains(live, deployed)
    chosen: Sequence[Deployment] = sorted(deployed, key=lambda d: (d.model_name, d.id))
    if model is not None:
        match = resolve_models(deployed, model)
        chosen = match.item
        notes += match.notes
        chains = _concerning(chains, match.item)
    wanted = chosen[start : start + (limit or PAGE)]
    health, latency = await together(
        measurements.health(steward.proxy, wanted if check_health else (), version),
        measurements.latency(steward.proxy, version),
    )
    notes += [*health.notes, *latency.notes]
    views = [
        deployment_view(
            d,
            health=health.found.get(d.id),
            mean_latency_ms=latency.found.get(d.model_name),
            full=model is not None,
        )
        for d in wanted
    ]
    shown = fitting(chain_views(chains, deployed), ROOM_FOR_CHAINS)
    if len(shown) < len(chains):
        notes.append(f"{len(chains) - len(shown)} more chains are not shown; ask for one model.")
    if limit is None:
        views = fitting(views, ROOM - sum(map(size, shown)))
    if any(view.mean_latency_ms is not None for view in views):
        notes.append(f"mean_latency_ms: all calls to the model name in {measurements.LATENCY_DAYS} days.")
    end = start + len(views)
    return ModelDetails(
        deployments=views,
        fallbacks=shown,
        total=len(chosen),
        next_cursor=str(end) if end < len(chosen) else None,
        notes=notes,
    )


async def delete_model(
    ctx: StewardContext, model: ModelRef, approval: Approval = None
) -> DeletedModel | InputRequiredResult:
    """Delete one deployment for good. A name with several deployments comes back as candidates with ids.

    The user is asked first; where this client cannot ask, the answer is a plan and an approval token
    to send back once the user has agreed.
    """
    steward = steward_of(ctx)
    deployed, live = await together(models.all_deployments(steward.proxy), fallbacks.read(steward.proxy))
    match = resolve_deployment(deployed, model)
    found = match.item
    audit.about(model=found.model_name, model_id=found.id, of=found.litellm_params.model)
    if not found.model_info.db_model:
        raise errors.Refused(
            f"{quote(found.model_name)} is set in the proxy's config.yaml and cannot be deleted through its API",
            hint="Remove it from model_list in config.yaml and restart the proxy.",
        )
    others = [d for d in deployed if d.model_name == found.model_name and d.id != found.id]
    chains = fallbacks.chains(live, deployed)
    plan = deletion_plan(found, others, chains, [*match.notes, *fallbacks.unreadable_notes(live)])
    outcome = DeletedModel(
        status="approval_required",
        model_id=found.id,
        model_name=found.model_name,
        remaining_deployments=len(others) + 1,
    )
    if (waiting := await unless_agreed(ctx, plan, approval, outcome)) is not None:
        return waiting
    await deployments.remove(steward.proxy, found.id, deployments.RELOADED)
    notes = ["Instances of the proxy may route to it for up to 30 s more."]
    if not others and (naming := chains_naming(chains, found.model_name)):
        notes.append(f"These fallback rules still name it: {naming}.")
    return outcome.model_copy(update={"status": "deleted", "remaining_deployments": len(others), "notes": notes})


# ---- creating ----------------------------------------------------------------------------------


def _budgeted(new: NewDeployment) -> NewDeployment:
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
    version: Version | None, new: NewDeployment, existing: Sequence[Deployment], live: Fallbacks, names: Sequence[str]
) -> list[str]:
    """The models that shall fall back to the new one; whatever speaks against it is said before it is created."""
    if not names:
        return []
    sources = list(dict.fromkeys(resolve_name(existing, name).item for name in names))
    if new.model_name in sources:
        raise errors.InvalidArgument(f"{quote(new.model_name)} cannot be its own fallback")
    if "*" in new.model_name:
        raise errors.InvalidArgument("A wildcard cannot be a fallback")
    fallbacks.recipe(version, live)
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
    proxy: Proxy, version: Version | None, new: NewDeployment, sources: Sequence[str], deployed: Sequence[Deployment]
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
    return chain_views(
        [c for c in fallbacks.chains(live, deployed) if c.model in sources and c.kind == "general"], deployed
    )


# ---- looking -----------------------------------------------------------------------------------


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.strip().isdecimal() or len(cursor) > 9:
        raise errors.InvalidArgument("cursor must be the next_cursor of a page before")
    return int(cursor)


def _concerning(chains: Sequence[Chain], group: Group) -> list[Chain]:
    """Chains that start at or lead to the model, and the default one if it has none of its own."""
    names = {name for d in group for name in (d.model_name, d.id)}
    own = any(chain.kind == "general" and chain.model in names for chain in chains)
    return [
        chain for chain in chains if any(chain.names(name) for name in names) or (chain.kind == "default" and not own)
    ]
