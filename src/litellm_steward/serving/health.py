"""``python -m litellm_steward.serving.health``: is the steward that this container runs alive?

It looks at what process 1 was started with: one that serves stdio cannot be asked, and is alive as
long as it runs. Kept to the standard library, since it runs every few seconds.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIRST_PROCESS: Final = Path("/proc/1/cmdline")


@dataclass(frozen=True)
class Address:
    """Where to ask, and the ``Host`` to ask for: the guard refuses any other."""

    host: str
    port: int
    asked_for: str


def address_of(command: Sequence[str], environment: Mapping[str, str]) -> Address | None:
    """Where the HTTP server of this command line listens; ``None`` if it serves stdio."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--transport", default="stdio")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options, _ = parser.parse_known_args(list(command))
    if options.transport == "stdio":
        return None
    # Asked from the machine that serves it, it wants no token; see gate.py.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104 - to ask, not to serve
    allowed = environment.get("STEWARD_ALLOWED_HOSTS", "").partition(",")[0].strip()
    name = f"[{host}]" if ":" in host else host
    asked_for = allowed.replace(":*", f":{options.port}") or f"{name}:{options.port}"
    return Address(host, options.port, asked_for)


def is_alive(address: Address, timeout: float = 3) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout)
    try:
        connection.request("GET", "/health", headers={"Host": address.asked_for})
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def main() -> int:
    command = FIRST_PROCESS.read_bytes().decode(errors="replace").split("\0")
    address = address_of(command, os.environ)
    return 0 if address is None or is_alive(address) else 1


if __name__ == "__main__":
    sys.exit(main())
