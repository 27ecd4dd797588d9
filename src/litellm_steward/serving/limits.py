"""How much one caller may ask for: so many requests a second, so many at the same time, and so large ones.

The limits are far above what agents do. They keep one client that runs wild from taking the process,
and with it the proxy, away from the others.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from litellm_steward.callers import Principal

REMEMBERED: Final = 4096
"""Callers whose buckets are kept; the one that was heard of least recently goes first."""

CALLERS_AT_FULL_RATE: Final = 4
"""The whole process may have as many times one caller's rate."""

KEYS_AT_FULL_RATE: Final = 2
"""All LiteLLM keys together that come from one place: who makes up keys takes no more than this."""

MOST_BYTES: Final = 256 * 1024
"""Of one request. The largest call that any tool takes is a fraction of it."""

MOST_PIECES: Final = 20_000
"""Of one request: each takes a hundred bytes or two once it is read, and two bytes before."""

TOO_LARGE_SAID: Final = (
    f"The request is too large: at most {MOST_BYTES >> 10} KB, and {MOST_PIECES:,} values. Nothing was done."
)

AT_ONCE: Final = 512
AT_ONCE_OF_ONE_PLACE: Final = 384
AT_ONCE_OF_ONE: Final = 256


def is_too_large(body: bytes | bytearray) -> bool:
    """Whether a message would be a burden to read: by its bytes, or by the values in it. Counted without reading it."""
    return len(body.rstrip()) > MOST_BYTES or sum(map(body.count, (b",", b"[", b"{"))) > MOST_PIECES


@dataclass
class Buckets:
    """Token buckets by name: ``burst`` at once, refilled at ``rate`` a second."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, name: str) -> float:
        """Take one out. 0 if there was one, else the seconds until there is."""
        now = self.clock()
        level, since = self._levels.pop(name, (self.burst, now))
        level = min(self.burst, level + (now - since) * self.rate)
        taken = level >= 1
        self._levels[name] = (level - taken, now)
        if len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / self.rate


class Throttle:
    """ASGI middleware: 429 for a caller who asks too often, or for too much at the same time."""

    def __init__(self, app: ASGIApp, rate: float) -> None:
        self._app = app
        self._one = Buckets(rate, 2 * rate)
        self._place = Buckets(KEYS_AT_FULL_RATE * rate, 2 * KEYS_AT_FULL_RATE * rate)
        self._all = Buckets(CALLERS_AT_FULL_RATE * rate, 2 * CALLERS_AT_FULL_RATE * rate)
        self._open = Counter[str]()
        self._open_places = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, place = caller_name(scope), place_of(scope)
        # A caller who is refused takes nothing from the others.
        wait = self._one.take(name) or self._place.take(place) or self._all.take("")
        if wait:
            await too_many("Too many requests.", wait)(scope, receive, send)
            return
        if (
            self._open[name] >= AT_ONCE_OF_ONE
            or self._open_places[place] >= AT_ONCE_OF_ONE_PLACE
            or self._open.total() >= AT_ONCE
        ):
            await too_many("Too many requests at the same time.", 1)(scope, receive, send)
            return
        with _counted(self._open, name), _counted(self._open_places, place):
            await self._app(scope, receive, send)


@contextmanager
def _counted(counter: Counter[str], name: str) -> Iterator[None]:
    counter[name] += 1
    try:
        yield
    finally:
        counter[name] -= 1
        if not counter[name]:
            del counter[name]


def too_many(said: str, wait: float) -> PlainTextResponse:
    return PlainTextResponse(f"{said}\n", 429, headers={"Retry-After": str(max(1, math.ceil(wait)))})


def caller_name(scope: Scope) -> str:
    """Who is limited: the credentials where they tell callers apart, else the address."""
    identity = Principal.of(scope).identity
    return f"{identity}@" if identity else address_of(scope)


def place_of(scope: Scope) -> str:
    """Where a caller comes from, as far as it is proven: an access token's subject, else the address."""
    proven = Principal.of(scope).proven
    return f"{proven}@" if proven else address_of(scope)


def address_of(scope: Scope) -> str:
    """Where a request came from. Of an IPv6 address the network, as one machine has very many."""
    if not scope.get("client"):
        return ""
    try:
        address = ipaddress.ip_address(scope["client"][0].partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
