"""Public model names, as a key, team or user may be limited to: checked, because the proxy takes any text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from litellm_steward import model_catalog
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.wire import Rows, Wire
from litellm_steward.model_catalog import ModelCatalog
from litellm_steward.references.matching import Candidate, not_found
from litellm_steward.text import quote
from litellm_steward.wildcards import any_answers

SPECIAL: Final = frozenset({"all-team-models", "all-proxy-models", "no-default-models"})


class _Model(Wire):
    id: str = ""


class _Models(Wire):
    data: Rows[_Model] = []


async def unknown_models(proxy: Proxy, names: Sequence[str]) -> list[str]:
    """A note for each name, of what is stored, that nothing has; wildcards are taken as they are."""
    return [f"{missing} It is stored all the same." for missing in await missing_models(proxy, names)]


async def missing_models(proxy: Proxy, names: Sequence[str]) -> list[str]:
    """A sentence for each name that no deployment, wildcard, alias or access group answers to.

    ``GET /models`` tells most names. Wildcards (on the newest releases), hidden aliases, routing groups and the
    providers' names of models are not in it: for a name that it lacks the catalog is read too.
    """
    asked = [name for name in names if name not in SPECIAL and "*" not in name]
    if not asked:
        return []
    known = {model.id for model in (await proxy.get("/models", _Models, {"include_model_access_groups": True})).data}
    patterns = [name for name in known if "*" in name]
    missing = [name for name in asked if name not in known and not any_answers(patterns, name)]
    if not missing:
        return []
    catalog = await model_catalog.read(proxy)
    pool = [Candidate(name, name, (), quote(name)) for name in sorted(known | catalog.names)]
    unserved = [name for name in missing if not _is_served(catalog, name)]
    return [_missing(catalog, name, pool) for name in unserved[:5]]


def _is_served(catalog: ModelCatalog, name: str) -> bool:
    return catalog.serves(name) and catalog.covering(name).certain


def _missing(catalog: ModelCatalog, name: str, pool: Sequence[Candidate[str]]) -> str:
    found = catalog.covering(name)
    if found.way == "pattern":
        through = quote(found.through)
        return (
            f"No deployment is called {quote(name)}; the wildcard {through} takes it if LiteLLM knows it as a model of "
            "that provider."
        )
    return str(not_found("model", name, pool))
