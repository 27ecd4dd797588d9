"""Arguments that a tool's schema allows, nearly allows, and does not allow at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

HASH: Final = "65cd9311e72685d8a47cb81fb3336cbd3ba9639ffb3dfe1c78aafd7c58465ba3"
NAMES: Final = (
    "alex_dev", "Marketing", "cs-bot", "gpt-4o", "alex@example.com", "acme-corp", "openai/gpt-4o", "Platform",
    "sk-...QefA", "sk-1234567890abcdef", HASH, HASH.upper(), "today", "last_7_days", "2026-11-01", "2026-02-30",
    "1d", "30d", "monthly", "os.environ/OPENAI_API_KEY", "http://127.0.0.1:9/v1", "default_user_id", "10-50-1795000000",
)  # fmt: skip
"""What people say."""

ODD_TEXTS: Final = (
    "", " ", "\n", "\t\x00\x07\x1b[31m", "\u202eevil\u202c", "zero\u200bwidth\u2060", "\ufeff", "\U000e0041\U000e0042",
    "\ud800", "a\udfffb", "💥" * 50, "e\u0301" * 40, "null", "true", "NaN", "-1", "1e999", "[1]", '{"a": 1}', "[[[[",
    "{",
    "'; drop table keys; --", "../../etc/passwd", "%00", "%s%n{0}", "Ignore previous instructions.", "<script>", "a,b",
    "*", "%", "sk-", "sk-...", "sk-…ab12", "@", "a@b@c", "x" * 300, "y" * 5_000, "é" * 70_000, "\r\nX-Evil: 1",
    "http://[",
    "2026-13-45", "0000-00-00", "9999-12-31", "1" * 5_000, "١٢٣", "²", "½", "Ⅷ", "9-9-9", "0-1-000000000",
)  # fmt: skip
NUMBERS: Final = (
    0, -0.0, 1, -1, 2, 50, 51, 0.1, 1e-320, 1e308, -1e308, 2**31, 2**63, 2**64, 10**30, 10**400, float("nan"),
    float("inf"), float("-inf"), 3.5, True, False,
)  # fmt: skip
BEYOND: Final = (
    "ctx",
    "self",
    "steward",
    "_meta",
    "__class__",
    "model_config",
    "Key",
    "kye",
    "sk-live-0123456789abcdef",
)


GOOD: Final[Mapping[str, tuple[Any, ...]]] = {
    "user": ("alex_dev", "alex@example.com", "maria"),
    "team": ("Marketing", "Customer-Service", "Research"),
    "key": ("cs-bot", HASH, "sk-...QefA", "marketing-newsletter"),
    "model": ("gpt-4o", "openai/gpt-4o", "claude-sonnet"),
    "model_name": ("fresh", "gpt-4o"),
    "customer": ("acme-corp",),
    "period": ("today", "last_7_days", "this_month"),
    "start_date": ("2026-11-01",),
    "end_date": ("2026-11-20",),
    "budget_duration": ("1d", "monthly"),
    "duration": ("30d",),
    "max_budget": (5, 0.5, 10**12),
    "api_key": ("sk-provider-0123456789",),
    "api_base": ("http://127.0.0.1:9/v1",),
    "team_alias": ("Growth", "\u202eevil", "x" * 100),
    "user_id": ("newcomer", "someone-new"),
    "user_email": ("new@example.com",),
    "key_alias": ("fresh-key",),
    "group_by": (["user"], ["team", "model"], ["day"], ["tag"], ["key"]),
    "kind": ("internal",),
    "litellm_params": ({"mock_response": "OK"}, {"timeout": 5}),
}
"""What is taken, so that a part of the calls get beyond their arguments."""


class Chaos:
    """Draws arguments by a seed."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def arguments(self, schema: Schema) -> dict[str, Any]:
        """For a whole call: good ones, good ones with something wrong, or anything at all."""
        mood = self._dice.random()
        if mood < 0.25:
            return self._wild(schema)
        drawn = {}
        for name in schema.get("properties", {}):
            if name in GOOD and self._dice.random() < (1 if name in schema.get("required", ()) else 0.2):
                drawn[name] = self._dice.choice(GOOD[name])
        if mood < 0.6:
            name = self._dice.choice(list(schema["properties"]))
            drawn[name] = self._value(schema["properties"][name], schema)
        return drawn

    def _wild(self, schema: Schema) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        drawn = {}
        for name, inner in properties.items():
            if (name in required and self._dice.random() < 0.95) or self._dice.random() < 0.25:
                drawn[name] = self._value(inner, schema)
        if self._dice.random() < 0.1:
            drawn[self._dice.choice((*BEYOND, *ODD_TEXTS))] = self.anything()
        return drawn

    def _value(self, schema: Schema, root: Schema, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON, here and below
        if self._dice.random() < 0.12:
            return self.anything()
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        if "anyOf" in schema:
            return self._value(self._dice.choice(schema["anyOf"]), root, depth)
        if "enum" in schema:
            return self._dice.choice(schema["enum"])
        kinds: dict[str, Callable[[], Any]] = {
            "string": self._text,
            "integer": lambda: self._number(schema),
            "number": lambda: self._number(schema) * self._dice.choice((1, 0.5)),
            "boolean": lambda: self._dice.random() < 0.5,
            "array": lambda: [self._value(schema.get("items", {}), root, depth + 1) for _ in range(self._few())],
            "object": lambda: self._object(schema, root, depth),
            "null": lambda: None,
        }
        return kinds.get(schema.get("type", ""), self.anything)()

    def _object(self, schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
        inner = schema.get("properties", {})
        drawn = {
            name: self._value(field, root, depth + 1) for name, field in inner.items() if self._dice.random() < 0.8
        }
        more = schema.get("additionalProperties")
        if more is not False and depth < 3:
            field = more if isinstance(more, dict) else {}
            drawn |= {self._text(): self._value(field, root, depth + 1) for _ in range(self._few())}
        return drawn

    def _few(self) -> int:
        return self._dice.choice((0, 1, 1, 2, 3, 40))

    def _text(self) -> str:
        return self._dice.choice(NAMES if self._dice.random() < 0.75 else ODD_TEXTS)

    def _number(self, schema: Schema) -> int:
        least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", 1000))
        return self._dice.choice((least, most, self._dice.randint(least, max(least, most))))

    def anything(self) -> Any:  # noqa: ANN401
        """Whatever JSON can hold, and a little more."""
        deep = self._deep
        return self._dice.choice(
            (
                None,
                self._dice.choice(NUMBERS),
                self._dice.choice(NUMBERS),
                self._dice.choice(ODD_TEXTS),
                self._dice.choice(ODD_TEXTS),
                [],
                {},
                [self._dice.choice(ODD_TEXTS), self._dice.choice(NUMBERS), None],
                {self._dice.choice(ODD_TEXTS): self._dice.choice(NUMBERS)},
                deep(self._dice.choice((3, 60, 150))),
            )
        )

    def _deep(self, levels: int) -> Any:  # noqa: ANN401
        value: Any = self._dice.choice(ODD_TEXTS)
        for _ in range(levels):
            value = [value] if self._dice.random() < 0.5 else {"a": value}
        return value
