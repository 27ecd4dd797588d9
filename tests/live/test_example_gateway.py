"""The example gateway boots, books what it says it booked, runs beside another version, and leaves nothing behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from examples.gateway import (
    NEWEST,
    OLDEST,
    UPSTREAM_API_KEY,
    Call,
    FakeUpstream,
    Gateway,
    GatewayError,
    Ledger,
    Running,
    seed,
)
from examples.gateway.calls import Admin, Answer, chat, request
from examples.gateway.postgres import is_running, server_of
from examples.gateway.processes import group_members, look
from examples.gateway.proxy import free_port
from examples.gateway.runs import Run, runs_of
from examples.gateway.settings import REPOSITORY, default_home

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

LEAK = "sk-must-not-reach-the-proxy"


@dataclass(frozen=True)
class Seeded:
    """A gateway with its company."""

    gateway: Gateway
    running: Running
    ledger: Ledger


@pytest.fixture(scope="module")
def both() -> Iterator[dict[str, Seeded]]:
    """The newest and the oldest version at the same time, both seeded."""
    gateways = {version: Gateway(version) for version in (NEWEST, OLDEST)}
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name in ("OPENAI_API_KEY", "LITELLM_MASTER_KEY", "AWS_SECRET_ACCESS_KEY"):
                environment.setenv(name, LEAK)
            running = {version: gateway.up(owner_pid=os.getpid()) for version, gateway in gateways.items()}
        yield {version: Seeded(gateways[version], at, seed(at)) for version, at in running.items()}
    finally:
        for gateway in gateways.values():
            gateway.down()


@pytest.fixture(params=[NEWEST, OLDEST])
def seeded(request: pytest.FixtureRequest, both: dict[str, Seeded]) -> Seeded:
    """Each of the two in turn."""
    return both[str(request.param)]


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


def of_table(running: Running, table: str, column: str) -> dict[str, Figures]:
    """A daily table added up by a column. Prompt tokens are those of calls that succeeded: a release may book a failed
    call with the tokens it counted before."""
    question = f"""
        SELECT coalesce("{column}", ''), sum(api_requests)::int, sum(successful_requests)::int,
               sum(completion_tokens)::int,
               coalesce(sum(prompt_tokens) FILTER (WHERE successful_requests > 0), 0)::int, sum(spend)
        FROM "{table}" GROUP BY 1
    """  # noqa: S608  # our own names
    with psycopg.connect(running.dsn) as connection:
        return {str(row[0]): Figures(*row[1:]) for row in connection.execute(question.encode())}


def assert_agree(booked: dict[str, Figures], made: dict[str, Figures]) -> None:
    """Equal counts, and spend equal to a ten-thousandth of a dollar."""
    assert set(booked) == set(made)
    for name, figures in made.items():
        assert booked[name].spend == pytest.approx(figures.spend, abs=1e-4), name
        booked[name].spend = figures.spend
        assert booked[name] == figures, name


def test_every_user_is_booked_as_the_ledger_says(seeded: Seeded) -> None:
    booked = of_table(seeded.running, "LiteLLM_DailyUserSpend", "user_id")
    assert_agree(booked, of_calls(seeded.ledger.calls, lambda call: call.user_id))


def test_every_team_is_booked_as_the_ledger_says(seeded: Seeded) -> None:
    booked = of_table(seeded.running, "LiteLLM_DailyTeamSpend", "team_id")
    booked.setdefault("", Figures())
    assert_agree(booked, of_calls(seeded.ledger.calls, lambda call: call.team_id))


def test_every_model_is_booked_as_the_ledger_says(seeded: Seeded) -> None:
    booked = of_table(seeded.running, "LiteLLM_DailyUserSpend", "model_group")
    made = of_calls(seeded.ledger.calls, lambda call: "" if call.model == "gpt-imaginary" else call.model)
    assert_agree(booked, made)


def test_the_story_holds(seeded: Seeded) -> None:
    ledger = seeded.ledger
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


def test_the_ledger_is_kept_for_its_owner_only(seeded: Seeded) -> None:
    kept = seeded.gateway.run.ledger
    assert kept.stat().st_mode & 0o777 == 0o600
    assert Ledger.load(kept) == seeded.ledger


def test_keys_are_what_became_of_them(seeded: Seeded) -> None:
    base_url, keys = seeded.running.base_url, seeded.ledger.keys
    assert chat(base_url, keys["cs-bot"].raw, "gpt-4o").ok
    for alias in ("old-contractor", "trial-key", "departed"):
        assert not chat(base_url, keys[alias].raw, "gpt-4o").ok, alias
    with psycopg.connect(seeded.running.dsn) as connection:
        question = 'SELECT user_id FROM "LiteLLM_VerificationToken" WHERE key_alias = %s'
        assert connection.execute(question, ["handed-over"]).fetchone() == ("priya",)
    assert keys["handed-over"].user_id == "maria"


def test_the_default_fallback_is_live(seeded: Seeded) -> None:
    body = {"model": "legacy-assistant-eu", "messages": [{"role": "user", "content": "Hello"}]}
    answer = request(seeded.running.base_url, "POST", "/chat/completions", body, key=seeded.running.master_key)
    assert answer.ok, answer.error
    assert answer.body["choices"][0]["message"]["content"] == "Hello from gpt-3.5-turbo"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's own tables")
def test_it_listens_on_the_loopback_only(seeded: Seeded) -> None:
    port = urlsplit(seeded.running.base_url).port or 0
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    rows += Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
    listening = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's own files")
def test_nothing_of_the_callers_environment_leaks(seeded: Seeded) -> None:
    environment = Path(f"/proc/{seeded.running.pid}/environ").read_text(encoding="utf-8")
    assert LEAK not in environment
    assert f"UPSTREAM_API_KEY={UPSTREAM_API_KEY}" in environment


def test_up_again_finds_what_runs(both: dict[str, Seeded]) -> None:
    running = both[OLDEST].running
    again = Gateway(OLDEST, urlsplit(running.base_url).port).up()
    assert again == running


def test_a_model_reaches_the_fake_upstream(both: dict[str, Seeded]) -> None:
    running = both[NEWEST].running
    admin = Admin(running.base_url, running.master_key)
    with FakeUpstream() as upstream:
        parameters = {"model": "openai/real", "api_base": upstream.base_url}
        right = {**parameters, "api_key": "os.environ/UPSTREAM_API_KEY"}
        wrong = {**parameters, "api_key": "sk-wrong-key-1234567890"}
        admin.post("/model/new", model_name="right", litellm_params=right)
        admin.post("/model/new", model_name="wrong", litellm_params=wrong)

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


def test_the_fake_upstream_quotes_a_wrong_key_and_embeds() -> None:
    with FakeUpstream(api_key="right") as upstream:
        base_url, prefix = upstream.base_url.removesuffix("/v1"), "/v1"

        def ask(path: str, key: str, **body: object) -> Answer:
            return request(base_url, "POST", prefix + path, body, key=key)

        assert "wrong-one" in ask("/chat/completions", "wrong-one").error
        assert len(ask("/embeddings", "right", input=["a", "b"]).body["data"]) == 2
        assert request(base_url, "GET", "/v1/models", key="right").body["object"] == "list"
        upstream.hang = True
        with pytest.raises(OSError, match="timed out"):
            request(base_url, "GET", "/v1/models", key="right", timeout=0.3)


def test_a_taken_port_is_said_to_be_taken() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(GatewayError, match=f"Port {port} is taken"):
            Gateway(OLDEST, port).up()


def test_a_stale_process_id_hurts_no_stranger(tmp_path: Path) -> None:
    run = Run(tmp_path, 4999)
    run.folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        run.pid_file.write_text(str(stranger.pid), encoding="utf-8")
        assert not run.stop()
        assert stranger.poll() is None
        assert not run.pid_file.exists()
        stranger.kill()


def wait_for(what: Callable[[], bool], seconds: float = 40) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def postgres_is_as_needed(home: Path) -> bool:
    """PostgreSQL runs if and only if a gateway of this home does."""
    return is_running(server_of(home)) == any(run.active() for run in runs_of(home))


def test_down_leaves_no_process() -> None:
    gateway = Gateway(OLDEST)
    running = gateway.up(owner_pid=os.getpid())
    group = (look(running.pid) or pytest.fail("it does not run")).group
    assert len(group_members(group)) >= 2, "the proxy and its query engine"
    gateway.down()
    assert not group_members(group)
    assert postgres_is_as_needed(gateway.home)
    assert not gateway.run.folder.exists()


def test_a_gateway_ends_with_its_owner() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as owner:
        gateway = Gateway(OLDEST)
        running = gateway.up(owner_pid=owner.pid)
        group = (look(running.pid) or pytest.fail("it does not run")).group
        owner.kill()
    wait_for(lambda: not group_members(group))
    wait_for(lambda: postgres_is_as_needed(gateway.home))


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_up_leaves_no_process(sign: signal.Signals) -> None:
    run = Run(default_home(), free_port())
    command = [sys.executable, "-m", "examples.gateway", "up", "--version", OLDEST, "--port", str(run.port)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as starting:
        wait_for(lambda: run.proxy() is not None, 120)
        group = (run.proxy() or pytest.fail("it ended by itself")).group
        starting.send_signal(sign)
        starting.communicate()
    assert starting.returncode == (130 if sign == signal.SIGTERM else -signal.SIGKILL)
    wait_for(lambda: not group_members(group))
    wait_for(lambda: postgres_is_as_needed(run.home))
    run.forget()


def test_a_proxy_that_exits_is_quoted(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("model_list: [", encoding="utf-8")
    gateway = Gateway(OLDEST)
    with pytest.raises(GatewayError, match=r"(?s)exited while starting.*expected the node content"):
        gateway.up(config=config)
    assert gateway.run.proxy() is None
    gateway.run.forget()


def test_a_gateway_can_do_without_a_database() -> None:
    gateway = Gateway(NEWEST)
    try:
        running = gateway.up(database=False, owner_pid=os.getpid())
        assert running.dsn == ""
        assert request(running.base_url, "GET", "/health/readiness").body["db"] == "Not connected"
    finally:
        gateway.down()
