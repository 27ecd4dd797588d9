"""Access tokens of an authorization server: JWTs (RFC 9068), verified here and passed on to nobody."""

from __future__ import annotations

from typing import Any, Final

import jwt

from litellm_steward.callers import Principal
from litellm_steward.serving.issuer_keys import CURVE_ALGORITHMS, RSA_ALGORITHMS, IssuerKeys

ALGORITHMS: Final = frozenset({*RSA_ALGORITHMS, *CURVE_ALGORITHMS.values()})
TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
"""RFC 9068 asks for the first; many servers still write the last."""

CLOCK_SKEW: Final = 30.0
REQUIRED: Final = ("iss", "aud", "exp", "sub")


class AccessTokens:
    """Verifies tokens that this issuer made for this resource."""

    def __init__(self, issuer: str, resource: str, keys: IssuerKeys) -> None:
        self._issuer, self._keys = issuer, keys
        # A client may write the resource with or without the slash at its end.
        self._audience = (resource, resource.rstrip("/"), f"{resource.rstrip('/')}/")

    async def verify(self, token: str) -> Principal | None:
        try:
            header = jwt.get_unverified_header(token)
            self._claims(token, None, ())  # what is not even said to be for us costs no request and no arithmetic
        except jwt.PyJWTError:
            return None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            return None
        if str(header.get("typ", "jwt")).lower() not in TYPES or "crit" in header:
            return None
        key = await self._keys.find(kid, algorithm)
        if key is None:
            return None
        try:
            claims = self._claims(token, key.key, key.algorithms)
        except jwt.PyJWTError:
            return None
        subject = claims["sub"]
        identity = f"oauth:{subject}"
        return Principal(subject, identity, scopes_of(claims), proven=identity) if subject else None

    def _claims(self, token: str, key: Any, algorithms: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401 - jwt's
        """The claims, checked; the signature as well where there is a key."""
        return jwt.decode(
            token,
            key=key,
            algorithms=list(algorithms),
            audience=self._audience,
            issuer=self._issuer,
            leeway=CLOCK_SKEW,
            options={
                "verify_signature": key is not None,
                "enforce_minimum_key_length": True,
                "require": list(REQUIRED),
                "verify_exp": True,
                "verify_nbf": True,
                "verify_iat": True,
                "verify_aud": True,
                "verify_iss": True,
                "verify_sub": True,
            },
        )


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """RFC 9068's ``scope``, or the ``scp`` that some servers write; as one text or as a list."""
    said = claims.get("scope", claims.get("scp", ""))
    words = said if isinstance(said, list) else str(said).split()
    return frozenset(word for word in words if isinstance(word, str))
