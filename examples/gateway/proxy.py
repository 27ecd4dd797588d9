"""Starts LiteLLM's proxy and waits until it answers."""

import json
import random
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from . import calls
from .errors import GatewayError
from .install import Installed, engine_environment, tool_environment
from .keys import master_key, salt_key
from .processes import spawn, tail
from .runs import Run
from .settings import HERE, HOST, UPSTREAM_API_KEY, release

PATIENCE: Final = 180.0
"""Seconds until a proxy that says nothing counts as failed. LiteLLM's import alone can take half a minute."""

MOCK_PROMPT_TOKENS: Final = 180
MOCK_COMPLETION_TOKENS: Final = 93
"""What a mocked call counts where the release does not count the prompt; LiteLLM's own 10 and 20 look like no call."""


def port_is_free(port: int) -> bool:
    """Whether a server can listen here."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody uses now, below those that the system hands out by itself, which may be gone in a moment."""
    ports = random.sample(range(20000, 32000), 100)
    return next(port for port in ports if port_is_free(port))


def port_holder(port: int) -> str:
    """Who listens on a port, as far as the system tells us; empty if it does not."""
    for command in (["ss", "-Hltnp", f"sport = :{port}"], ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]):
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
        if '"' in said:
            name, _, rest = said.partition('"')[2].partition('"')
            return f" by {name} (process {rest.partition('pid=')[2].partition(',')[0]})"
        if said.startswith("p"):
            lines = said.splitlines()
            return f" by {lines[1][1:]} (process {lines[0][1:]})"
    return ""


def config_for(version: str) -> str:
    """The example configuration for a version.

    Recent releases refuse to change at run time what their configuration file sets, so general fallbacks are
    written through their API. Older ones cannot write all of ours, so they get the list here; `router_settings` is the
    file's last section.
    """
    text = (HERE / "config.yaml").read_text(encoding="utf-8")
    if general_fallbacks_in_config(version):
        text += f"  fallbacks: {json.dumps(GENERAL_FALLBACKS)}\n"
    return text


GENERAL_FALLBACKS: Final[list[dict[str, list[str]]]] = [
    {"gpt-4o": ["claude-sonnet", "gpt-3.5-turbo"]},
    {"legacy-assistant": ["legacy-assistant-eu"]},
    {"claude-sonnet": ["retired-model"]},
    {"*": ["gpt-3.5-turbo"]},
]
"""One ordinary chain, one that cannot help, one to a model that does not exist, and the rule for everything else."""


def general_fallbacks_in_config(version: str) -> bool:
    """Whether this version's general fallbacks come from its configuration file instead of the API."""
    return release(version) < (1, 100)


def proxy_environment(installed: Installed, database_url: str | None) -> Mapping[str, str]:
    """The whole environment of the proxy: nothing of the caller's credentials or settings reaches it."""
    ours = {
        "PATH": installed.path,
        "UPSTREAM_API_KEY": UPSTREAM_API_KEY,
        "LITELLM_MASTER_KEY": master_key(installed.home),
        "LITELLM_SALT_KEY": salt_key(installed.home),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",  # else it would read a .env file
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "DISABLE_SCHEMA_UPDATE": "true",
        "DEFAULT_MOCK_RESPONSE_PROMPT_TOKEN_COUNT": str(MOCK_PROMPT_TOKENS),
        "DEFAULT_MOCK_RESPONSE_COMPLETION_TOKEN_COUNT": str(MOCK_COMPLETION_TOKENS),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "*",
        **engine_environment(installed),
    }
    if database_url is not None:
        ours["DATABASE_URL"] = database_url
    return tool_environment(ours)


def start(installed: Installed, run: Run, config: Path, database_url: str | None, more: Mapping[str, str]) -> int:
    """Start the proxy in a run folder and return its process id at once. ``more`` is added to its environment."""
    run.log.unlink(missing_ok=True)
    run.pid_file.unlink(missing_ok=True)
    here = run.folder / "config.yaml"
    if config != here:
        here.write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
    command: list[str | Path] = [
        *(installed.venv / "bin" / "python", installed.venv / "bin" / "litellm"),
        *("--config", str(here)),
        *("--host", HOST, "--port", str(run.port), "--telemetry", "False"),
    ]
    environment = {**proxy_environment(installed, database_url), **more}
    return spawn(command, log=run.log, pid_file=run.pid_file, cwd=run.folder, env=environment)


def wait_until_ready(run: Run, *, database: bool) -> None:
    """Return when the proxy answers and has its database and its models; say why if it does not."""
    base_url, key = f"http://{HOST}:{run.port}", master_key(run.home)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if run.proxy() is None:
            raise GatewayError(f"The proxy exited while starting; the end of {run.log}:\n{tail(run.log)}")
        if _is_ready(base_url, key, database=database):
            return
        time.sleep(0.2)
    raise GatewayError(f"The proxy did not answer within {PATIENCE:.0f} s; the end of {run.log}:\n{tail(run.log)}")


def _is_ready(base_url: str, key: str, *, database: bool) -> bool:
    try:
        answer = calls.request(base_url, "GET", "/health/readiness", timeout=3)
        if answer.status != 200 or (database and answer.body.get("db") != "connected"):
            return False
        return calls.request(base_url, "GET", "/model/info", key=key, timeout=10).status == 200
    except (OSError, calls.NotJsonError):
        return False
