"""Models: ``/model/*``. A deployment is one provider model behind a public ``model_name``.

``/model/info`` is not a list of deployments: one id stands there under many names. A wildcard is expanded into the
models that LiteLLM knows of its provider (from 1.108 on without the wildcard's own row), and each alias of the router
repeats the rows of its target. ``/v2/model/info`` has one row for each deployment, under the name that it was given.
"""

from __future__ import annotations

from typing import Final, Self, cast

from pydantic import model_validator

from litellm_steward import errors
from litellm_steward.addresses import addresses_in
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.wire import Count, Rows, Strings, Wire
from litellm_steward.together import each

PAGE: Final = 500
MOST_PAGES: Final = 100


class LitellmParams(Wire):
    """What routes a call to the provider. Keys are removed or masked by the proxy; none is read here."""

    model: str = ""
    custom_llm_provider: str | None = None
    api_base: str | None = None
    litellm_credential_name: str | None = None
    organization: str | None = None
    vertex_project: str | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    max_budget: float | None = None
    budget_duration: str | None = None
    mock_response: object = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    addresses: tuple[str, ...] = ()
    """All that any parameter holds, ``api_base`` among them."""

    @model_validator(mode="before")
    @classmethod
    def _find_addresses(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {**cast("dict[str, object]", data), "addresses": addresses_in(data)}


class ModelInfo(Wire):
    """What LiteLLM knows of the model, of a hundred mostly empty fields."""

    id: str = ""
    db_model: bool = False
    litellm_provider: str | None = None
    mode: str | None = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    input_cost_per_second: float | None = None
    blocked: bool | None = None
    team_id: str | None = None
    """The team whose keys alone may call it."""

    team_public_model_name: str | None = None
    access_groups: Strings = []
    """Names that stand for this model, among others, in the lists of models that a key may call."""


class Deployment(Wire):
    """One deployment. ``model_name`` is what its callers call; for a wildcard, the pattern."""

    model_name: str = ""
    litellm_params: LitellmParams = LitellmParams()
    model_info: ModelInfo = ModelInfo()
    blocked: bool | None = None

    @model_validator(mode="after")
    def _called(self) -> Self:
        """A team's own model is stored as ``model_name_<team>_<uuid>``; 1.83 shows it so, later releases do not."""
        info = self.model_info
        public = info.team_public_model_name
        if public and info.team_id and self.model_name.startswith(f"model_name_{info.team_id}_"):
            return self.model_copy(update={"model_name": public})
        return self

    @property
    def id(self) -> str:
        return self.model_info.id

    @property
    def is_wildcard(self) -> bool:
        return "*" in self.model_name

    @property
    def provider(self) -> str:
        """``openai``: said by the parameters, else the prefix of the model, else what LiteLLM inferred."""
        prefix, slash, _ = self.litellm_params.model.partition("/")
        return self.litellm_params.custom_llm_provider or (prefix if slash else self.model_info.litellm_provider or "")

    @property
    def is_blocked(self) -> bool:
        return bool(self.blocked or self.model_info.blocked)


class Deployments(Wire):
    """``GET /model/info``: rows, of which several may be of one deployment."""

    data: Rows[Deployment]


class DeploymentPage(Wire):
    """``GET /v2/model/info``: one row for each deployment."""

    data: Rows[Deployment]
    total_pages: Count


class NewModel(Wire):
    """``POST /model/new``."""

    model_id: str


class DeletedRow(Wire):
    """``POST /model/delete``."""

    message: str = ""


class TestConnection(Wire):
    """``POST /health/test_connection``: 200 with ``status`` success or error."""

    class Result(Wire):
        error: str = ""

    status: str = ""
    message: str = ""
    result: Result = Result()


class Endpoint(Wire):
    """One deployment in ``GET /health``."""

    model: str = ""
    model_id: str = ""
    error: str = ""


class Health(Wire):
    """``GET /health``: each entry was a real call to the provider."""

    healthy_endpoints: Rows[Endpoint] = []
    unhealthy_endpoints: Rows[Endpoint] = []


async def deployments(proxy: Proxy) -> list[Deployment]:
    """``GET /v2/model/info``: every deployment that the router has, each once; ``/model/info`` without a database.

    Measured on 1.83.14, 1.108.5, 1.108.14 and 1.110.2: the route is paged and takes pages of any size.
    """
    try:
        first, *others = await _pages(proxy)
    except errors.NoDatabase as error:
        if error.lost:
            raise
        return await _without_database(proxy)
    rows = [row for page in (first, *others) for row in page.data]
    return list({row.id: row for row in rows}.values())


async def _pages(proxy: Proxy) -> list[DeploymentPage]:
    async def page(number: int) -> DeploymentPage:
        return await proxy.get("/v2/model/info", DeploymentPage, {"page": number, "size": PAGE})

    first = await page(1)
    others = range(2, min(first.total_pages, MOST_PAGES) + 1)
    return [first, *await each(map(page, others), at_once=4)]


async def _without_database(proxy: Proxy) -> list[Deployment]:
    """Asked for by its id, a row of ``/model/info`` has its own name."""
    rows = (await proxy.get("/model/info", Deployments)).data
    ids = list(dict.fromkeys(row.id for row in rows))
    found = await each((by_id(proxy, model_id) for model_id in ids), at_once=4)
    return [deployment for deployment in found if deployment is not None]


async def by_id(proxy: Proxy, model_id: str) -> Deployment | None:
    """``GET /model/info?litellm_model_id=``: ``None`` (the proxy's 400) means not live."""
    if not model_id:
        return None
    try:
        answer = await proxy.get("/model/info", Deployments, {"litellm_model_id": model_id})
    except errors.Missing:
        return None
    return next((deployment for deployment in answer.data if deployment.id == model_id), None)


async def new(proxy: Proxy, body: Body, secrets: tuple[str, ...]) -> None:
    """``POST /model/new``. The answer echoes the parameters as ciphertext: no more is read than that it is one."""
    await proxy.post("/model/new", NewModel, body, secrets=secrets)


async def delete(proxy: Proxy, model_id: str) -> bool:
    """``POST /model/delete``: database rows only; a config.yaml model is a 400 like an unknown id.

    True if the answer says that the row is gone; the router may have the deployment all the same.
    """
    answer = await proxy.post("/model/delete", DeletedRow, {"id": model_id})
    return "deleted successfully" in answer.message


async def test_connection(
    proxy: Proxy,
    litellm_params: Body,
    mode: str,
    secrets: tuple[str, ...],
    *,
    timeout: float,  # noqa: ASYNC109
) -> TestConnection:
    """``POST /health/test_connection``: a real call with these parameters; no deployment is created."""
    body = {"mode": mode, "litellm_params": dict(litellm_params)}
    return await proxy.query(
        "/health/test_connection", TestConnection, body, timeout=timeout, secrets=secrets, recorded=True
    )


async def health(proxy: Proxy, model_id: str, *, timeout: float) -> Health:  # noqa: ASYNC109
    """``GET /health?model_id=``: a real call. 503 with the same body when it failed."""
    return await proxy.get("/health", Health, {"model_id": model_id}, timeout=timeout, also=(503,))
