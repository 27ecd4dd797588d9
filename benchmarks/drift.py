"""What of a LiteLLM release is not as it was recorded: its routes, its answers, and what these weigh at company size.

Run by hand or by a schedule, never by the tests: ``make drift RELEASE=newest``. It boots the release twice, seeded and
with a company of 50,000 keys, asks, and compares with ``drift.json`` beside this file. ``RELEASE=latest`` is the newest
that the package registry has. Ends with 1 if anything differs; ``--record`` writes what was found into the record.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.drifting import heavy, routes, shapes
from examples.gateway import NAMES, Gateway, GatewayError, Progress, Running, version_of
from examples.gateway.company_size import fill
from examples.gateway.settings import release

RECORD: Final = Path(__file__).with_name("drift.json")
PARTS: Final = ("routes", "shapes", "sizes")
LATEST: Final = "latest"

Found = dict[str, Any]


def main() -> int:
    asked = _parser().parse_args()
    try:
        version = latest() if asked.release == LATEST else version_of(asked.release)
        if asked.version_only:
            print(version)
            return 0
        found = look(version, asked.part or PARTS, asked.port)
    except GatewayError as error:
        print(f"drift: {error}", file=sys.stderr)
        return 2
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    name = asked.against or name_for(version)
    if asked.record:
        record[name] = {**record.get(name, {}), **found}
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"Recorded LiteLLM {version} as {name}.")
        return 0
    if name not in record:
        print(f"drift: nothing is recorded as {name}", file=sys.stderr)
        return 2
    differences = list(compared(record[name], found))
    print(told(version, record[name], differences))
    return 1 if differences else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--release", default="newest", help=f"{', '.join(NAMES)}, {LATEST} or a version")
    parser.add_argument("--against", choices=NAMES, help="the record to compare with; by default the next older one")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--port", type=int, help="keep the gateways running, on this port and the next")
    parser.add_argument("--record", action="store_true", help="write what is found into the record")
    parser.add_argument("--version-only", action="store_true", help="only say which version that is")
    return parser


def name_for(version: str) -> str:
    """The record that a release is compared with: the newest of the supported ones that is not newer, or the oldest."""
    not_newer = [name for name, known in NAMES.items() if release(known) <= release(version)]
    return max(not_newer or ["oldest"], key=lambda name: release(NAMES[name]))


def latest() -> str:
    """The newest release of LiteLLM that the package registry has, no pre-release. Raises ``GatewayError``."""
    command = [
        os.environ.get("UV", "uv"),
        "pip",
        "compile",
        "--quiet",
        "--no-deps",
        "--no-header",
        "--no-annotate",
        "-",
    ]
    try:
        done = subprocess.run(command, input="litellm\n", capture_output=True, text=True, check=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as error:
        raise GatewayError(f"The package registry could not be asked for the latest release: {error}.") from error
    return version_of(done.stdout.strip().partition("==")[2])


def look(version: str, parts: tuple[str, ...] | list[str], port: int | None = None) -> Found:
    """What a release is like now."""
    found: Found = {"version": version, "on": datetime.now(UTC).date().isoformat()}
    if {"routes", "shapes"} & set(parts):
        with _gateway(version, port) as running:
            if "routes" in parts:
                document = httpx.get(f"{running.base_url}/openapi.json", timeout=60).raise_for_status().json()
                found["routes"] = routes.described(document, routes.routes_used())
            if "shapes" in parts:
                found["shapes"] = shapes.shapes_of(running)
    if "sizes" in parts:
        with _gateway(version, None if port is None else port + 1) as running:
            found["sizes"] = heavy.measure(running, fill(running, Progress()))
    return found


@contextmanager
def _gateway(version: str, port: int | None) -> Iterator[Running]:
    """A gateway that ends with this, or one that is kept running."""
    if port is not None:
        yield Gateway(version, port).up(progress=Progress())
        return
    gateway = Gateway(version)
    try:
        yield gateway.up(owner_pid=os.getpid(), progress=Progress())
    finally:
        gateway.down()


def compared(before: Found, now: Found) -> Iterator[str]:
    """The differences of all parts that both have."""
    for part, differences in (
        ("routes", routes.differences),
        ("shapes", shapes.differences),
        ("sizes", heavy.differences),
    ):
        if part in before and part in now:
            yield from differences(before[part], now[part])


def told(version: str, before: Found, differences: list[str]) -> str:
    """The report."""
    compared_with = f"{before['version']} as it was recorded on {before['on']}"
    if not differences:
        return f"LiteLLM {version} is like {compared_with}."
    number = "One thing differs" if len(differences) == 1 else f"{len(differences)} things differ"
    return "\n".join([f"LiteLLM {version}: {number} from {compared_with}.", *(f"- {line}" for line in differences)])


if __name__ == "__main__":
    sys.exit(main())
