"""Arguments that a tool's schema allows, nearly allows, and does not allow at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import strategies as st

Schema = Mapping[str, Any]
Strategy = st.SearchStrategy[Any]

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
    "model": ("gpt-4o", "openai/gpt-4o", "recorded"),
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


HALVES: Final = st.text(st.characters(), max_size=30)
"""Of any characters, halves of one among them, which no UTF-8 holds."""


def arguments(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """For a whole call: good ones, good ones with something wrong, or what the schema says, nearly."""
    good = _good(schema)
    nearly = st.builds(_with_one_changed, good, _one_of_them(schema))
    return _weighted((5, good), (3, nearly), (2, _whatever(schema)))


def anything() -> Strategy:
    """Whatever JSON can hold, and a little more."""
    leaves = st.one_of(st.none(), *map(st.sampled_from, (NUMBERS, ODD_TEXTS)), st.integers(), st.floats(), HALVES)
    small = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | _objects(inner), max_leaves=6)
    return small | st.builds(_deep, leaves, st.sampled_from((3, 60, 150)), st.booleans())


def of_schema(schema: Schema) -> Strategy:
    """Values that a schema allows, and one in eight that it need not."""
    right = _KINDS.get(schema.get("type", ""), _untyped)(schema)
    if "enum" in schema:
        right = st.sampled_from(schema["enum"])
    return _weighted((7, right), (1, ANYTHING))


def _weighted(*choices: tuple[int, Strategy]) -> Strategy:
    """``one_of`` would count the branches of each choice for its own."""
    numbered = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.integers(0, len(numbered) - 1).flatmap(numbered.__getitem__)


@st.composite
def _good(draw: st.DrawFn, schema: Schema) -> dict[str, Any]:
    """What a tool takes, with few of the parameters that may be left out: not all go together."""
    known = [name for name in schema["properties"] if name in GOOD]
    required = [name for name in known if name in schema.get("required", ())]
    others = [name for name in known if name not in required]
    more = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
    return {name: draw(st.sampled_from(GOOD[name])) for name in (*required, *more)}


def _one_of_them(schema: Schema) -> Strategy:
    return st.one_of([st.tuples(st.just(name), of_schema(inner)) for name, inner in schema["properties"].items()])


def _with_one_changed(good: dict[str, Any], changed: tuple[str, Any]) -> dict[str, Any]:
    return {**good, changed[0]: changed[1]}


def _whatever(schema: Schema) -> Strategy:
    """Each parameter that is required, as a rule; others; and now and then one that does not exist."""
    each = {name: of_schema(inner) for name, inner in schema["properties"].items()}
    required = {name: each[name] for name in schema.get("required", ())}
    more = st.dictionaries(st.sampled_from((*BEYOND, *ODD_TEXTS)), ANYTHING, min_size=1, max_size=1)
    whole = st.fixed_dictionaries(required, optional={name: each[name] for name in each if name not in required})
    part = st.fixed_dictionaries({}, optional=each)
    return _weighted((7, whole), (1, part), (1, st.builds(dict.__or__, whole, more)))


def _texts(schema: Schema) -> Strategy:
    own = st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 50), 50))
    return _weighted((3, st.sampled_from(NAMES)), (1, st.sampled_from(ODD_TEXTS)), (1, own))


def _whole_numbers(schema: Schema) -> Strategy:
    return st.integers(schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum"))


def _numbers(schema: Schema) -> Strategy:
    return st.floats(schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum"), allow_nan=False)


def _lists(schema: Schema) -> Strategy:
    items = of_schema(schema.get("items", {}))
    return st.lists(items, min_size=schema.get("minItems", 0), max_size=schema.get("maxItems", 5)) | st.builds(
        lambda item: [item] * 40, items
    )


def _mappings(schema: Schema) -> Strategy:
    known = {name: of_schema(inner) for name, inner in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    own = st.fixed_dictionaries({}, optional=known)
    return own if more is False else st.builds(dict.__or__, own, _objects(of_schema(more) if more else ANYTHING))


def _untyped(_: Schema) -> Strategy:
    return ANYTHING


def _objects(inner: Strategy) -> Strategy:
    return st.dictionaries(st.one_of(st.sampled_from(NAMES), st.sampled_from(ODD_TEXTS), HALVES), inner, max_size=3)


def _deep(value: object, levels: int, lists: bool) -> object:
    for _ in range(levels):
        value = [value] if lists else {"a": value}
    return value


_KINDS: Final[Mapping[str, Callable[[Schema], Strategy]]] = {
    "string": _texts,
    "integer": _whole_numbers,
    "number": _numbers,
    "boolean": lambda _: st.booleans(),
    "array": _lists,
    "object": _mappings,
}
ANYTHING: Final = st.deferred(anything)
