"""The example gateway boots, says why if it does not, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.gateway import OLDEST, FakeUpstream, Gateway, GatewayError, Running, Silent
from examples.gateway.calls import Answer, request
from examples.gateway.install import install
from examples.gateway.postgres import is_running, server_of
from examples.gateway.processes import group_members, look
from examples.gateway.proxy import free_port
from examples.gateway.runs import Run, runs_of
from examples.gateway.settings import REPOSITORY, default_home
from tests.live.harness import Seeded

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


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


def test_the_database_is_what_the_release_means(gateway: Seeded) -> None:
    """Also where the index had older migrations than the release pins."""
    installed = install(gateway.running.home, gateway.version, Silent())
    schema = (installed.site_packages / "litellm/proxy/schema.prisma").read_text(encoding="utf-8")
    there = {
        table: set(columns)
        for table, columns in gateway.sql(
            "select table_name, array_agg(column_name::text) from information_schema.columns "
            "where table_schema = 'public' group by 1"
        )
    }
    models = dict(re.findall(r"(?ms)^model (\w+) \{(.*?)^\}", schema))
    assert len(models) > 50
    for table, text in models.items():
        plain = re.findall(r"(?m)^ +(\w+) +(?:String|Int|BigInt|Float|Boolean|DateTime|Json|Bytes)\b(?!.*@map)", text)
        assert set(plain) <= there[table], table


def test_the_keys_of_a_home_are_its_owners_alone(gateway: Seeded) -> None:
    running = gateway.running
    config = (running.log_path.parent / "config.yaml").read_text(encoding="utf-8")
    for name, key in (("master-key", running.master_key), ("salt-key", running.salt_key)):
        file = running.home / name
        assert file.read_text(encoding="utf-8").strip() == key
        assert file.stat().st_mode & 0o777 == 0o600
        assert key not in config + repr(running)


def test_the_status_names_what_is_not_as_published(gateway: Seeded) -> None:
    installed = install(gateway.running.home, gateway.version, Silent())
    command = [sys.executable, "-m", "examples.gateway", "status"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for sentence in installed.departures.sentences:
        assert sentence in said


def test_a_gateway_can_do_without_a_database(without_database: Running) -> None:
    assert without_database.dsn == ""
    assert request(without_database.base_url, "GET", "/health/readiness").body["db"] == "Not connected"
