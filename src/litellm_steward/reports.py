"""Complete tables as CSV, kept for a while so that a client can fetch what an answer only points at."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from litellm_steward.errors import NotFound
from litellm_steward.text import quote, scrub

TEMPLATE: Final = "litellm-steward://reports/{report_id}"
KEPT: Final = 8
"""Reports in memory; the oldest goes when another comes."""

_FORMULA: Final = re.compile(r"((?:^|[,;|\t\r\n])[\s\"'“”„]*)(?=[=+\-@＝＋－＠﹣﹢﹦﹫−])")
"""Where a spreadsheet may begin a cell with a formula: the separator depends on the reader's country, and spreadsheets
take the full-width signs for the plain ones."""


@dataclass
class Reports:
    """The last few reports, by an id that cannot be guessed."""

    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def keep(self, content: str) -> str:
        """Keep a report and return its URI."""
        report_id = secrets.token_urlsafe(12)
        self._kept[report_id] = content
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return TEMPLATE.replace("{report_id}", report_id)

    def read(self, report_id: str) -> str:
        try:
            return self._kept[report_id]
        except KeyError:
            raise NotFound(
                f"There is no report {quote(scrub(report_id))}",
                hint=f"Only the last {KEPT} are kept; ask for it again.",
            ) from None


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV that a spreadsheet takes for text and figures, never for formulas.

    Text is in quotation marks, so that no separator in it begins another cell.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    """An apostrophe before what could be a formula makes it text."""
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
