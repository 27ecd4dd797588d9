"""Public model names, as a key, team or user may be limited to: checked, because the proxy takes any text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from litellm_steward.api.proxy import Proxy
from litellm_steward.api.wire import Wire
from litellm_steward.references.matching import Candidate, not_found
from litellm_steward.text import quote

SPECIAL: Final = frozenset({"all-team-models", "all-proxy-models", "no-default-models"})


class _Model(Wire):
    id: str = ""


class _Models(Wire):
    data: list[_Model] = []


async def unknown_models(proxy: Proxy, names: Sequence[str]) -> list[str]:
    """A note for each name that no deployment or access group has; wildcards are taken as they are."""
    asked = [name for name in names if name not in SPECIAL and "*" not in name]
    if not asked:
        return []
    known = [model.id for model in (await proxy.get("/models", _Models, {"include_model_access_groups": True})).data]
    pool = [Candidate(name, name, (), quote(name)) for name in known]
    missing = [name for name in asked if name not in known]
    return [f"{not_found('model', name, pool)} It is stored all the same." for name in missing[:5]]
