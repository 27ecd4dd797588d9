"""Parameters that several tools share: one name, one meaning, one description."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from litellm_steward.periods import PeriodName

KeyRef = Annotated[
    str, Field(min_length=1, max_length=300, description="Alias, raw sk-… key, hash, or masked sk-...a1b2")
]
TeamRef = Annotated[str, Field(min_length=1, max_length=300, description="Team alias or id")]
UserRef = Annotated[str, Field(min_length=1, max_length=300, description="User id, e-mail or alias")]

PeriodParam = Annotated[PeriodName | None, Field(description="UTC days; default last_30_days")]
StartDate = Annotated[str | None, Field(description="First day, YYYY-MM-DD; with end_date, instead of period")]
EndDate = Annotated[str | None, Field(description="Last day, inclusive")]
Top = Annotated[int, Field(ge=1, le=50, description="Rows per breakdown")]

Kind = Literal["internal", "customer"]
"""An internal user owns keys; a customer (end user) is named in calls."""

MaxBudget = Annotated[float | None, Field(description="USD per budget_duration; leave out for no limit")]
BudgetDuration = Annotated[str | None, Field(description="daily, weekly, monthly, or 1h, 7d, 30d, 1mo")]
Rpm = Annotated[int | None, Field(ge=0, description="Requests per minute")]
Tpm = Annotated[int | None, Field(ge=0, description="Tokens per minute")]
Models = Annotated[list[str] | None, Field(description="Public model names; leave out for all")]
Approval = Annotated[str | None, Field(description="Token from approval_required, once the user has agreed")]
