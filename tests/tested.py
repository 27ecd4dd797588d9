"""Write down which LiteLLM releases the tests passed on, and when: ``make tested`` runs this after them.

``src/litellm_steward/api/tested.py`` and the README say it; a unit test holds both to the example gateway's releases.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from examples.gateway import LTS, NEWEST, OLDEST
from examples.gateway.settings import release

ROOT: Final = Path(__file__).parents[1]
MODULE: Final = ROOT / "src" / "litellm_steward" / "api" / "tested.py"
README: Final = ROOT / "README.md"
VERSIONS: Final = r"[\d.]+, [\d.]+ and [\d.]+ \(on [\d-]+\)"


def module(day: str) -> str:
    """The module's text."""
    head, _, _ = MODULE.read_text(encoding="utf-8").partition("OLDEST: Final")
    names = {"OLDEST": OLDEST, "LTS": LTS, "NEWEST": NEWEST}
    lines = [f"{name}: Final = {release(version)}\n" for name, version in names.items()]
    return f'{head}{"".join(lines)}DAY: Final = "{day}"\n'


def readme(day: str) -> str:
    """The README's text, which says it in its section on releases and in the screen of ``check``."""
    text = README.read_text(encoding="utf-8")
    text = re.sub(f"with LiteLLM {VERSIONS}", f"with LiteLLM {OLDEST}, {LTS} and {NEWEST} (on {day})", text)
    screen = f"ok     LiteLLM      {NEWEST} (tested with {OLDEST} to {NEWEST} on {day})"
    return re.sub(r"(?m)^ok     LiteLLM      .*$", screen, text)


if __name__ == "__main__":
    today = datetime.now(UTC).date().isoformat()
    MODULE.write_text(module(today), encoding="utf-8")
    README.write_text(readme(today), encoding="utf-8")
