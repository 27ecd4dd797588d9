"""A stand-in for one release of the proxy, which says what the real one was recorded to say about models."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
from pydantic import SecretStr

from litellm_steward.api.proxy import Proxy
from litellm_steward.approval import Approvals
from litellm_steward.secret import ConstantSecret
from litellm_steward.settings import Settings
from litellm_steward.steward import Steward
from litellm_steward.tools.model_views import CreatedModel
from litellm_steward.tools.models import create_model
from litellm_steward.tools.view import StewardContext

RECORDINGS = Path(__file__).parents[1] / "recordings" / "models.json"


@cache
def recordings() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(RECORDINGS.read_text(encoding="utf-8")))


Answering = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@dataclass
class Release:
    """Answers by recording; ``case`` picks what becomes of a new deployment (good, bad key, …).

    Deployments are remembered, so that reading back and deleting work; ``sent`` holds every request.
    """

    version: str
    case: str = "good"
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    general: list[dict[str, list[str]]] | None = None
    source: str | None = None
    failing: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    virtual_keys: set[str] = field(default_factory=set)
    """Hashes of keys that this gateway knows."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        path = request.url.path
        self.sent.append((request.method, path, body))
        if path in self.failing:
            failure = self.failing[path]
            if isinstance(failure, Exception):
                raise failure
            return failure
        return self._answer(request, path, body)

    def calls(self, path: str) -> list[Any]:
        return [body for _, sent, body in self.sent if sent == path]

    def add(self, *names: str) -> list[str]:
        """Deployments that are there already; their ids."""
        for name in names:
            model_id = f"{len(self.rows):08}-0000-4000-8000-000000000000"
            params = {"model": f"openai/{name}"}
            self.rows[model_id] = {
                "model_name": name,
                "litellm_params": params,
                "model_info": {"id": model_id, "db_model": True},
            }
            self.live.add(model_id)
        return list(self.rows)

    def said(self, name: str, **headers: str) -> httpx.Response:
        found = recordings()[self.version][name]
        return httpx.Response(found["status"], json=found["body"], headers={**found["headers"], **headers})

    def _answer(self, request: httpx.Request, path: str, body: Any) -> httpx.Response:  # noqa: ANN401
        fixed = {
            "/credentials": "credentials",
            "/health": f"{self.case}: health",
            "/health/test_connection": f"{self.case}: test",
            "/team/daily/activity/aggregated": "activity",
        }
        if path in fixed:
            return self.said(fixed[path])
        acting = {
            "/health/readiness": self._ready,
            "/key/info": lambda _: self._key(request.url.params["key"]),
            "/model/info": lambda _: self._info(request.url.params.get("litellm_model_id")),
            "/v2/model/info": lambda _: self._info(None),
            "/model/new": self._new,
            "/model/delete": self._delete,
            "/chat/completions": self._call,
            "/embeddings": self._call,
            "/router/settings": self._router,
            "/fallback": self._fallback,
            "/config/update": self._update,
        }
        return acting[path](body) if path in acting else httpx.Response(404, json={"detail": "Not Found"})

    def _ready(self, _: object) -> httpx.Response:
        return httpx.Response(200, json={"status": "connected", "litellm_version": self.version})

    def _call(self, body: Any) -> httpx.Response:  # noqa: ANN401
        answered = {"x-litellm-model-id": body["model"]} if self.case == "good" else {}
        return self.said(f"{self.case}: chat", **answered)

    def _update(self, body: Any) -> httpx.Response:  # noqa: ANN401
        self.general = body["router_settings"]["fallbacks"]
        return httpx.Response(200, json={"message": "Config updated successfully"})

    def _info(self, model_id: str | None) -> httpx.Response:
        rows = [
            *recordings()[self.version]["all"]["body"]["data"],
            *(self.rows[i] for i in self.rows if i in self.live),
        ]
        if model_id is None:
            return httpx.Response(200, json={"data": rows, "total_pages": 1})
        found = [row for row in rows if row["model_info"]["id"] == model_id]
        return httpx.Response(200, json={"data": found}) if found else self.said("unknown id")

    def _key(self, key_id: str) -> httpx.Response:
        if key_id in self.virtual_keys:
            return httpx.Response(200, json={"key": key_id, "info": {}})
        return httpx.Response(404, json={"error": {"message": "Key not found in database", "code": "404"}})

    def _new(self, body: Any) -> httpx.Response:  # noqa: ANN401
        model_id = body["model_info"]["id"]
        shown = {name: value for name, value in body["litellm_params"].items() if name != "api_key"}
        self.rows[model_id] = {**body, "litellm_params": shown, "model_info": {**body["model_info"], "db_model": True}}
        if self.case != "bogus provider":
            self.live.add(model_id)
        return self.said(f"{self.case}: new")

    def _delete(self, body: Any) -> httpx.Response:  # noqa: ANN401
        model_id = body["id"]
        self.live.discard(model_id)
        return self.said("good: delete") if self.rows.pop(model_id, None) else self.said("delete unknown")

    def _router(self, _: object) -> httpx.Response:
        found = recordings()[self.version]["router settings"]
        body = json.loads(json.dumps(found["body"]))
        if self.general is not None:
            body["current_values"]["fallbacks"] = self.general
        if self.source is not None:
            body["source"] = {"fallbacks": self.source}
        return httpx.Response(found["status"], json=body)

    def _fallback(self, body: Any) -> httpx.Response:  # noqa: ANN401
        rules = [rule for rule in self.general or [] if body["model"] not in rule]
        self.general = [*rules, {body["model"]: body["fallback_models"]}]
        return httpx.Response(200, json=body)


