"""The authorization server's public keys: found through its metadata, kept for a while, and fetched again
when a token names a key that is not there. How often is bounded, whatever tokens name.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import anyio
import httpx
import jwt

from litellm_steward.addresses import is_this_machine
from litellm_steward.serving.gate import CannotVerify
from litellm_steward.serving.limits import Buckets
from litellm_steward.text import quote

FRESH: Final = 600.0
"""Seconds after which the keys are fetched again."""
USABLE: Final = 3600.0
"""Seconds for which old keys do while the authorization server does not answer."""
FETCHES_AT_ONCE: Final = 3
FETCHES_A_SECOND: Final = 1 / 30
PATIENCE: Final = 5.0
MAX_DOCUMENT: Final = 1 << 20

RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVE_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
"""Signatures whose keys are public. A shared secret, or none, is not among them."""


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IssuerKey:
    """A public key and the algorithms it may be used with: the key says so, never the token."""

    kid: str
    algorithms: tuple[str, ...]
    key: Any


class IssuerKeys:
    """The keys of one issuer."""

    def __init__(
        self,
        issuer: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._transport, self._clock = issuer, transport, clock
        self._keys: tuple[IssuerKey, ...] = ()
        self._fetched: float | None = None
        self._lock = anyio.Lock()
        self._fetches = Buckets(FETCHES_A_SECOND, FETCHES_AT_ONCE, clock)

    async def find(self, kid: str | None, algorithm: str) -> IssuerKey | None:
        """The key that a token's header means. Raises ``CannotVerify`` if the issuer's keys are not to be had."""
        found = self._fitting(kid, algorithm)
        if found is None or not self._younger_than(FRESH):
            await self._refresh(self._fetched)
            found = self._fitting(kid, algorithm)
        if not self._younger_than(USABLE):
            raise CannotVerify(f"The keys of {self._issuer} cannot be fetched")
        return found

    def _fitting(self, kid: str | None, algorithm: str) -> IssuerKey | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms and (kid is None or key.kid == kid)]
        return fitting[0] if len(fitting) == 1 else None  # without a name, only where there is no choice

    def _younger_than(self, seconds: float) -> bool:
        return self._fetched is not None and self._clock() - self._fetched < seconds

    async def _refresh(self, seen: float | None) -> None:
        """Fetch the keys, once for all who wait for them."""
        async with self._lock:
            if self._fetched != seen or self._fetches.take(""):
                return
            try:
                with anyio.fail_after(PATIENCE):
                    self._keys = await self._fetch()
            except (CannotVerify, httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
                said = error if isinstance(error, CannotVerify) else type(error).__name__
                log.warning("The keys of %s were not fetched: %s", self._issuer, said)
            else:
                self._fetched = self._clock()

    async def _fetch(self) -> tuple[IssuerKey, ...]:
        local = is_this_machine(urlsplit(self._issuer).hostname or "")
        async with httpx.AsyncClient(
            transport=self._transport,
            trust_env=not local,
            follow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "litellm-steward"},
        ) as client:
            url = await self._jwks_uri(client)
            if not url.startswith("https://") and not (local and is_this_machine(urlsplit(url).hostname or "")):
                raise CannotVerify("its jwks_uri is not an https:// URL")
            document = await _get(client, url)
        entries = document.get("keys") if document is not None else None
        if not isinstance(entries, list):
            raise CannotVerify("its jwks_uri has no keys")
        keys = tuple(filter(None, map(_issuer_key, cast("list[object]", entries))))
        if not keys:
            raise CannotVerify("none of its keys can be used")
        return keys

    async def _jwks_uri(self, client: httpx.AsyncClient) -> str:
        for url in metadata_urls(self._issuer):
            document = await _get(client, url)
            if document is None:
                continue
            if document.get("issuer") != self._issuer:
                raise CannotVerify(
                    f"it says that its issuer is {quote(str(document.get('issuer')))}; see STEWARD_OAUTH_ISSUER"
                )
            found = document.get("jwks_uri")
            if isinstance(found, str):
                return found
        raise CannotVerify("it has no metadata that names a jwks_uri")


def metadata_urls(issuer: str) -> Sequence[str]:
    """Where an issuer's metadata may be: RFC 8414, and OpenID Connect in both of its ways."""
    url = urlsplit(issuer)
    origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/")
    urls = [
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}/.well-known/openid-configuration{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    ]
    return list(dict.fromkeys(urls))


async def _get(client: httpx.AsyncClient, url: str) -> Mapping[str, object] | None:
    """A JSON object; ``None`` if there is none at this address."""
    content = bytearray()
    async with client.stream("GET", url) as response:
        if response.status_code >= 500:
            raise CannotVerify(f"HTTP {response.status_code}")
        if response.status_code != httpx.codes.OK:
            return None
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_DOCUMENT:
                raise CannotVerify("an answer of more than 1 MB")
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", document) if isinstance(document, dict) else None


def _issuer_key(entry: object) -> IssuerKey | None:
    """A key for signatures of a kind we take; other keys are none of our business."""
    if not isinstance(entry, dict):
        return None
    data = cast("dict[str, Any]", entry)
    algorithms = _algorithms(data)
    if not algorithms or data.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(data, algorithms[0]).key
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    return IssuerKey(str(data.get("kid", "")), algorithms, key)


def _algorithms(data: Mapping[str, Any]) -> tuple[str, ...]:
    curve = CURVE_ALGORITHMS.get(str(data.get("crv")))
    fitting = RSA_ALGORITHMS if data.get("kty") == "RSA" else (curve,) if curve is not None else ()
    named = data.get("alg")
    return fitting if named is None else tuple(name for name in fitting if name == named)
