"""Where too many are called alike to look at all of them, nobody says that there is none."""

from __future__ import annotations

import httpx
import pytest
import respx

from litellm_steward.errors import Undecided
from litellm_steward.references.keys import resolve_key
from litellm_steward.references.teams import resolve_team
from litellm_steward.references.users import resolve_user
from tests.stage import steward_at
from tests.tape import BASE_URL

pytestmark = pytest.mark.asyncio


def page(request: httpx.Request) -> httpx.Response:
    """A full page of a list that does not end, of none that has just this name."""
    number = int(request.url.params.get("page", 1))
    names = [f"danish-{number}-{row}" for row in range(100)]
    if request.url.path == "/user/list":
        asked = "user_ids" in request.url.params
        rows = [] if asked else [{"user_id": name, "user_email": f"{name}-dan@corp.example"} for name in names]
        return httpx.Response(200, json={"users": rows, "total": 0 if asked else 5_000})
    if request.url.path == "/v2/team/list":
        teams = [] if "team_id" in request.url.params else [{"team_id": n, "team_alias": f"{n} dan"} for n in names]
        return httpx.Response(200, json={"teams": teams, "total": 5_000, "total_pages": 50})
    keys = [{"token": "0" * 60 + f"{row:04}", "key_alias": f"{name}-dan"} for row, name in enumerate(names)]
    return httpx.Response(200, json={"keys": keys, "total_count": 5_000, "total_pages": 50})


@pytest.mark.parametrize(
    ("resolve", "reference", "said"),
    [
        (resolve_user, "dan@corp.example", "5,000 users have e-mail addresses that contain 'dan@corp.example'"),
        (resolve_team, "dan", "more than 1,000 teams contain 'dan'"),
        (resolve_key, "dan", "The aliases of 5,000 keys contain 'dan'"),
    ],
)
async def test_it_is_said(resolve: object, reference: str, said: str) -> None:
    with respx.mock(assert_all_called=False) as router:
        router.get(url__startswith=BASE_URL).mock(side_effect=page)
        with pytest.raises(Undecided, match="too many to look for the one that is meant") as caught:
            await resolve(steward_at(BASE_URL).proxy, reference)  # type: ignore[operator]
    assert said in str(caught.value)
    assert "There is no" not in str(caught.value)
