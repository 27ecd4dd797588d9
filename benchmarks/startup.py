"""How long a host waits for the list of tools, next to a bare MCP server with one tool.

Run by hand: ``uv run python -m benchmarks.startup [ROUNDS]``. Both programs are started in turns, so that
whatever else the machine does hits both; the medians are compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

LIMIT = 1.3
BARE = """
from mcp.server import MCPServer
server = MCPServer("bare", version="1", log_level="WARNING")
@server.tool()
async def hello(name: str) -> str:
    "Say hello."
    return name
server.run()
"""
COMMANDS = {"bare": [sys.executable, "-c", BARE], "steward": [sys.executable, "-m", "litellm_steward"]}
REQUEST = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/list",
    "params": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    },
}


def seconds_to_list(command: list[str]) -> float:
    """From starting the process to having read the answer to ``tools/list``."""
    # Installed programs have their bytecode; compiling it anew would only measure the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(REQUEST).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        elapsed = time.perf_counter() - started
        process.stdin.close()
    if not isinstance(answer["result"]["tools"], list):
        raise TypeError("no list of tools")
    return elapsed


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            elapsed = seconds_to_list(command)
            if turn:  # the first turn warms the caches
                taken[name].append(elapsed)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, median in medians.items():
        print(f"{name:8} {median * 1000:6.0f} ms (fastest {min(taken[name]) * 1000:.0f})")
    ratio = medians["steward"] / medians["bare"]
    print(f"ratio    {ratio:6.2f} (at most {LIMIT})")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
