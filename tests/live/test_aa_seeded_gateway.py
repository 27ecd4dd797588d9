"""The example gateway books what its ledger says it booked: first, before other tests add to the books."""

import http.client
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from examples.gateway import UPSTREAM_API_KEY, Call, FakeUpstream, Gateway, Ledger, Running
from examples.gateway.calls import Admin, chat, request
from tests.live.conftest import SOMEBODYS_KEY
from tests.live.harness import Seeded

pytestmark = pytest.mark.live


@dataclass
class Figures:
    """What a table and the ledger must agree on."""

    requests: int = 0
    succeeded: int = 0
    completion_tokens: int = 0
    prompt_tokens: int = 0
    spend: float = 0.0


def of_calls(calls: tuple[Call, ...], name: Callable[[Call], str]) -> dict[str, Figures]:
    """The ledger's calls added up by something."""
    sums: dict[str, Figures] = defaultdict(Figures)
    for call in calls:
        figures = sums[name(call)]
        figures.requests += 1
        figures.succeeded += call.ok
        figures.prompt_tokens += call.prompt_tokens
        figures.completion_tokens += call.completion_tokens
        figures.spend += call.spend
    return sums


def of_table(gateway: Seeded, table: str, column: str) -> dict[str, Figures]:
    """A daily table added up by a column. Prompt tokens are those of calls that succeeded: a release may book a failed
    call with the tokens it counted before."""
    question = f"""
        SELECT coalesce("{column}", ''), sum(api_requests)::int, sum(successful_requests)::int,
               sum(completion_tokens)::int,
               coalesce(sum(prompt_tokens) FILTER (WHERE successful_requests > 0), 0)::int, sum(spend)
        FROM "{table}" GROUP BY 1
    """  # noqa: S608  # our own names
    return {str(row[0]): Figures(*row[1:]) for row in gateway.sql(question)}


def assert_agree(booked: dict[str, Figures], made: dict[str, Figures]) -> None:
    """Equal counts, and spend equal to a ten-thousandth of a dollar."""
    assert set(booked) == set(made)
    for name, figures in made.items():
        assert booked[name].spend == pytest.approx(figures.spend, abs=1e-4), name
        booked[name].spend = figures.spend
        assert booked[name] == figures, name


def test_every_user_is_booked_as_the_ledger_says(gateway: Seeded) -> None:
    booked = of_table(gateway, "LiteLLM_DailyUserSpend", "user_id")
    assert_agree(booked, of_calls(gateway.ledger.calls, lambda call: call.user_id))


def test_every_team_is_booked_as_the_ledger_says(gateway: Seeded) -> None:
    booked = of_table(gateway, "LiteLLM_DailyTeamSpend", "team_id")
    booked.setdefault("", Figures())
    assert_agree(booked, of_calls(gateway.ledger.calls, lambda call: call.team_id))


def test_every_model_is_booked_as_the_ledger_says(gateway: Seeded) -> None:
    booked = of_table(gateway, "LiteLLM_DailyUserSpend", "model_group")
    made = of_calls(gateway.ledger.calls, lambda call: "" if call.model == "gpt-imaginary" else call.model)
    assert_agree(booked, made)


def test_the_story_holds(gateway: Seeded) -> None:
    ledger = gateway.ledger
    alex = ledger.select(user_id="alex_dev")
    assert (len(alex), sum(not call.ok for call in alex)) == (45, 1)
    assert sum(call.spend for call in alex) == pytest.approx(0.85, abs=0.01)
    marketing = ledger.select(team_id=ledger.teams["Marketing"])
    devin = sum(call.spend for call in marketing if call.user_id == "devin")
    assert 0.65 < devin / sum(call.spend for call in marketing) < 0.75
    assert ledger.teams["Platform"] != ledger.teams["Platform (2)"]
    unpriced = ledger.select(model="llama-local", ok=True)
    assert unpriced
    assert all(call.total_tokens and not call.spend for call in unpriced)


def test_the_ledger_is_kept_for_its_owner_only(gateway: Seeded) -> None:
    kept = gateway.running.log_path.parent / "ledger.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert Ledger.load(kept) == gateway.ledger


def test_keys_are_what_became_of_them(gateway: Seeded) -> None:
    keys = gateway.ledger.keys

    def lets_in(alias: str) -> bool:  # a question that is not booked
        return request(gateway.running.base_url, "GET", "/v1/models", key=keys[alias].raw).ok

    assert lets_in("cs-bot")
    for alias in ("old-contractor", "trial-key", "departed"):
        assert not lets_in(alias), alias
    owner = gateway.sql('SELECT user_id FROM "LiteLLM_VerificationToken" WHERE key_alias = %s', "handed-over")
    assert owner == [("priya",)]
    assert keys["handed-over"].user_id == "maria"


def test_the_default_fallback_is_live(gateway: Seeded) -> None:
    body = {"model": "legacy-assistant-eu", "messages": [{"role": "user", "content": "Hello"}]}
    answer = request(gateway.running.base_url, "POST", "/chat/completions", body, key=gateway.running.master_key)
    assert answer.ok, answer.error
    assert answer.body["choices"][0]["message"]["content"] == "Hello from gpt-3.5-turbo"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's own tables")
def test_it_listens_on_the_loopback_only(gateway: Seeded) -> None:
    port = urlsplit(gateway.running.base_url).port or 0
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    rows += Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
    listening = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's own files")
def test_nothing_of_the_callers_environment_leaks(gateway: Seeded) -> None:
    environment = Path(f"/proc/{gateway.running.pid}/environ").read_text(encoding="utf-8")
    assert SOMEBODYS_KEY not in environment
    assert f"UPSTREAM_API_KEY={UPSTREAM_API_KEY}" in environment


def test_up_again_finds_what_runs(gateway: Seeded) -> None:
    running = gateway.running
    again = Gateway(running.version, urlsplit(running.base_url).port).up()
    assert again == running


def test_a_model_reaches_the_fake_upstream(gateway: Seeded) -> None:
    running = gateway.running
    admin = Admin(running.base_url, running.master_key)
    with FakeUpstream() as upstream:
        parameters = {"model": "openai/real", "api_base": upstream.base_url}
        # The oldest release would send the reference as it is written.
        right = {**parameters, "api_key": UPSTREAM_API_KEY if gateway.is_oldest else "os.environ/UPSTREAM_API_KEY"}
        wrong = {**parameters, "api_key": "sk-wrong-key-1234567890"}
        made = [
            admin.post("/model/new", model_name=name, litellm_params=of)["model_id"]
            for name, of in (("right", right), ("wrong", wrong))
        ]

        answer = chat(running.base_url, running.master_key, "right")
        assert answer.body["choices"][0]["message"]["content"] == "Hello from upstream"
        assert upstream.headers[-1]["authorization"] == f"Bearer {UPSTREAM_API_KEY}"
        assert "data: [DONE]" in streamed(running, "right")

        refused = chat(running.base_url, running.master_key, "wrong")
        assert refused.status == 401
        assert "Incorrect API key provided" in refused.error

        upstream.status = 500
        asked = upstream.requests
        assert chat(running.base_url, running.master_key, "right").status == 500
        assert upstream.requests > asked

        for model_id in made:
            admin.post("/model/delete", id=model_id)


def streamed(running: Running, model: str) -> str:
    """A streamed chat call as it arrives."""
    where = urlsplit(running.base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {running.master_key}", "Content-Type": "application/json"}
    connection.request("POST", "/chat/completions", json.dumps(body), headers)
    try:
        return connection.getresponse().read().decode()
    finally:
        connection.close()
