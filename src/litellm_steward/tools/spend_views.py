"""What an agent sees of a spend report."""

from __future__ import annotations

from decimal import Decimal

from mcp.types import ResourceLink

from litellm_steward.text import count, money, money_digits, named, table
from litellm_steward.tools.blocks import UsageRow, note_lines, page_of, usage_table
from litellm_steward.tools.view import Answer, Name, View
from litellm_steward.usage.figures import column


class DriverRow(View):
    """One group's part of the change; ``rest`` where it is what the others leave of it."""

    name: Name
    change: float
    spend: float | None = None
    previous_spend: float | None = None
    rest: bool | None = None


class Comparison(View):
    """The period before, equally long, and what drove the change. Rows add up to ``change``."""

    start_date: str
    end_date: str
    spend: float
    change: float
    change_percent: float | None = None
    drivers: list[DriverRow]

    def line(self) -> str:
        sign = "+" if self.change >= 0 else ""
        percent = f" ({sign}{self.change_percent:.0f} %)" if self.change_percent is not None else ""
        more = f"{sign}{money(self.change)}" if self.change >= 0 else money(self.change)
        return f"Before, {self.start_date} to {self.end_date}: {money(self.spend)}; change {more}{percent}"

    def table(self) -> str | None:
        """Drivers whose printed money adds up to the printed change."""
        if not self.drivers:
            return None
        digits = money_digits(self.change)
        changes = column(
            [Decimal(str(row.change)) for row in self.drivers],
            Decimal(str(self.change)),
            Decimal(1).scaleb(-digits),
            rest=bool(self.drivers[-1].rest),
        )
        rows = [
            [
                row.name,
                f"{'+' if change > 0 else '-' if change < 0 else ''}${abs(change):,.{digits}f}",
                money(row.previous_spend) if row.previous_spend is not None else "-",
                money(row.spend) if row.spend is not None else "-",
            ]
            for row, change in zip(self.drivers, changes, strict=True)
        ]
        return table(["driven by", "change", "before", "now"], rows)


class CsvReport(View):
    """The table as a resource to read. Where it is not ``complete``, its last row is the rest."""

    uri: str
    rows: int
    complete: bool


class SpendReport(Answer):
    """Spend in whole UTC days by one or two dimensions; rows add up to the total."""

    start_date: str
    end_date: str
    of: Name
    group_by: list[str]
    spend: float
    total_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    api_requests: int
    successful_requests: int | None = None
    failed_requests: int | None = None
    rows: list[UsageRow]
    compared: Comparison | None = None
    csv: CsvReport | None = None
    source: list[str]
    notes: list[str]

    def text(self) -> str:
        span = self.start_date if self.start_date == self.end_date else f"{self.start_date} to {self.end_date}"
        tokens = f", {count(self.total_tokens, 'token')}" if self.total_tokens is not None else ""
        failed = f" ({count(self.failed_requests)} failed)" if self.failed_requests else ""
        return page_of(
            f"{named(self.of)}, {span} (UTC): {money(self.spend)}{tokens}, "
            f"{count(self.api_requests, 'request')}{failed}",
            usage_table(" / ".join(self.group_by), self.rows, self.spend),
            self.compared.line() if self.compared else None,
            self.compared.table() if self.compared else None,
            f"{'Complete table' if self.csv.complete else 'Table'}, {count(self.csv.rows, 'row')}: {self.csv.uri}"
            if self.csv
            else None,
            note_lines(self.notes),
        )

    def links(self) -> list[ResourceLink]:
        if self.csv is None:
            return []
        return [ResourceLink(type="resource_link", uri=self.csv.uri, name="spend report", mime_type="text/csv")]
