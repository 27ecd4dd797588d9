"""Single requests: ``/spend/logs/v2``.

Rows hold prompts, answers, addresses and tracebacks; only what is named here is read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from litellm_steward.api.proxy import Proxy, Query
from litellm_steward.api.wire import Count, Moment, Rows, Wire

MOST_ROWS = 100
"""Rows a page that every release allows."""


def _text(value: object) -> object:
    return str(value) if isinstance(value, int | float) else value


def _object(value: object) -> object:
    return value if isinstance(value, dict) else {}


class ErrorInformation(Wire):
    """``llm_provider`` is empty where LiteLLM itself refused the request."""

    error_code: Annotated[str, BeforeValidator(_text)] = ""
    error_class: str = ""
    error_message: str = ""
    llm_provider: Annotated[str, BeforeValidator(_text)] = ""


class RowMetadata(Wire):
    user_api_key_alias: str | None = None
    user_api_key_team_alias: str | None = None
    error_information: Annotated[ErrorInformation, BeforeValidator(_object)] = ErrorInformation()


class RequestRow(Wire):
    """One request. ``model`` is the provider's, ``model_group`` the public name; either may be what a caller made up.

    ``api_key`` is a hash, or whatever was presented as a key. ``model_id`` is the deployment that was chosen.
    """

    request_id: str = ""
    call_type: str = ""
    api_key: str = ""
    model: str = ""
    model_group: str = ""
    model_id: str = ""
    user: str = ""
    team_id: str = ""
    end_user: str = ""
    spend: float
    total_tokens: Count
    status: str = ""
    started: Moment | None = Field(default=None, alias="startTime")
    request_duration_ms: Count | None = None
    metadata: Annotated[RowMetadata, BeforeValidator(_object)] = RowMetadata()

    @property
    def failed(self) -> bool:
        return self.status == "failure"

    @property
    def reached_a_provider(self) -> bool:
        """Whether the text of its error may be a provider's: a request that LiteLLM refused has neither."""
        return bool(self.model_id or self.metadata.error_information.llm_provider)


class RequestPage(Wire):
    """``total`` counts all matching rows, or is a lower bound if ``total_is_capped``."""

    data: Rows[RequestRow]
    total: Count
    total_is_capped: bool = False


async def page(
    proxy: Proxy, since: datetime, until: datetime, filters: Query, *, number: int, size: int
) -> RequestPage:
    """Rows between two moments of UTC; a date alone would mean its midnight.

    A release ignores the filters it does not know: compare afterwards.
    """
    query: Query = {
        **filters,
        "start_date": f"{since:%Y-%m-%d %H:%M:%S}",
        "end_date": f"{until:%Y-%m-%d %H:%M:%S}",
        "page": number,
        "page_size": size,
    }
    return await proxy.get("/spend/logs/v2", RequestPage, query)
