"""Virtual keys: ``/key/*``. A raw key is hashed before it gets here and never stands in a URL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Literal

from pydantic import Field

from litellm_steward import errors
from litellm_steward.api.budget import Budgeted, BudgetTable, OwnBudgets
from litellm_steward.api.pages import PAGE, in_parts
from litellm_steward.api.proxy import Body, Proxy
from litellm_steward.api.wire import Acknowledged, ByName, Count, Moment, RawKey, Rows, Strings, Wire

Status = Literal["active", "blocked", "expired", "deleted"]


class Key(Budgeted, OwnBudgets):
    """One virtual key. ``token`` is its hash; ``key_name`` its masked form ``sk-...a1b2``."""

    token: str = ""
    key_name: str = ""
    key_alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    models: Strings = []
    aliases: ByName[str] = {}
    allowed_routes: Strings = []
    blocked: bool = False
    expires: Moment | None = None
    created_at: Moment | None = None
    last_active: Moment | None = None
    deleted_at: Moment | None = None
    said_status: str = Field(default="", alias="status")
    metadata: dict[str, object] = {}

    @property
    def own_budget(self) -> Budgeted | BudgetTable:
        """Where its amount stands, if it has one: in the key itself, or in a row that others may share."""
        row = self.litellm_budget_table
        return row if self.max_budget is None and row is not None and row.max_budget is not None else self

    def status(self, now: datetime | None = None) -> Status:
        """What the newest release says, worked out for the older ones, which say nothing."""
        if self.said_status == "deleted" or self.deleted_at is not None:
            return "deleted"
        if self.blocked or self.said_status == "revoked":
            return "blocked"
        if self.said_status == "expired":
            return "expired"
        if self.expires is not None and self.expires <= (now or datetime.now(UTC)):
            return "expired"
        return "active"


class KeyInfo(Wire):
    """``GET /key/info``: the row comes without its own hash."""

    info: Key


class KeyPage(Wire):
    """``GET /key/list?return_full_object=true``."""

    keys: Rows[Key]
    total_count: Count

    @property
    def pages(self) -> int:
        """How many there are of ``PAGE`` rows, whatever size this one was read in."""
        return ceil(self.total_count / PAGE)


class KeyRows(Wire):
    """``POST /v2/key/info``: rows of the keys that exist, in no order and without their hash."""

    info: Rows[Key]


class NewKey(Wire):
    """``POST /key/generate``: the only answer that ever holds the raw key."""

    key: RawKey
    token: str = ""
    allowed_routes: Strings | None = None


async def info(proxy: Proxy, key_hash: str) -> Key | None:
    """``GET /key/info`` by hash. The newest release still answers for a deleted key, older ones 404."""
    try:
        answer = await proxy.get("/key/info", KeyInfo, {"key": key_hash})
    except errors.Missing:
        return None
    return answer.info.model_copy(update={"token": key_hash})


async def page(
    proxy: Proxy,
    *,
    key_alias: str | None = None,
    key_hash: str | None = None,
    status: str | None = None,
    substring_matching: bool | None = None,
    number: int = 1,
    size: int = PAGE,
) -> KeyPage:
    """``GET /key/list``: one page of full rows.

    Filters match exactly on some releases and by substring on others: compare afterwards.
    """
    query = {
        "key_alias": key_alias,
        "key_hash": key_hash,
        "status": status,
        "substring_matching": substring_matching,
        "return_full_object": True,
        "include_team_keys": False,
    }

    async def read(page_number: int, page_size: int) -> KeyPage:
        return await proxy.get("/key/list", KeyPage, {**query, "page": page_number, "size": page_size})

    return await in_parts(read, number, "keys", size)


async def existing(proxy: Proxy, key_hashes: list[str]) -> list[Key]:
    """``POST /v2/key/info``: those of several keys that exist now, in one call."""
    if not key_hashes:
        return []
    return (await proxy.query("/v2/key/info", KeyRows, {"keys": key_hashes})).info


async def deleted(proxy: Proxy, *, key_hash: str) -> Key | None:
    """``GET /key/list?status=deleted``: 1.83 keeps deleted keys here only."""
    found = await page(proxy, key_hash=key_hash, status="deleted")
    return next((key for key in found.keys if key.token == key_hash and key.deleted_at is not None), None)


async def deleted_by_alias(proxy: Proxy, alias: str) -> list[Key]:
    """Deleted keys that had exactly this alias."""
    found = await page(proxy, key_alias=alias, status="deleted")
    return [key for key in found.keys if key.key_alias == alias and key.deleted_at is not None]


async def generate(proxy: Proxy, body: Body) -> NewKey:
    """``POST /key/generate``. ``team_id`` is not checked by the proxy: resolve it first."""
    return await proxy.post("/key/generate", NewKey, body)


async def delete(proxy: Proxy, key_hash: str) -> None:
    """``POST /key/delete``, one key at a time: a partial hit among several claims success for all."""
    await proxy.post("/key/delete", Acknowledged, {"keys": [key_hash]})


def tags_of(metadata: Mapping[str, object]) -> list[str]:
    """``metadata.tags``, where LiteLLM keeps a key's free tags."""
    tags = metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
