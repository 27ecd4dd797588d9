"""Daily rollups: ``/{user,team,customer}/daily/activity`` and their aggregated forms.

Below the newest release pages lie: rows are ordered by date alone, so offset pages repeat and skip
rows, and ``metadata.total_*`` sums the same page. A figure therefore comes from an aggregated
route or from one page that holds everything; who calls these functions sees to that.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, RootModel, model_validator

from litellm_steward import errors
from litellm_steward.api.decode import Unread
from litellm_steward.api.proxy import Proxy, Query
from litellm_steward.api.wire import ByName, Count, Rows, Usd, Wire
from litellm_steward.periods import Period

Scope = Literal["user", "team", "customer", "tag"]
FILTER: Final[dict[Scope, str]] = {"user": "user_id", "team": "team_ids", "customer": "end_user_ids", "tag": "tags"}
_LISTS: Final = frozenset({"team_ids", "end_user_ids", "tags"})
USER_PAGE: Final = 1000
"""``/user/daily/activity`` takes at most this many rows a page; the team and customer routes any number."""


UNATTRIBUTED: Final = "unattributed"
"""Since 1.109.0 the answers call rows without a key so; a key that is really called so has ``raw:`` before it."""


class Metrics(Wire):
    """A sum of rollup rows. ``spend`` in USD."""

    spend: Usd
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0
    api_requests: Count
    successful_requests: Count = 0
    failed_requests: Count = 0
    total_response_time_ms: float = 0
    timed_requests: Count = 0


class KeyMetadata(Wire):
    """What is known of a key in a breakdown."""

    key_alias: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    key_exists: bool | None = None

    def stands_for_none(self, name: str) -> bool:
        """Whether a row of this name is of calls without a key. Only the proxy can give this name this alias."""
        return name == UNATTRIBUTED and self.key_alias == "Unattributed" and self.key_exists is False


def booked_key(name: str) -> str:
    """What is booked as the key that an answer calls ``name``; the filter ``api_key`` wants the latter."""
    rest = name.removeprefix("raw:")
    return rest if rest == UNATTRIBUTED or rest.startswith("raw:") else name


class Entry(Wire):
    metrics: Metrics


class KeyEntry(Entry):
    metadata: KeyMetadata = KeyMetadata()


def _as_booked(entries: dict[str, KeyEntry]) -> dict[str, KeyEntry]:
    """Rows without a key under the empty name, as they are booked and as 1.108 answers them."""
    found = entries.get(UNATTRIBUTED)
    if found is None or not found.metadata.stands_for_none(UNATTRIBUTED):
        return entries
    return {
        **{name: entry for name, entry in entries.items() if entry is not found},
        "": KeyEntry(metrics=found.metrics),
    }


class EntityMetadata(Wire):
    """What is known of a team; nothing of the others."""

    team_alias: str | None = None


class EntityEntry(Entry):
    metadata: EntityMetadata = EntityMetadata()


class Breakdown(Wire):
    """``models`` are provider models, ``model_groups`` the public names, ``providers`` never overlap."""

    models: ByName[Entry] = {}
    model_groups: ByName[Entry] = {}
    providers: ByName[Entry] = {}
    api_keys: Annotated[ByName[KeyEntry], AfterValidator(_as_booked)] = {}
    entities: ByName[EntityEntry] = {}


class Day(Wire):
    date: str
    metrics: Metrics
    breakdown: Breakdown = Breakdown()


class Metadata(Wire):
    total_pages: Count = 1
    has_more: bool = False
    total_api_keys: Count | None = None


class Activity(Wire):
    """One answer of a ``daily/activity`` route."""

    results: Rows[Day]
    metadata: Metadata = Metadata()


class Everybody(Activity):
    """An answer about all usage. Its lists of keys, users and teams are most of it, and nobody reads them."""

    unread: ClassVar[Unread] = {"api_keys": "model_groups", "entities": "model_groups"}


class KeyRow(Wire):
    """One row of ``/aggregated/keys``."""

    api_key: str = ""
    metrics: Metrics
    metadata: KeyMetadata = KeyMetadata()

    @model_validator(mode="after")
    def _as_booked(self) -> Self:
        if self.metadata.stands_for_none(self.api_key):
            return self.model_copy(update={"api_key": "", "metadata": KeyMetadata()})
        return self


class KeyRows(Wire):
    """The keys that spent most, and how many there are."""

    api_keys: Rows[KeyRow]
    total_api_keys: Count


class UserRow(Metrics):
    """One row of ``/aggregated/users``; no id for what nobody owns."""

    user_id: str | None = None
    user_email: str | None = None


class UserRows(Wire):
    """The users that spent most, and how many there are."""

    users: Rows[UserRow]
    total_users: Count


class ExportRow(Metrics):
    """One row of ``/{scope}/daily/activity/export``."""

    date: str = ""
    entity_id: str = ""
    entity_alias: str | None = None
    user_id: str | None = None


class ExportRows(RootModel[Rows[ExportRow]]):
    pass


def _query(period: Period, **filters: str | int | None) -> Query:
    for name, value in filters.items():
        if name in _LISTS and isinstance(value, str) and "," in value:
            raise errors.Unsupported(
                f"The proxy takes {name} for a comma-separated list, so one with a comma in it cannot be asked for"
            )
    return {"start_date": period.start_date, "end_date": period.end_date, **filters}


async def aggregated(
    proxy: Proxy,
    scope: Scope,
    period: Period,
    *,
    entity: str | None = None,
    api_key: str | None = None,
    keys: int = 1,
) -> Activity:
    """``GET /{scope}/daily/activity/aggregated``: the whole range in one answer.

    ``keys`` bounds the key breakdown on the newest release; older ones list them all.
    """
    filters = _query(period, **{FILTER[scope]: entity}, api_key=api_key, api_key_limit=keys)
    return await proxy.get(f"/{scope}/daily/activity/aggregated", Activity, filters)


async def of_everybody(proxy: Proxy, period: Period) -> Activity:
    """All usage by day, model and provider: ``GET /team/daily/activity/aggregated`` without a team; not on 1.83.

    The answer about users has the same figures, since keys without a team are booked under an empty one. But since
    1.108.6 it lists every active user of every day: five times as large for 300 teams and 5,000 users.
    """
    filters = _query(period, api_key_limit=1)
    return await proxy.get("/team/daily/activity/aggregated", Everybody, filters)


async def one_page(
    proxy: Proxy,
    scope: Scope,
    period: Period,
    *,
    size: int,
    entity: str | None = None,
    api_key: str | None = None,
) -> Activity:
    """``GET /{scope}/daily/activity``: the first page; ``metadata.total_pages`` tells whether it is all."""
    filters = _query(period, **{FILTER[scope]: entity}, api_key=api_key, page_size=size)
    return await proxy.get(f"/{scope}/daily/activity", Activity, filters)


async def top_keys(
    proxy: Proxy, scope: Scope, entity: str | None, period: Period, limit: int, offset: int = 0
) -> KeyRows:
    """``GET /{scope}/daily/activity/aggregated/keys``: newest releases only; a hundred a page, in a stable order."""
    filters = _query(period, **{FILTER[scope]: entity}, limit=limit, offset=offset)
    return await proxy.get(f"/{scope}/daily/activity/aggregated/keys", KeyRows, filters)


async def top_users(
    proxy: Proxy, period: Period, limit: int, offset: int = 0, *, api_key: str | None = None
) -> UserRows:
    """``GET /user/daily/activity/aggregated/users``: newest releases only; a hundred a page, in a stable order."""
    filters = _query(period, api_key=api_key, limit=limit, offset=offset)
    return await proxy.get("/user/daily/activity/aggregated/users", UserRows, filters)


def has_ranked_lists(proxy: Proxy) -> bool:
    """Whether the proxy is known to be of a release that bounds its lists of keys: older answers may take minutes."""
    return any(proxy.answers(f"/user/daily/activity/aggregated/{what}") for what in ("users", "keys"))


async def by_entity(proxy: Proxy, scope: Scope, period: Period) -> list[ExportRow]:
    """``GET /{scope}/daily/activity/export``: a row for each day and team, customer or tag; newest releases only."""
    filters = _query(period, export_type="daily", format="json")
    return (await proxy.get(f"/{scope}/daily/activity/export", ExportRows, filters)).root


async def team_by_user(proxy: Proxy, team_id: str, period: Period) -> list[ExportRow]:
    """``GET /team/daily/activity/export``: a team's days by the owner of the key; newest releases only."""
    filters = _query(period, team_ids=team_id, export_type="daily_with_users", format="json")
    return (await proxy.get("/team/daily/activity/export", ExportRows, filters)).root
