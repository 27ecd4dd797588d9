"""What this gateway serves: deployments by their ids, and every name that calls may use for them.

A deployment is its id. It has one name of its own, which for a wildcard is a pattern; aliases and routing groups of
the router are further names for it, and so is the provider's own name of its model. Which of them a call comes to is
decided in LiteLLM's router (``_common_checks_available_deployment``), in this order: a deployment's id, an alias, a
deployment's name, a routing group, the most specific pattern, the provider's name of a model, the default fallback.
``covering`` follows it; read in, and run against, 1.83.14, 1.108.14 and 1.110.2.

Two reads tell all of it: ``GET /v2/model/info`` (the deployments, each once and under its own name; without a database
``/model/info``) and ``GET /router/settings`` (aliases, routing groups, fallbacks).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from litellm_steward import errors
from litellm_steward.api import models, router
from litellm_steward.api.models import Deployment
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.router import Fallbacks
from litellm_steward.together import together
from litellm_steward.wildcards import answers, may_answer, specificity

Way = Literal["id", "alias", "group", "name", "pattern", "provider model", "default fallback", "nothing"]


@dataclass(frozen=True)
class Coverage:
    """What answers calls to a name today: the deployments, and the ``way`` that leads to them.

    ``through`` is the id, alias, name, group, pattern or fallback that the call is taken by. ``certain`` is false of a
    name that a pattern takes only if LiteLLM knows whose model it is (``openai/*`` takes ``gpt-4o``, not ``my-model``);
    the deployments are then all that may answer, of the patterns and of what comes after them.
    """

    way: Way
    through: str = ""
    deployments: tuple[Deployment, ...] = ()
    certain: bool = True


NOTHING = Coverage("nothing")


@dataclass(frozen=True)
class ModelCatalog:
    """Everything that calls may name, as it was when it was read.

    ``deployments`` holds each id once, wildcards under their patterns; ``router`` has the aliases, routing groups and
    fallbacks, and what of them this key may not read.
    """

    deployments: tuple[Deployment, ...]
    router: Fallbacks

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names that are patterns, in the order in which LiteLLM tries them."""
        found = dict.fromkeys(d.model_name for d in self.deployments if d.is_wildcard)
        return tuple(sorted(found, key=specificity, reverse=True))

    @property
    def names(self) -> frozenset[str]:
        """The names that deployments, aliases and routing groups have; patterns are among them as they are written."""
        return frozenset([*(d.model_name for d in self.deployments), *self.router.aliases, *self.router.groups])

    def with_id(self, model_id: str) -> Deployment | None:
        return next((d for d in self.deployments if d.id == model_id), None)

    def named(self, name: str) -> tuple[Deployment, ...]:
        """The deployments whose own name this is, letter by letter."""
        return tuple(d for d in self.deployments if d.model_name == name)

    def covering(self, name: str) -> Coverage:
        """What answers calls to this name today."""
        if (deployment := self.with_id(name)) is not None:
            return Coverage("id", name, (deployment,))
        if name in self.router.aliases:
            return replace(self.behind(name), way="alias", through=name)
        return self._served(name)

    def behind(self, name: str) -> Coverage:
        """The same, with what an alias stands for in the place of the alias."""
        if self.with_id(name) is not None:
            return self.covering(name)
        return self._served(self.router.aliases.get(name, name))

    def serves(self, name: str) -> bool:
        """Whether something answers this name that is not the default fallback."""
        return self.behind(name).way not in {"default fallback", "nothing"}

    def aliases_of(self, deployment: Deployment) -> tuple[str, ...]:
        """The aliases whose calls come to this deployment."""
        return tuple(alias for alias in self.router.aliases if self._comes_to(alias, deployment))

    def groups_of(self, deployment: Deployment) -> tuple[str, ...]:
        """The routing groups that this deployment belongs to."""
        return tuple(group for group in self.router.groups if self._comes_to(group, deployment))

    def names_of(self, model_id: str) -> tuple[str, ...]:
        """Every name under which the deployment is called: its own one or its pattern first, then aliases and groups.

        The provider's name of its model is the last one, where calls to that come to it.
        """
        deployment = self.with_id(model_id)
        if deployment is None:
            return ()
        found = [deployment.model_name, *self.aliases_of(deployment), *self.groups_of(deployment)]
        if self._comes_to(deployment.litellm_params.model, deployment):
            found.append(deployment.litellm_params.model)
        return tuple(dict.fromkeys(found))

    def with_deployment(self, deployment: Deployment) -> ModelCatalog:
        """The same with one more."""
        return replace(self, deployments=(*self.deployments, deployment))

    def seen_by(self, team_id: str | None) -> ModelCatalog:
        """What calls of a team's keys may reach; of ``None``, those of keys without a team: no team's own models."""
        return replace(self, deployments=tuple(d for d in self.deployments if d.model_info.team_id in {None, team_id}))

    def without(self, model_id: str) -> ModelCatalog:
        """What is left when a deployment is gone. Aliases and routing groups stay, whatever they lead to."""
        return replace(self, deployments=tuple(d for d in self.deployments if d.id != model_id))

    def _comes_to(self, name: str, deployment: Deployment) -> bool:
        found = self.covering(name)
        return found.certain and any(d.id == deployment.id for d in found.deployments)

    def _served(self, name: str) -> Coverage:
        """What answers a name that is neither an id nor an alias. LiteLLM does not follow an alias of an alias."""
        if named := self.named(name):
            return Coverage("name", name, named)
        if name in self.router.groups:
            members = [d for member in self.router.groups[name] for d in self.named(member)]
            return Coverage("group", name, _each_once(members))
        return self._served_otherwise(name)

    def _served_otherwise(self, name: str) -> Coverage:
        """What answers a name that nothing has: patterns, the provider's names of models, the default fallback."""
        if (pattern := next((p for p in self.patterns if answers(p, name)), None)) is not None:
            return Coverage("pattern", pattern, self.named(pattern))
        of_provider = tuple(d for d in self.deployments if d.litellm_params.model == name)
        if possible := [pattern for pattern in self.patterns if may_answer(pattern, name)]:
            found = [d for pattern in possible for d in self.named(pattern)]
            last = of_provider or self._fallback().deployments
            return Coverage("pattern", possible[0], _each_once([*found, *last]), certain=False)
        return Coverage("provider model", name, of_provider) if of_provider else self._fallback()

    def _fallback(self) -> Coverage:
        first = next(iter(self.router.default), None)
        return NOTHING if first is None else Coverage("default fallback", first, self.named(first))


def _each_once(deployments: Iterable[Deployment]) -> tuple[Deployment, ...]:
    return tuple({d.id: d for d in deployments}.values())


async def read(proxy: Proxy) -> ModelCatalog:
    """The catalog of now. Where the key may not read the router's settings, ``router.unreadable`` says so."""
    deployments, live = await together(models.deployments(proxy), _router(proxy))
    return ModelCatalog(tuple(deployments), live)


async def _router(proxy: Proxy) -> Fallbacks:
    """Aliases, groups and fallbacks. A viewer's key may not read them everywhere."""
    try:
        return await router.fallbacks(proxy)
    except errors.RoleRefused:
        return Fallbacks(unreadable=True)
