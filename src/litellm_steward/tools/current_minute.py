"""What a key did in the last 60 seconds, from the request log: no admin route has the limiter's own counters."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from litellm_steward import errors
from litellm_steward.api import spend_logs
from litellm_steward.api.keys import Key
from litellm_steward.api.proxy import Proxy
from litellm_steward.periods import utc_now
from litellm_steward.tools.key_views import CurrentMinute
from litellm_steward.usage.report import Usage

SURELY_PAST: Final = timedelta(minutes=2)
"""Since a key's last use: the last minute was quiet, whatever the log says."""


async def current_minute(proxy: Proxy, key: Key) -> CurrentMinute | None:
    """Requests and tokens of the last 60 s in the request log; ``None`` when the log cannot be read.

    They are there to be held against the key's rate limits: those of a deleted key limit nothing.
    """
    if key.status() == "deleted":
        return None
    now = utc_now()
    try:
        page = await spend_logs.recent(proxy, key.token, now - timedelta(seconds=60), now + timedelta(seconds=1))
    except errors.ProxyError:
        return None
    if page.total > len(page.data):
        return None  # more than a page in a minute: the tokens would be a part only
    return CurrentMinute(requests=page.total, tokens=sum(row.total_tokens for row in page.data))


async def logs_are_off(proxy: Proxy, key: Key, usage: Usage) -> bool:
    """Whether the log may be silent although the key was used; of one that rested longer it proves nothing."""
    if key.last_active is not None and utc_now() - key.last_active > SURELY_PAST:
        return False
    today = utc_now().date().isoformat()
    rows = usage.by_day.groups if usage.by_day else ()
    if not any(row.name == today and row.figures.api_requests for row in rows):
        return False
    midnight = utc_now().replace(hour=0, minute=0, second=0)
    try:
        return (await spend_logs.recent(proxy, key.token, midnight, utc_now(), size=1)).total == 0
    except errors.ProxyError:
        return True  # not known, so left out as well


def minute_notes(key: Key, minute: CurrentMinute | None) -> list[str]:
    if key.status() == "deleted":
        return []
    if minute is None:
        return ["current_minute is left out: the request log could not be read whole."]
    return ["current_minute is what is booked so far; bookings lag by seconds."]
