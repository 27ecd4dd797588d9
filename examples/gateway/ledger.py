"""What the seed did, in full: the truth that answers are compared with."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SeededKey:
    """A key as it was issued. `user_id` and `team_id` are empty where the key has none."""

    alias: str
    raw: str
    hash: str
    team_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Call:
    """One chat call and what the proxy said of it; `user_id` is the key's owner at that moment."""

    user_id: str
    team_id: str
    key_alias: str
    key_hash: str
    model: str
    customer: str
    prompt_tokens: int
    completion_tokens: int
    spend: float
    ok: bool
    status: int
    model_id: str

    @property
    def total_tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that was made, by name, and every call."""

    version: str
    teams: Mapping[str, str]
    users: Mapping[str, str]
    customers: tuple[str, ...]
    models: Mapping[str, str]
    keys: Mapping[str, SeededKey]
    calls: tuple[Call, ...]
    notes: tuple[str, ...]

    def select(self, **wanted: object) -> tuple[Call, ...]:
        """The calls whose fields have these values: `select(user_id="alex_dev", ok=True)`."""
        return tuple(call for call in self.calls if all(getattr(call, name) == value for name, value in wanted.items()))

    def save(self, path: Path) -> None:
        """Write it as JSON that only its owner can read, since it holds keys."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(self), file, indent=1)

    @classmethod
    def load(cls, path: Path) -> "Ledger":
        """Read back what `save` wrote."""
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            version=stored["version"],
            teams=stored["teams"],
            users=stored["users"],
            customers=tuple(stored["customers"]),
            models=stored["models"],
            keys={alias: SeededKey(**key) for alias, key in stored["keys"].items()},
            calls=tuple(Call(**call) for call in stored["calls"]),
            notes=tuple(stored["notes"]),
        )
