"""Parameters that several tools share: one name, one meaning, one description; and how large each may be.

Every text, list and object of a tool's arguments has a bound, which a test asks of the whole catalog: what one call
may take of the process is known before it is made. ``sizes`` bounds what is nested in objects without a schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from litellm_steward.periods import PeriodName

NAME: Final = 300
"""Characters of a name, an id or an e-mail address. LiteLLM's own are shorter; a wrong one gets a clear answer."""

WORD: Final = 40
"""Characters of a date, a duration or a version."""

URL: Final = 2_000
CREDENTIAL: Final = 4_096
"""Characters of a provider's key; some are signed tokens."""

TOKEN: Final = 200
"""Characters of an approval token or a cursor."""

MODELS: Final = 200
MEMBERS: Final = 100
TEAMS: Final = 50
LABELS: Final = 50
PARAMETERS: Final = 50
"""How many models, members, teams, tags, labels and parameters one call may name."""

METADATA_BYTES: Final = 4_096
"""Bytes of metadata as JSON. Whoever lists keys or teams reads the metadata of all of them."""

KeyRef = Annotated[
    str, Field(min_length=1, max_length=NAME, description="Alias, raw sk-… key, hash, or masked sk-...a1b2")
]
TeamRef = Annotated[str, Field(min_length=1, max_length=NAME, description="Team alias or id")]
UserRef = Annotated[str, Field(min_length=1, max_length=NAME, description="User id, e-mail or alias")]

PeriodParam = Annotated[PeriodName | None, Field(description="UTC days; default last_30_days")]
StartDate = Annotated[
    str | None, Field(max_length=WORD, description="First day, YYYY-MM-DD; with end_date, instead of period")
]
EndDate = Annotated[str | None, Field(max_length=WORD, description="Last day, inclusive")]
Top = Annotated[int, Field(ge=1, le=50, description="Rows per breakdown")]

Kind = Literal["internal", "customer"]
"""An internal user owns keys; a customer (end user) is named in calls."""

MaxBudget = Annotated[float | None, Field(description="USD per budget_duration; leave out for no limit")]
BudgetDuration = Annotated[
    str | None, Field(max_length=WORD, description="daily, weekly, monthly, or 1h, 7d, 30d, 1mo")
]
Rpm = Annotated[int | None, Field(ge=0, description="Requests per minute")]
Tpm = Annotated[int | None, Field(ge=0, description="Tokens per minute")]
ModelName = Annotated[str, Field(max_length=NAME)]
Models = Annotated[
    list[ModelName] | None, Field(max_length=MODELS, description="Public model names; leave out for all")
]
Approval = Annotated[
    str | None, Field(max_length=TOKEN, description="Token from approval_required, once the user has agreed")
]
Tag = Annotated[str, Field(max_length=NAME)]


def _small(value: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """Bound what an object without a schema weighs, however it is nested."""
    if value is not None and len(json.dumps(value, default=str)) > METADATA_BYTES:
        raise ValueError(f"must be at most {METADATA_BYTES:,} bytes of JSON")
    return value


Metadata = Annotated[
    dict[str, object] | None,
    Field(max_length=LABELS, description="Labels, stored in clear"),
    AfterValidator(_small),
]
