"""Secrets planted on purpose, and the search for them in all that leaves a process.

A canary is found in clear, percent-encoded, in base64, in hex, and in part: a text that was cut still holds
a piece of it.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

PIECE = 12
STRIDE = 4
"""Characters of a canary that are as good as the whole. What is shown of a key on purpose is shorter."""


@dataclass(frozen=True, order=True)
class Leak:
    """A kind of secret in a place where it must not be."""

    kind: str
    place: str


@dataclass
class Canaries:
    """Secrets by kind. ``allowed`` are the places where a kind has to be, because that is what it is for."""

    planted: dict[str, list[str]] = field(default_factory=dict)
    allowed: set[Leak] = field(default_factory=set)

    def plant(self, kind: str, value: str | None = None, *, prefix: str = "", may_be: Collection[str] = ()) -> str:
        """A secret of a kind: this one, or a new one."""
        value = value if value is not None else prefix + secrets.token_hex(12)
        assert len(value) >= PIECE, "too short to be told from a coincidence"
        self.planted.setdefault(kind, []).append(value)
        self.allowed |= {Leak(kind, place) for place in may_be}
        return value

    def found(self, heard: Mapping[str, bytes]) -> list[Leak]:
        """Every kind and place that do not belong together."""
        found = set[Leak]()
        for place, content in heard.items():
            lowered = content.lower()
            for kind, values in self.planted.items():
                leak = Leak(kind, place)
                if leak not in self.allowed and any(_holds(content, lowered, value) for value in values):
                    found.add(leak)
        return sorted(found)

    def told(self, leak: Leak, heard: Mapping[str, bytes]) -> str:
        """Where it was found, for whoever has to mend it."""
        lowered = heard[leak.place].lower()
        for value in self.planted[leak.kind]:
            for piece in (*_pieces(value.lower().encode()), *(form.lower() for form in _forms(value.encode()))):
                if (start := lowered.find(piece)) >= 0:
                    around = heard[leak.place][max(0, start - 80) : start + 40]
                    return f"{leak.kind} in {leak.place}: {around!r}"
        return str(leak)

    def report(self, heard: Mapping[str, bytes]) -> str:
        """What was looked for, and in how much."""
        kinds = ", ".join(self.planted)
        places = "; ".join(f"{place}: {len(content):,}" for place, content in heard.items())
        total = sum(map(len, heard.values()))
        return f"{len(self.planted)} kinds of secrets ({kinds}) looked for in {total:,} bytes ({places})"


def _holds(content: bytes, lowered: bytes, value: str) -> bool:
    if any(piece in lowered for piece in _pieces(value.lower().encode())):
        return True
    return any(form in content for form in _forms(value.encode()))


def _pieces(value: bytes) -> Iterator[bytes]:
    """Stretches of a canary that nothing else would hold; any cut of sixteen characters has one."""
    return (value[start : start + PIECE] for start in range(0, len(value) - PIECE + 1, STRIDE))


def _forms(value: bytes) -> Iterator[bytes]:
    yield quote(value, safe="").encode()
    yield value.hex().encode()
    for shift in range(3):  # where it begins within a group of three bytes
        for altchars in (b"+/", b"-_"):
            encoded = b64encode(b"\0" * shift + value, altchars=altchars).rstrip(b"=")
            yield encoded[2 if shift else 0 :][2 if shift else 0 : -2]
