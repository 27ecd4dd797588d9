"""A real LiteLLM proxy on a real PostgreSQL, from package registries alone. See README.md in this folder."""

from .errors import GatewayError
from .gateway import Gateway, Running
from .progress import Progress, Silent
from .settings import MASTER_KEY, MIDDLE, NEWEST, OLDEST, SUPPORTED, UPSTREAM_API_KEY

__all__ = [
    "MASTER_KEY",
    "MIDDLE",
    "NEWEST",
    "OLDEST",
    "SUPPORTED",
    "UPSTREAM_API_KEY",
    "Gateway",
    "GatewayError",
    "Progress",
    "Running",
    "Silent",
]
