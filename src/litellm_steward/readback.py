"""What the proxy stored, against what it was asked to store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from litellm_steward.text import as_value


def stored_otherwise(asked: Mapping[str, object], stored: object, names: Iterable[str]) -> list[str]:
    """A note for each field that is not as asked: the proxy's defaults may fill it, its upper bounds cut it."""
    return [
        f"The proxy stored {name}={as_value(getattr(stored, name))} where {as_value(asked.get(name))} was asked."
        for name in names
        if getattr(stored, name) != asked.get(name)
    ]
