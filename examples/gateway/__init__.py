"""A real LiteLLM proxy on a real PostgreSQL, from package registries alone. See README.md in this folder."""

from .errors import GatewayError
from .gateway import Gateway, Running
from .ledger import Call, Ledger, SeededKey
from .progress import Progress, Silent
from .seed import seed
from .settings import LTS, NAMES, NEWEST, OLDEST, SUPPORTED, UPSTREAM_API_KEY, version_of
from .upstream import FakeUpstream

__all__ = [
    "LTS",
    "NAMES",
    "NEWEST",
    "OLDEST",
    "SUPPORTED",
    "UPSTREAM_API_KEY",
    "Call",
    "FakeUpstream",
    "Gateway",
    "GatewayError",
    "Ledger",
    "Progress",
    "Running",
    "SeededKey",
    "Silent",
    "seed",
    "version_of",
]
