"""What an agent sees of models: deployments, fallback chains, and what became of a change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from litellm_steward.addresses import shown_address
from litellm_steward.api.models import Deployment
from litellm_steward.api.router import DEFAULT, Kind
from litellm_steward.fallbacks import Chain
from litellm_steward.measurements import Health
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.text import count, named, table
from litellm_steward.tools.blocks import note_lines, page_of, plan_text
from litellm_steward.tools.view import Answer, Id, Name, View

MILLION = 1_000_000
_FAILURE: dict[Kind, str] = {
    "general": "",
    "default": "",
    "context_window": " (when the prompt is too long)",
    "content_policy": " (when the content is refused)",
}


class HealthView(View):
    """The outcome of one real call to the provider."""

    status: Literal["healthy", "unhealthy"]
    error: Name | None = None


class DeploymentView(View):
    """One provider model behind a public name. Prices in USD per token."""

    model_name: Name
    model_id: Id
    model: Name
    team_id: Id | None = None
    provider: Name | None = None
    api_base: Id | None = None
    credential: Name | None = None
    source: Literal["config", "db"]
    blocked: bool | None = None
    mode: Name | None = None
    mocked: bool | None = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    max_budget: float | None = None
    budget_duration: Name | None = None
    mean_latency_ms: int | None = None
    health: HealthView | None = None


class ChainView(View):
    """``model`` (behind ``provider``) falls back to ``chain`` in order; ``chain_providers`` stand beside it."""

    model: Name
    kind: Kind
    provider: Name | None = None
    chain: list[Name]
    chain_providers: list[Name]
    missing: list[Name] | None = None

    def line(self) -> str:
        """``gpt-4o (openai) → claude-sonnet (anthropic)``."""
        head = "any other model" if self.kind == "default" else _with(self.model, self.provider)
        names = [_with(name, provider) for name, provider in zip(self.chain, self.chain_providers, strict=True)]
        return f"{self.kind}: {' → '.join([head, *names])}{_FAILURE[self.kind]}"


def _with(name: str, provider: str | None) -> str:
    behind = ", ".join(map(named, provider.split(", "))) if provider else ""
    return f"{named(name)} ({behind})" if behind else named(name)


class CreatedModel(Answer):
    """A new deployment, or the plan of one that somebody has to agree to."""

    status: Literal["created", "approval_required"]
    model_id: str | None = None
    model_name: Name
    model: Name
    provider: Name | None = None
    api_base: Id | None = None
    verified: bool
    verification: str
    fallbacks: list[ChainView] | None = None
    plan: list[str] | None = None
    approval: str | None = None
    notes: list[str] = []

    def text(self) -> str:
        if self.status == "approval_required":
            return plan_text(self.plan, self.approval)
        where = f" at {named(self.api_base)}" if self.api_base else ""
        state = "verified: " if self.verified else "not verified: "
        return page_of(
            f"{named(self.model_name)} → {named(self.model)}{where}, {state}{self.verification}",
            f"Deployment id {self.model_id}",
            *(chain.line() for chain in self.fallbacks or ()),
            note_lines(self.notes),
        )


class DeletedModel(Answer):
    """A deployment that is gone, or the plan to delete it."""

    status: Literal["deleted", "approval_required"]
    model_id: Id
    model_name: Name
    remaining_deployments: int
    plan: list[str] | None = None
    approval: str | None = None
    notes: list[str] = []

    def text(self) -> str:
        if self.status == "approval_required":
            return plan_text(self.plan, self.approval)
        left = count(self.remaining_deployments, "deployment")
        return page_of(
            f"{named(self.model_name)} (id {named(self.model_id)}) is deleted; {left} of that name left",
            note_lines(self.notes),
        )


class AliasView(View):
    """``model`` is the name that calls to ``alias`` are taken for."""

    alias: Name
    model: Name

    def line(self) -> str:
        return f"alias: {named(self.alias)} → {named(self.model)}"


class ModelDetails(Answer):
    """Deployments, each once, with the aliases that lead to them and the chains between them."""

    deployments: list[DeploymentView]
    fallbacks: list[ChainView]
    aliases: list[AliasView] | None = None
    total: int
    next_cursor: str | None = None
    notes: list[str] = []

    def text(self) -> str:
        broken = sum(1 for chain in self.fallbacks if chain.missing)
        chains = count(len(self.fallbacks), "fallback chain") + (f", {broken} broken" if broken else "")
        shown = f"{len(self.deployments)} of " if len(self.deployments) < self.total else ""
        return page_of(
            f"{shown}{count(self.total, 'deployment')}, {chains}",
            *(chain.line() + _missing(chain) for chain in self.fallbacks),
            *(alias.line() for alias in self.aliases or ()),
            "\n" + self._table() if self.deployments else None,
            f"More with cursor={self.next_cursor}" if self.next_cursor else None,
            note_lines(self.notes),
        )

    def _table(self) -> str:
        """Columns that say nothing are left out."""
        columns: list[tuple[str, list[str]]] = [
            ("model", [d.model_name for d in self.deployments]),
            ("deployment", [_deployed(d) for d in self.deployments]),
            ("source", [d.source for d in self.deployments]),
            ("$/M in", [_per_million(d.input_cost_per_token) for d in self.deployments]),
            ("$/M out", [_per_million(d.output_cost_per_token) for d in self.deployments]),
            ("latency", [f"{d.mean_latency_ms} ms" if d.mean_latency_ms is not None else "" for d in self.deployments]),
            ("state", [_state(d) for d in self.deployments]),
            ("id", [d.model_id if d.source == "db" else "" for d in self.deployments]),
        ]
        kept = [(title, cells) for title, cells in columns if any(cells)]
        return table([title for title, _ in kept], list(zip(*(cells for _, cells in kept), strict=True)))


def _deployed(view: DeploymentView) -> str:
    return f"{view.model} at {view.api_base}" if view.api_base else view.model


def _per_million(price: float | None) -> str:
    return f"{price * MILLION:,.4g}" if price is not None else "-"


def _state(view: DeploymentView) -> str:
    said = [word for word, holds in (("blocked", view.blocked), ("mocked", view.mocked)) if holds]
    if view.health is not None:
        said.append(f"{view.health.status}: {view.health.error}" if view.health.error else view.health.status)
    return ", ".join(said)


def _missing(chain: ChainView) -> str:
    return f" [does not exist: {', '.join(map(named, chain.missing))}]" if chain.missing else ""


def deployment_view(
    deployment: Deployment, *, health: Health | None = None, mean_latency_ms: int | None = None, full: bool = True
) -> DeploymentView:
    """``full`` for one model; a list leaves out what most deployments have in common."""
    params, info = deployment.litellm_params, deployment.model_info
    priced = bool(info.input_cost_per_token or info.output_cost_per_token)  # below 1.91 an unknown price is a 0
    return DeploymentView(
        model_name=deployment.model_name,
        model_id=deployment.id,
        model=params.model,
        team_id=info.team_id,
        provider=deployment.provider or None,
        api_base=shown_address(params.api_base),
        credential=params.litellm_credential_name,
        source="db" if info.db_model else "config",
        blocked=True if deployment.is_blocked else None,
        mode=info.mode if full or info.mode != "chat" else None,
        mocked=True if params.mock_response is not None else None,
        input_cost_per_token=_first(params.input_cost_per_token, info.input_cost_per_token if priced else None),
        output_cost_per_token=_first(params.output_cost_per_token, info.output_cost_per_token if priced else None),
        rpm=params.rpm,
        tpm=params.tpm,
        max_budget=params.max_budget,
        budget_duration=params.budget_duration if params.max_budget is not None else None,
        mean_latency_ms=mean_latency_ms,
        health=_health(health) if health is not None else None,
    )


def _health(health: Health) -> HealthView:
    return HealthView(status="healthy" if health.healthy else "unhealthy", error=health.error or None)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def chain_views(chains: Iterable[Chain], catalog: ModelCatalog) -> list[ChainView]:
    """Chains with the provider behind each name; a name may stand for several."""

    def behind(name: str) -> str:
        found = catalog.behind(name)
        answering = found.deployments if catalog.serves(name) and found.certain else ()
        return ", ".join(filter(None, dict.fromkeys(d.provider for d in answering)))

    return [
        ChainView(
            model=chain.model,
            kind=chain.kind,
            provider=behind(chain.model) or None if chain.model != DEFAULT else None,
            chain=list(chain.chain),
            chain_providers=[behind(name) or "unknown" for name in chain.chain],
            missing=list(chain.missing) or None,
        )
        for chain in chains
    ]


def alias_views(catalog: ModelCatalog, aliases: Iterable[str]) -> list[AliasView]:
    """Aliases with what they stand for, by name."""
    return [AliasView(alias=alias, model=catalog.router.aliases[alias]) for alias in sorted(aliases)]
