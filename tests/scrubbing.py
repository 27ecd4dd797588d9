"""What may not stand in a recording, and what stands there instead.

Every raw key that a proxy ever told is replaced by an invented one, its hash by the invented key's
hash and its mask by the invented key's mask, so that a test can hash, mask and send keys as the
product does. Ids that differ from one gateway to the next become fixed ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.tape import MASTER_KEY

_RAW_KEY: Final = re.compile(r"sk-[A-Za-z0-9_-]{16,}")
_PATH: Final = re.compile(r"(?:/[\w.+-]+)+/(?=site-packages/|litellm/|lib/python)")
_ADDRESS: Final = re.compile(r"127\.0\.0\.1:\d{4,5}")
_LISTED: Final = {MASTER_KEY, "sk-example-provider-secret", "sk-ant-example-provider-secret"}
"""Secrets of the example gateway's own configuration: invented as they are."""


def invented_key(name: str) -> str:
    """The raw key that stands for the real key called ``name``."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "key"
    return f"sk-recorded-{slug}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def invented_hash(name: str) -> str:
    return hashlib.sha256(invented_key(name).encode()).hexdigest()


def invented_team(number: int) -> str:
    """The id that stands for the gateway's n-th team."""
    return f"7ea30000-0000-4000-8000-{number:012d}"


class Scrubber:
    """Replaces what was real by what is invented, everywhere in an exchange."""

    def __init__(self, keys: Mapping[str, str], teams: Iterable[str]) -> None:
        self._instead: dict[str, str] = {}
        for name, raw in keys.items():
            self.learn(name, raw)
        for number, team_id in enumerate(teams, start=1):
            self._instead[team_id] = invented_team(number)

    def learn(self, name: str, raw: str) -> None:
        """A key and everything that can be derived from it."""
        fake = invented_key(name)
        self._instead |= {
            raw: fake,
            hashlib.sha256(raw.encode()).hexdigest(): hashlib.sha256(fake.encode()).hexdigest(),
            f"sk-...{raw[-4:]}": f"sk-...{fake[-4:]}",
        }

    def scrub(self, recorded: Any) -> Any:  # noqa: ANN401 - JSON
        text = json.dumps(recorded, ensure_ascii=False)
        for real, fake in self._instead.items():
            text = text.replace(json.dumps(real)[1:-1], json.dumps(fake)[1:-1])
        text = _ADDRESS.sub("127.0.0.1:4000", _PATH.sub("/app/", text))
        left = {raw for raw in _RAW_KEY.findall(text) if not raw.startswith("sk-recorded-")} - _LISTED
        if left:
            raise ValueError(f"{len(left)} unknown keys would be recorded, such as {min(left)[:6]}…")
        return json.loads(text)


def keys_told(name: str, answer: object) -> dict[str, str]:
    """Raw keys in an answer to ``/key/generate`` or ``/user/new``, by what to call them."""
    raw = answer.get("key") if isinstance(answer, dict) else None
    alias = answer.get("key_alias") or answer.get("user_id") if isinstance(answer, dict) else None
    return {str(alias or name): raw} if isinstance(raw, str) and _RAW_KEY.fullmatch(raw) else {}
