"""``python -m litellm_steward.serving.health``: is the steward that this container runs alive?

It looks for the steward among the container's processes, whatever the first of them is (``docker run --init`` puts
another in its place). One that serves HTTP is asked; one that serves stdio cannot be, and is alive as long as it runs.
Kept to the standard library, since it runs every few seconds.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

PROCESSES: Final = Path("/proc")
COMMAND: Final = "litellm-steward"
MODULE: Final = ("-m", "litellm_steward")


@dataclass(frozen=True)
class Address:
    """Where to ask."""

    host: str
    port: int


def arguments_of(command: Sequence[str]) -> list[str] | None:
    """What a steward was started with; ``None`` for the command line of another program."""
    for at, word in enumerate(command[:2]):
        if PurePath(word).name == COMMAND:
            return list(command[at + 1 :])
    return list(command[3:]) if tuple(command[1:3]) == MODULE else None


def address_of(arguments: Sequence[str]) -> Address | None:
    """Where the HTTP server of these arguments listens; ``None`` if it serves stdio."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--transport", default="stdio")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options, _ = parser.parse_known_args(list(arguments))
    if options.transport == "stdio":
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104 - to ask, not to serve
    return Address(host, options.port)


def stewards(processes: Path = PROCESSES) -> Iterator[list[str]]:
    """The arguments of every steward that runs here."""
    for file in processes.glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has ended, or is somebody else's
        if (arguments := arguments_of(command)) is not None:
            yield arguments


def is_alive(address: Address, timeout: float = 3) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def main() -> int:
    """0 if there is a steward, and every one that serves HTTP answers."""
    addresses = [address_of(arguments) for arguments in stewards()]
    asked = all(address is None or is_alive(address) for address in addresses)
    return os.EX_OK if addresses and asked else 1


if __name__ == "__main__":
    sys.exit(main())
