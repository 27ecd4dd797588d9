"""Models: add a deployment and prove that it works, look at what there is, delete one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final

from mcp.types import InputRequiredResult
from pydantic import Field, SecretStr

from litellm_steward import audit, deployments, errors, fallbacks, measurements, model_catalog
from litellm_steward.addresses import shown_address
from litellm_steward.api.models import Deployment
from litellm_steward.deployment_request import new_deployment
from litellm_steward.environment import find_references
from litellm_steward.fallbacks import Chain
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.names import check_name
from litellm_steward.references.models import Group, resolve_deployment, resolve_models
from litellm_steward.reserved_names import check_model_name
from litellm_steward.text import quote, sentence_list
from litellm_steward.together import together
from litellm_steward.tools.model_creation import budgeted, creation
from litellm_steward.tools.model_plans import chains_naming, deletion_plan, endings, twins_of
from litellm_steward.tools.model_views import (
    CreatedModel,
    DeletedModel,
    ModelDetails,
    alias_views,
    chain_views,
    deployment_view,
)
from litellm_steward.tools.parameters import (
    CREDENTIAL,
    LABELS,
    NAME,
    PARAMETERS,
    TOKEN,
    URL,
    Approval,
    BudgetDuration,
    MaxBudget,
    ModelName,
    Rpm,
    Tag,
    Tpm,
)
from litellm_steward.tools.planned import Ready, when_agreed
from litellm_steward.tools.room import ROOM, fitting, size
from litellm_steward.tools.view import StewardContext, steward_of

PAGE: Final = 50
ROOM_FOR_CHAINS: Final = 650
ROOM_FOR_ALIASES: Final = 200

ModelRef = Annotated[str, Field(min_length=1, max_length=NAME, description="Model name or deployment id")]
Price = Annotated[float | None, Field(ge=0, description="USD")]


async def create_model(
    ctx: StewardContext,
    model_name: Annotated[
        str,
        Field(
            min_length=1, max_length=NAME, description="Name that callers use; an existing one gets one more deployment"
        ),
    ],
    model: Annotated[str, Field(min_length=1, max_length=NAME, description="provider/model, e.g. openai/gpt-4o")],
    api_key: Annotated[
        SecretStr | None,
        Field(
            max_length=CREDENTIAL,
            description="Prefer credential, which keeps the key out of this conversation; or os.environ/NAME",
        ),
    ] = None,
    credential: Annotated[
        str | None, Field(max_length=NAME, description="Name of a credential stored in the proxy")
    ] = None,
    api_base: Annotated[
        str | None, Field(max_length=URL, description="Only for a provider's non-default address")
    ] = None,
    api_version: Annotated[str | None, Field(max_length=NAME, description="For Azure")] = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    input_cost_per_token: Price = None,
    output_cost_per_token: Price = None,
    cache_read_input_token_cost: Price = None,
    max_budget: MaxBudget = None,
    budget_duration: BudgetDuration = None,
    tags: Annotated[list[Tag] | None, Field(max_length=LABELS, description="For tag-based routing")] = None,
    litellm_params: Annotated[
        dict[str, Any] | None,
        Field(
            max_length=PARAMETERS,
            description="Anything else the provider needs, e.g. aws_region_name, timeout, mode, mock_response",
        ),
    ] = None,
    fallback_for: Annotated[
        list[ModelName] | None, Field(max_length=20, description="Models that should fall back to this one")
    ] = None,
    verify: Annotated[bool, Field(description="Test with a real call (billed by the provider)")] = True,
    approval: Approval = None,
) -> CreatedModel | InputRequiredResult:
    """Add a deployment to the proxy and prove by a real call that it works; what fails the test is removed again.

    The user must agree first to a name in use, anything new to the gateway (address, provider, key, credential), a
    price, fallback_for and parameters not known to be harmless.
    """
    steward = steward_of(ctx)
    check_name("model_name", model_name)
    check_model_name(model_name)
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
    new = budgeted(new_deployment(model_name, model, named, litellm_params))
    audit.about(model=new.model_name, model_id=new.id, of=new.model, api_base=shown_address(new.api_base))
    fields = {"model_name": new.model_name, "model": new.model, **new.params}
    references = find_references(fields, steward.settings)

    async def prepare() -> Ready[CreatedModel]:
        return await creation(steward, new, references, fallback_for or [], verify=verify)

    return await when_agreed(ctx, approval, prepare)  # the turn is taken for the write alone: see creation


async def get_model_info(
    ctx: StewardContext,
    model: Annotated[
        str | None, Field(min_length=1, max_length=NAME, description="Model name or deployment id; leave out for all")
    ] = None,
    check_health: Annotated[
        bool, Field(description="Call the provider of each deployment of the named model (billed)")
    ] = False,
    limit: Annotated[int | None, Field(ge=1, le=200, description="Deployments per page; default: what fits")] = None,
    cursor: Annotated[str | None, Field(max_length=TOKEN, description="next_cursor of the page before")] = None,
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
    catalog, version = await together(model_catalog.read(steward.proxy), steward.version())
    notes = fallbacks.unreadable_notes(catalog.router)
    chains = fallbacks.chains(catalog)
    chosen: Sequence[Deployment] = sorted(catalog.deployments, key=lambda d: (d.model_name, d.id))
    aliases = alias_views(catalog, catalog.router.aliases)
    if model is not None:
        match = resolve_models(catalog, model)
        chosen = match.item
        notes += match.notes
        names = _names(catalog, match.item, model)
        chains = _concerning(chains, names)
        aliases = [view for view in aliases if view.alias in names]
    wanted = chosen[start : start + (limit or PAGE)]
    health, latency = await together(
        measurements.health(steward.proxy, wanted if check_health else (), catalog.deployments),
        measurements.latency(steward.proxy, version, catalog),
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
    shown = fitting(chain_views(chains, catalog), ROOM_FOR_CHAINS)
    if len(shown) < len(chains):
        notes.append(f"{len(chains) - len(shown)} more chains are not shown; ask for one model.")
    shown_aliases = fitting(aliases, ROOM_FOR_ALIASES)
    if len(shown_aliases) < len(aliases):
        notes.append(f"{len(aliases) - len(shown_aliases)} more aliases are not shown; ask for one model.")
    if limit is None:
        views = fitting(views, ROOM - sum(map(size, (*shown, *shown_aliases))))
    if any(view.mean_latency_ms is not None for view in views):
        notes.append(f"mean_latency_ms: all calls to the model name in {measurements.LATENCY_DAYS} days.")
    end = start + len(views)
    return ModelDetails(
        deployments=views,
        fallbacks=shown,
        aliases=shown_aliases or None,
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

    async def prepare() -> Ready[DeletedModel]:
        catalog, version = await together(model_catalog.read(steward.proxy), steward.version())
        match = resolve_deployment(catalog, model)
        found = match.item
        audit.about(model=found.model_name, model_id=found.id, of=found.litellm_params.model)
        if not found.model_info.db_model:
            raise errors.Refused(
                f"{quote(found.model_name)} is set in the proxy's config.yaml and cannot be deleted through its API",
                hint="Remove it from model_list in config.yaml and restart the proxy.",
            )
        others = twins_of(catalog, found)
        lingers = deployments.lingering_notes(found, version)
        plan = deletion_plan(catalog, found, [*lingers, *match.notes, *fallbacks.unreadable_notes(catalog.router)])
        outcome = DeletedModel(
            status="approval_required",
            model_id=found.id,
            model_name=found.model_name,
            remaining_deployments=len(others) + 1,
        )

        async def make() -> DeletedModel:
            await deployments.remove(steward.proxy, found.id, deployments.RELOADED)
            notes = ["Instances of the proxy may route to it for up to 30 s more.", *lingers]
            ended = endings(catalog, found)
            if naming := chains_naming(fallbacks.chains(catalog), ended):
                notes.append(f"These fallback rules still name it: {naming}.")
            if dead := [quote(alias) for alias in catalog.router.aliases if alias in ended]:
                notes.append(f"These aliases of the router still lead to it: {sentence_list(dead)}.")
            return outcome.model_copy(
                update={"status": "deleted", "remaining_deployments": len(others), "notes": notes}
            )

        return Ready(plan, outcome, make)

    return await when_agreed(ctx, approval, prepare, steward.changing_models)


# ---- looking -----------------------------------------------------------------------------------


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.strip().isdecimal() or len(cursor) > 9:
        raise errors.InvalidArgument("cursor must be the next_cursor of a page before")
    return int(cursor)


def _names(catalog: ModelCatalog, group: Group, asked: str) -> set[str]:
    """Everything that the deployments of a group are called by, and the name that was asked for."""
    return {asked, *(d.id for d in group), *(name for d in group for name in catalog.names_of(d.id))}


def _concerning(chains: Sequence[Chain], names: Collection[str]) -> list[Chain]:
    """Chains that start at or lead to one of the names, and the default one if there is none of their own."""
    own = any(chain.kind == "general" and chain.model in names for chain in chains)
    return [
        chain for chain in chains if any(chain.names(name) for name in names) or (chain.kind == "default" and not own)
    ]
