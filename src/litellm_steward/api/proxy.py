"""One connection pool to one LiteLLM proxy: the only place that sends a request.

Reads are tried again a few times on what passes by itself; a write is sent once. The admin key is
put into the header here and nowhere else.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from math import isfinite
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

import anyio
import httpx
from pydantic import SecretStr, TypeAdapter

from litellm_steward import errors
from litellm_steward.addresses import is_this_machine
from litellm_steward.api.bodies import read_bounded
from litellm_steward.api.decode import Answer, decode
from litellm_steward.api.reasons import reason
from litellm_steward.secret import SecretSource, reveal
from litellm_steward.text import hash_key

T = TypeVar("T")
Query = Mapping[str, str | int | float | bool | None]
Body = Mapping[str, object]
Transport = httpx.AsyncBaseTransport
BeforeWrite = Callable[[str], Awaitable[Mapping[str, str]]]
"""Told of a change before it is sent; returns headers that say on whose behalf, or raises so that nothing is sent."""

CONNECTIONS = 20
OF_ONE_CALLER = 10
"""Connections that one caller with a key of their own may use at a time, so that some are left for the others."""

TOO_LATE = 0.05
"""Seconds before its deadline at which a request that has not been sent is given up: so it can be told from one
that was not answered."""

ATTEMPTS = 3
LONGEST_PAUSE = 5.0
LACKED_FOR = 3600.0
"""Seconds for which what the release lacks is not tried again, unless a connection breaks: it may be upgraded."""

_PASSING_STATUS = frozenset({429, 502, 503, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

log = logging.getLogger(__name__)


class Proxy:
    """The LiteLLM proxy, as ``get`` (reads), ``query`` (reads that are POSTs) and ``post`` (writes)."""

    def __init__(
        self,
        base_url: str,
        key: SecretSource,
        *,
        key_header: str = "Authorization",
        timeout: float = 30,
        transport: httpx.AsyncBaseTransport | None = None,
        before_write: BeforeWrite | None = None,
    ) -> None:
        self.base_url = base_url
        self._key, self._key_header, self._timeout = key, key_header, timeout
        self._key_hint: str | None = None
        self._lacks: dict[str, float] = {}
        self._answering_routes: set[str] = set()
        # Nobody waits inside httpcore's pool: who stops waiting there leaves a connection behind that is never used.
        self._turns = anyio.Semaphore(CONNECTIONS)
        self._own_turns = anyio.Semaphore(CONNECTIONS)
        self._transport = transport
        self._before_write = before_write or _no_record

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Made for the first request, so that no start waits for it."""
        return httpx.AsyncClient(
            base_url=self.base_url,
            timeout=httpx.Timeout(None, connect=min(self._timeout, 5.0)),  # _deadline bounds the rest
            # As many are kept as there may be: with fewer, httpcore closes one after every answer under load.
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            headers={
                "User-Agent": "litellm-steward",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
            },
            follow_redirects=False,
            # One caller's cookie must not come with another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # A corporate HTTP_PROXY must not see requests to this machine.
            trust_env=not is_this_machine(httpx.URL(self.base_url).host),
            transport=self._transport,
            # Reading the machine's certificates takes a tenth of a second, and without TLS nobody looks at them.
            verify=httpx.URL(self.base_url).scheme == "https" and httpx.create_ssl_context(),
        )

    def with_key(self, key: SecretSource, *, hint: str) -> Proxy:
        """The same proxy over the same connections, asked with another key; what one key learnt stays with it.

        ``hint`` says what to mend where the key does not do.
        """
        other = copy(self)
        vars(other).update(_lacks={}, _answering_routes=set[str](), _key=key, _key_hint=hint, _client=self._client)
        vars(other).update(_own_turns=anyio.Semaphore(OF_ONE_CALLER))
        return other

    def own_key_id(self) -> str:
        """LiteLLM's id of the key that is sent."""
        return hash_key(reveal(self._key.read()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_client" in vars(self):
            await self._client.aclose()

    async def get(
        self,
        path: str,
        expect: type[T] | TypeAdapter[T],
        params: Query | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - one deadline over all attempts
        also: Sequence[int] = (),
        attempts: int = ATTEMPTS,
    ) -> T:
        """Read. ``also``: error statuses whose body is the answer all the same.

        Raises ``InvalidArgument`` for an empty filter: LiteLLM takes it for the whole company, or for our own key.
        """
        route = f"GET {path}"
        if empty := [name for name, value in (params or {}).items() if value == ""]:
            raise errors.InvalidArgument(f"{empty[0]} must not be empty")
        if self.lacks(route):
            raise errors.RouteMissing(f"This LiteLLM version has no {route}", status=404)
        with _deadline(timeout or self._timeout, route) as by:
            attempt = 1
            while True:
                try:
                    answer, _ = await self._send("GET", path, by, params=params)
                    found = self._decode(answer, expect, route, also=also)
                    self._answering_routes.add(route)
                    return found  # noqa: TRY300 - not worth an else in a loop
                except errors.RouteMissing:
                    self.note_lack(route)
                    raise
                except errors.ProxyError as error:
                    pause = _pause(attempt, error)
                    if attempt == attempts or not _passes_by_itself(error) or pause > _patience():
                        raise
                    await anyio.sleep(pause)
                attempt += 1

    def lacks(self, what: str) -> bool:
        """Whether the release is known to lack this: a route (``GET /path``), or a filter that it ignores."""
        return time.monotonic() < self._lacks.get(what, 0)

    def note_lack(self, what: str) -> None:
        self._lacks[what] = time.monotonic() + LACKED_FOR

    def answers(self, path: str) -> bool:
        """Whether a GET of this path was answered before: the release has the route."""
        return f"GET {path}" in self._answering_routes

    async def query(
        self,
        path: str,
        expect: type[T] | TypeAdapter[T],
        body: Body,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        secrets: Sequence[str] = (),
        recorded: bool = False,
    ) -> T:
        """Ask with a POST that changes nothing in the proxy; sent once.

        ``recorded``: it reaches others, so it is a part of a change, and stands in the record before it is sent.
        """
        route = f"POST {path}"
        named = await self._before_write(route) if recorded else None
        with _deadline(timeout or self._timeout, route) as by:
            answer, _ = await self._send("POST", path, by, body=body, named=named)
            return self._decode(answer, expect, route, secrets=secrets)

    async def post(
        self,
        path: str,
        expect: type[T] | TypeAdapter[T],
        body: Body,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
        secrets: Sequence[str] = (),
    ) -> T:
        """Change something. Sent once; an error tells whether the change may have happened all the same."""
        route = f"POST {path}"
        named = await self._before_write(route)
        try:
            with _deadline(timeout or self._timeout, route) as by:
                answer, _ = await self._send("POST", path, by, body=body, named=named)
                return self._decode(answer, expect, route, secrets=secrets)
        except errors.ProxyError as error:
            error.write_uncertain = _may_have_happened(error)
            raise

    async def call(
        self,
        path: str,
        body: Body | None = None,
        *,
        key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> tuple[Answer, Mapping[str, str]]:
        """A request whose answer is itself the finding (a model call, a deleted key's refusal).

        Sent once, with ``key`` instead of the admin key if given; returns the answer whatever its status.
        """
        method = "GET" if body is None else "POST"
        with _deadline(timeout or self._timeout, f"{method} {path}") as by:
            return await self._send(method, path, by, body=body, key=key)

    @asynccontextmanager
    async def _turn(self, route: str, by: float) -> AsyncIterator[None]:
        """One of the connections. Raises ``Busy`` if none is free in time: nothing was sent then."""
        with ExitStack() as held:
            for turns in (self._own_turns, self._turns):
                try:
                    turns.acquire_nowait()
                except anyio.WouldBlock:
                    with anyio.CancelScope(deadline=by - TOO_LATE) as waiting:
                        await turns.acquire()
                    if waiting.cancelled_caught:
                        raise errors.Busy(f"{route} was not sent: too many others were under way") from None
                held.callback(turns.release)
            yield

    def _decode(
        self,
        answer: Answer,
        expect: type[T] | TypeAdapter[T],
        route: str,
        *,
        also: Sequence[int] = (),
        secrets: Sequence[str] = (),
    ) -> T:
        if answer.status in also:
            answer = replace(answer, status=200)
        adapter = expect if isinstance(expect, TypeAdapter) else TypeAdapter(expect)
        try:
            unread = getattr(expect, "unread", None)  # only wire models say so
            return decode(answer, adapter, route, (*_known(answer.asked_with), *secrets), unread)
        except (errors.KeyRefused, errors.RoleRefused) as error:
            error.hint = self._key_hint or error.hint
            raise

    async def _send(
        self,
        method: str,
        path: str,
        by: float,
        *,
        params: Query | None = None,
        body: Body | None = None,
        key: str | None = None,
        named: Mapping[str, str] | None = None,
    ) -> tuple[Answer, Mapping[str, str]]:
        route = f"{method} {path}"
        secret, header = (self._key.read(), self._key_header) if key is None else (SecretStr(key), "Authorization")
        headers = {**(named or {}), header: f"Bearer {reveal(secret)}"}
        given = {name: value for name, value in (params or {}).items() if value is not None}
        key_in_use = re.compile(rf"(?<![\w-]){re.escape(reveal(secret))}(?![\w-])")
        if any(key_in_use.search(str(part)) for part in (path, *given.values())):
            raise errors.InvalidArgument("An argument holds the LiteLLM key in use; nothing was sent")
        try:
            request = self._client.build_request(method, _address(path, given), json=body, headers=headers)
        except (ValueError, httpx.InvalidURL) as error:
            raise errors.InvalidArgument(f"An argument cannot be put into HTTP ({type(error).__name__})") from None
        try:
            async with self._turn(route, by):
                response = await self._client.send(request, stream=True)
                try:
                    content = await read_bounded(response, route)
                finally:
                    await response.aclose()
        except _NOT_SENT as error:
            self._lacks.clear()  # it may be restarting, as something newer
            raise errors.NeverSent(
                f"No connection to the LiteLLM proxy at {self.base_url} ({reason(error)})",
                hint="Is it running, and is LITELLM_BASE_URL right?",
            ) from error
        except httpx.TransportError as error:
            self._lacks.clear()  # it may be restarting, as something newer
            raise errors.Unreachable(f"The connection broke before {route} was answered ({reason(error)})") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise errors.ProxyBroken(f"{route} was answered with invalid HTTP ({type(error).__name__})") from error
        log.debug("%s -> %d, %d bytes", route, response.status_code, len(content))
        return Answer(response.status_code, content, _retry_after(response.headers), secret), response.headers


def _known(secret: SecretStr | None) -> tuple[str, ...]:
    return (reveal(secret),) if secret is not None else ()


async def _no_record(_: str) -> Mapping[str, str]:
    return {}


def _address(path: str, query: Mapping[str, str | int | float | bool]) -> str:
    """With ``%20`` for a blank: some routes of LiteLLM read ids from the raw address and take ``+`` for a plus."""
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return f"{path}?{urlencode(plain, quote_via=percent_encoded)}" if plain else path


@contextmanager
def _deadline(seconds: float, route: str) -> Iterator[float]:
    """Bound a request with all its attempts; gives the time of the loop at which it ends."""
    try:
        with anyio.fail_after(seconds) as scope:
            yield scope.deadline
    except TimeoutError as error:
        raise errors.TimedOut(
            f"The proxy did not answer {route} within {seconds:g} s", hint="STEWARD_TIMEOUT sets this limit."
        ) from error


def _passes_by_itself(error: errors.ProxyError) -> bool:
    """Whether a read is worth another attempt."""
    return isinstance(error, errors.Unreachable) or error.status in _PASSING_STATUS


def _pause(attempt: int, error: errors.ProxyError) -> float:
    """Seconds to wait: what the proxy asked for, else 0.2, 0.4, … with jitter."""
    if isinstance(error, errors.RateLimited) and error.retry_after is not None:
        return error.retry_after
    return 0.2 * 2.0 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret


def _patience() -> float:
    """Seconds that a pause may take; to sleep beyond the deadline would hide what the proxy said."""
    return min(LONGEST_PAUSE, anyio.current_effective_deadline() - anyio.current_time())


def _may_have_happened(error: errors.ProxyError) -> bool:
    """A lost or garbled answer says nothing about the change; a refusal says there was none."""
    if isinstance(error, errors.NeverSent):
        return False
    if isinstance(error, errors.NoDatabase):
        return error.lost
    return isinstance(error, errors.TimedOut | errors.Unreachable | errors.ProxyBroken)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a ``Retry-After`` header, which is a number or a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
