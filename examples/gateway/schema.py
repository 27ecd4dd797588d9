"""What the migrations that were installed lack of the schema that LiteLLM expects, as SQL.

LiteLLM's migrations come in a package of their own, `litellm-proxy-extras`. Both packages bring the schema they mean;
where the index had an older one of the migrations, the two differ, and Prisma's schema engine says what is between.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from .errors import GatewayError
from .processes import run_logged, tail
from .settings import HERE
from .tools import Node

SCHEMA_ENGINE: Final = "@prisma/schema-engine-wasm@6.19.0-33.next-fca7ed8aa5fe6347594ad793adb59b37f021379a"

_MADE: Final = re.compile(r'CREATE TABLE "(\w+)"')
_ALTERED: Final = re.compile(r'ALTER TABLE "(\w+)" ((?:ADD|DROP|ALTER) COLUMN[^;]*)')


def differs(site_packages: Path) -> bool:
    """Whether the migrations lead to another schema than LiteLLM's."""
    migrated, wanted = _schemas(site_packages)
    return migrated.read_bytes() != wanted.read_bytes()


def gap(folder: Path, site_packages: Path, node: Node) -> str:
    """The SQL that leads from the migrated schema to LiteLLM's; comments alone if they differ in words only."""
    shutil.copy(HERE / "schema_gap.mjs", folder / "schema_gap.mjs")
    command = [node.folder / "node", folder / "schema_gap.mjs", *_schemas(site_packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GatewayError(f"Prisma's schema engine failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def told(sql: str) -> list[str]:
    """The tables and columns that this SQL makes, for people."""
    tables = [f"table {name}" for name in _MADE.findall(sql)]
    altered = [
        f"column {table}.{column}"
        for table, changes in _ALTERED.findall(sql)
        for column in re.findall(r'COLUMN\s+"(\w+)"', changes)
    ]
    indexes = len(re.findall(r"CREATE (?:UNIQUE )?INDEX", sql))
    return [*tables, *altered, *([f"{indexes} index{'es' if indexes > 1 else ''}"] if indexes else [])]


def install_engine(folder: Path, node: Node, log: Path, env: dict[str, str]) -> None:
    """Fetch the schema engine from npm; it is needed only where the schemas differ."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text("{}", encoding="utf-8")
    command: list[str | Path] = [node.npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", SCHEMA_ENGINE]
    if run_logged(command, log=log, cwd=folder, env=env):
        raise GatewayError(f"npm could not install {SCHEMA_ENGINE}; check the network and run it again.\n{tail(log)}")


def _schemas(site_packages: Path) -> tuple[Path, Path]:
    return site_packages / "litellm_proxy_extras" / "schema.prisma", site_packages / "litellm/proxy/schema.prisma"
