"""Waits until the proxy has written the calls into its daily tables.

It collects them in memory and writes in batches.
"""

import time
from collections.abc import Sequence
from typing import Final

from . import postgres
from .company import CALLS
from .errors import GatewayError
from .gateway import Running
from .ledger import Call

PATIENCE: Final = 90.0
PAUSE: Final = 0.5
CALM: Final = 4
"""Looks without a change before failed calls, which not every version books, count as booked."""

_BOOKED: Final = """
SELECT (SELECT coalesce(sum(successful_requests), 0) FROM "LiteLLM_DailyUserSpend"),
       (SELECT coalesce(sum(successful_requests), 0) FROM "LiteLLM_DailyTeamSpend" WHERE team_id <> ''),
       (SELECT round(coalesce(sum(spend), 0)::numeric, 6) FROM "LiteLLM_VerificationToken"),
       (SELECT count(*) FROM "LiteLLM_SpendLogs"),
       (SELECT coalesce(sum(api_requests), 0) FROM "LiteLLM_DailyUserSpend"),
       (SELECT coalesce(sum(api_requests), 0) FROM "LiteLLM_DailyTagSpend"),
       (SELECT round(coalesce(sum(spend), 0)::numeric, 6) FROM "LiteLLM_EndUserTable")
"""


def wait(running: Running, made: Sequence[Call]) -> None:
    """Return when users, teams, tags and keys carry all successful calls and nothing moves any more."""
    server = postgres.server_of(running.home)
    database = running.dsn.rpartition("dbname=")[2]
    answered = [call for call in made if call.ok]
    of_teams = sum(1 for call in answered if call.team_id)
    tagged = sum(batch.count * len(batch.tags) for batch in CALLS)
    spent = round(sum(call.spend for call in answered), 6)
    deadline = time.monotonic() + PATIENCE
    before: list[str] = []
    calm = 0
    while time.monotonic() < deadline:
        now = postgres.query(server, database, _BOOKED)[0]
        counted = int(now[0]) >= len(answered) and int(now[1]) >= of_teams and int(now[5]) >= tagged
        complete = counted and abs(float(now[2]) - spent) < 0.0001
        calm = calm + 1 if complete and now == before else 0
        if calm >= CALM:
            return
        before = now
        time.sleep(PAUSE)
    raise GatewayError(
        f"The proxy booked {before} within {PATIENCE:.0f} s, where {len(answered)} calls, {of_teams} of them by teams, "
        f"and ${spent} were expected."
    )
