"""What is fixed about the gateway: versions, and where its files live."""

import os
import re
from pathlib import Path
from typing import Final

from .errors import GatewayError

OLDEST: Final = "1.83.14"
LTS: Final = "1.108.14"
NEWEST: Final = "1.110.2"
SUPPORTED: Final = (OLDEST, LTS, NEWEST)
NAMES: Final = {"oldest": OLDEST, "lts": LTS, "newest": NEWEST}
"""What a person calls them. `lts` is LiteLLM's line with long support, 1.108."""

MALWARE: Final = frozenset({"1.82.7", "1.82.8"})

UPSTREAM_API_KEY: Final = "sk-example-upstream-0f1e2d3c4b5a"
"""What the proxy holds in its environment variable of this name, for models with `os.environ/UPSTREAM_API_KEY`."""

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


def version_of(name: str) -> str:
    """The version that `oldest`, `lts`, `newest` or a version names, if the gateway may run it."""
    version = NAMES.get(name, name)
    if not re.fullmatch(r"\d+\.\d+\.\d+([.-]?\w+)*", version):
        raise GatewayError(f"{name!r} is no release: say {', '.join(NAMES)} or a version such as {NEWEST}.")
    if version in MALWARE:
        raise GatewayError(f"LiteLLM {version} was malware (PYSEC-2026-2) and is refused: choose another release.")
    if release(version) < release(OLDEST):
        raise GatewayError(f"LiteLLM {version} is older than {OLDEST}, the oldest release that this gateway supports.")
    return version