@dataclass
class Reloading(Release):
    """A release whose router is behind its rows for the next ``stale_looks``: the work of a reload begun before."""

    stale_looks: int = 0
    stale_after_delete: int = 0
    removed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _info(self, model_id: str | None) -> httpx.Response:
        if model_id is None or self.stale_looks == 0:
            return super()._info(model_id)
        self.stale_looks -= 1
        if model_id in self.rows:
            return self.said("unknown id")
        return httpx.Response(200, json={"data": [self.removed[model_id]]})

    def _delete(self, body: Any) -> httpx.Response:  # noqa: ANN401
        self.removed[body["id"]] = self.rows[body["id"]]
        self.stale_looks = self.stale_after_delete or self.stale_looks
        return super()._delete(body)


@asynccontextmanager
async def steward_with(release: Answering, **settings: Any) -> AsyncIterator[StewardContext]:  # noqa: ANN401
    """The context of a tool call whose client cannot be asked, so that approvals come as tokens."""
    chosen = Settings(_env_file=None, **{"steward_approval": "plan", **settings})
    key = ConstantSecret("LITELLM_MASTER_KEY", SecretStr("sk-master"))
    async with Proxy("http://proxy.test", key, transport=httpx.MockTransport(release)) as proxy:
        steward = Steward(chosen, proxy, Approvals(chosen.steward_approval))
        session = SimpleNamespace(client_params=None)
        request = SimpleNamespace(lifespan_context=steward, request=None, session=session)
        context = SimpleNamespace(request_context=request, client_capabilities=None)
        yield cast("StewardContext", context)


KEY = "sk-mine-1234567890"
BASE = "http://127.0.0.1:9/v1"


async def created(ctx: StewardContext, **arguments: Any) -> CreatedModel:  # noqa: ANN401
    """``create_model`` with everything that it needs."""
    given = {"model_name": "fresh", "model": "openai/fresh", "api_key": SecretStr(KEY), "api_base": BASE, **arguments}
    answer = await create_model(ctx, **given)
    assert isinstance(answer, CreatedModel)
    return answer


async def agreed(ctx: StewardContext, **arguments: Any) -> CreatedModel:  # noqa: ANN401
    """``created``, once somebody agreed to the plan."""
    asked = await created(ctx, **arguments)
    assert asked.status == "approval_required"
    return await created(ctx, **arguments, approval=asked.approval)
