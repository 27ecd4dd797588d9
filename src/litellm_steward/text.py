"""Text that crosses the trust boundary: cleaning, quoting, masking, scrubbing, figures and tables.

Every string the proxy returns may have been written by someone who hopes a model will obey it.
``clean`` makes such a string harmless to read, ``quote`` makes it recognisable as somebody's
words inside a sentence, and ``scrub`` takes credentials out of error texts.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

MAX_NAME = 120
MAX_DETAIL = 400
MAX_ID = 300
"""Characters of an id, which is shown whole: it is what a thing can be named by when its name is cut."""

MOST_PLAIN = 80
_PLAIN = re.compile(r"(?:[\w@+()&/-]|\.(?! )|:(?=[\w/]))+(?: (?:[\w@+()&/-]|\.(?! )|:(?=[\w/]))+){0,2}")
"""What looks like a name: up to three words, and no sign that ends a sentence or a heading."""


_HASH = re.compile(r"[0-9a-f]{64}")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
"""Unicode categories a reader cannot see: controls, bidi and zero-width marks, tag characters, private use."""
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
"""What those categories leave out and fonts draw as nothing: Unicode's Default_Ignorable_Code_Point, and two blanks."""
MAX_MARKS = 4
"""Combining marks on one letter. No language needs more; a heap of them covers the lines around it."""
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|\](?=[(\[])")
"""The start of an HTML tag or an automatic link, and what makes a Markdown link or image out of two brackets."""

# What looks like a credential in somebody's error text. Long values first, so that a key inside a
# header or a URL goes whole. Every repetition that could begin anywhere is bounded: a hostile text
# must not make the search quadratic.
_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s{1,8}[a-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@:]{1,200}:[^\s/@]{1,200}@"),
    re.compile(
        r"(?i)([\"']?\b[\w-]{0,40}(?:api[_-]?key|secret|token|password|passwd|authorization)[\"']?\s{0,8}[:=]\s{0,8})"
        r"[\"']?[^\s\"',;}&]{6,}[\"']?"
    ),
    re.compile(r"(?i)([?&](?:key|api[_-]?key|token|sig|signature|code)=)[^\s&\"']+"),
)
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk|gsk|xai|pplx|hf|glpat|ghp|gho|ghs|xox[a-z]|key|ya29|r8|fw|nvapi|tvly|co)"
    # a whole key, or one masked with asterisks; codestral-2501, key-20261121-c0ffee are names
    r"[-_.](?:(?=[A-Za-z0-9_.-]{0,200}[0-9])[A-Za-z0-9_.-]{16,}|(?=[A-Za-z0-9_.-]{0,200}\*)[A-Za-z0-9*_.-]{8,})"
    r"|(?:AIza|AKIA|ASIA)[A-Za-z0-9*_.-]{8,}"
    r"|sk-[A-Za-z0-9*_.-]{4,}"
    r"|eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_.-]+"
    r")"
)
_KEY_INSIDE = re.compile(r"(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}")
MAX_SCRUBBED = 50_000
"""Characters of an error text that are looked at; the rest is dropped, as nothing shows that much."""

HIDDEN = "[hidden]"


