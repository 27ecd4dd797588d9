"""What is fixed about the gateway: versions, secrets, and where its files live."""

import os
from pathlib import Path
from typing import Final

OLDEST: Final = "1.74.9"
MIDDLE: Final = "1.83.14"
NEWEST: Final = "1.108.5"
SUPPORTED: Final = (OLDEST, MIDDLE, NEWEST)

MASTER_KEY: Final = "sk-example-master-key"
"""The administrator's credential. No secret: the gateway listens on the loopback only and holds invented data."""

UPSTREAM_API_KEY: Final = "sk-example-upstream-0f1e2d3c4b5a"
"""What the proxy holds in its environment variable of this name, for models with `os.environ/UPSTREAM_API_KEY`."""

SALT_KEY: Final = "sk-example-salt-key"
"""Encrypts what the proxy keeps in its database; it must stay the same for as long as the database lives."""

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 4000

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parent.parent


def default_home() -> Path:
    """Where everything is installed and runs: `LITELLM_GATEWAY_HOME`, else `.gateway/` in the repository."""
    named = os.environ.get("LITELLM_GATEWAY_HOME")
    return Path(named).expanduser().resolve() if named else REPOSITORY / ".gateway"


def release(version: str) -> tuple[int, ...]:
    """`1.83.14` as numbers, so that releases compare as they should."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())
