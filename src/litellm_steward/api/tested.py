"""The LiteLLM releases that all tests passed on, and the day: written by ``make tested``, edited by nobody."""

from typing import Final

OLDEST: Final = (1, 83, 14)
LTS: Final = (1, 108, 14)
NEWEST: Final = (1, 110, 2)
DAY: Final = "2026-11-30"