def clean(text: str, limit: int = MAX_NAME) -> str:
    """Fold white space, drop what cannot be seen and what Markdown would render, bound the length.

    Safe to show; still untrusted.
    """
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text and not _MARKUP.search(text):
        return text.strip(" ")  # nearly every name
    seen = _without_markup(re.sub(r" {2,}", " ", visible(re.sub(r"\s+", " ", text[: limit * 8]))).strip())
    return seen if len(seen) <= limit else seen[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """Without what cannot be seen: a letter split by it would pass a search for names or keys. Line breaks stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    kept = [c for c in _BLANK.sub("", text) if c in "\n\t\r" or unicodedata.category(c) not in _INVISIBLE]
    return "".join(_without_heaps(kept))


def _without_heaps(letters: Iterable[str]) -> Iterator[str]:
    marks = 0
    for letter in letters:
        marks = marks + 1 if unicodedata.combining(letter) or unicodedata.category(letter) == "Me" else 0
        if marks <= MAX_MARKS:
            yield letter


def _without_markup(text: str) -> str:
    """So that a host that renders Markdown makes no link, image or tag of somebody's name, and asks no address."""
    return _MARKUP.sub(lambda found: "‹" if found[0] == "<" else "] ", text)


def quote(text: str, limit: int = MAX_NAME) -> str:
    """Somebody's words inside a sentence of ours: cleaned and in quotation marks it cannot close."""
    return "'" + clean(text, limit).replace("'", "’") + "'"


def named(name: str) -> str:
    """A name where nothing but its looks tells it from our own words: quoted, unless it looks like a name."""
    return name if len(name) <= MOST_PLAIN and _PLAIN.fullmatch(name) else quote(name, MAX_ID)


def as_value(value: object) -> str:
    """A setting as the proxy stored it, inside a sentence: a number as it is, text in quotation marks."""
    if value is None or value in ([], {}):
        return "nothing"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return quote(value if isinstance(value, str) else json.dumps(value, default=str))


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Remove credentials: the given ones, and whatever has the shape of one.

    What cannot be seen goes first: a zero-width character in a key would hide it from this search, and whoever cleans
    the text afterwards would put it together again.
    """
    text = visible(text[:MAX_SCRUBBED])
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    text = _SECRETS[0].sub(rf"\1 {HIDDEN}", text)
    for pattern in _SECRETS[1:]:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    text = _TOKENS.sub(HIDDEN, text)
    return _HASH.sub(HIDDEN, text)


def hash_key(raw: str) -> str:
    """LiteLLM's id of a virtual key: the sha256 of the raw key, in hex."""
    return hashlib.sha256(raw.encode()).hexdigest()


def is_key_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


def is_raw_key(text: str) -> bool:
    """A whole ``sk-`` key, not its masked form."""
    return text.startswith("sk-") and not is_masked_key(text)


def holds_key(text: str) -> bool:
    """Whether a text is a raw key, or has one in it: not for a URL, a log or an error message."""
    seen = visible(text[:MAX_SCRUBBED])
    return is_raw_key(seen.strip()) or _KEY_INSIDE.search(seen) is not None


def is_masked_key(text: str) -> bool:
    """``sk-...a1b2``, as LiteLLM shows a key; an ellipsis character or asterisks do as well."""
    return re.fullmatch(r"sk-(?:\.{2,}|…|\*{2,})[A-Za-z0-9_-]{2,8}", text) is not None


def masked_tail(text: str) -> str:
    """The visible end of a masked key."""
    return re.split(r"[.…*]+", text)[-1]


def mask_key(raw: str) -> str:
    """LiteLLM's masked form of a raw key."""
    return f"sk-...{raw[-4:]}"


def short_id(text: str) -> str:
    """An id short enough for a sentence, long enough to recognise."""
    return text if len(text) <= 12 else f"{text[:8]}…"


# ---- figures -----------------------------------------------------------------------------------


def money_digits(usd: float) -> int:
    """Decimals to print: cents, and more only where cents would hide the amount."""
    amount = abs(usd)
    return 2 if amount == 0 or amount >= 0.095 else 4 if amount >= 0.00095 else 8


def money(usd: float) -> str:
    """``$0.85``, ``-$12.00``, ``$0.0003``."""
    amount = abs(Decimal(str(usd)))  # rounded as it reads, so that a column rounded the same way adds up to it
    return f"{'-' if usd < 0 else ''}${amount:,.{money_digits(usd)}f}"


def count(number: float, noun: str = "", plural: str | None = None) -> str:
    """``1 request``, ``12,450 tokens``."""
    shown = f"{number:,.0f}"
    if not noun:
        return shown
    return f"{shown} {noun if number == 1 else plural or noun + 's'}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up: the first to the left, the figures to the right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first, *rest = (cell.replace("|", "¦") for cell in row)
        shown = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        return "| " + " | ".join(shown) + " |"

    return "\n".join(line(row) for row in cells)


def sentence_list(items: Sequence[str], limit: int = 5) -> str:
    """``a, b and 3 more``."""
    if len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"
