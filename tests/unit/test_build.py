"""What builds the package and the image, and what runs in CI, is named by its content and not by a name that moves."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UV: Final = (ROOT / ".ci" / "uv.txt").read_text(encoding="utf-8")
VERSION: Final = re.findall(r"(?m)^uv==(\S+) \\$", UV)


def test_uv_is_pinned_by_hash_and_is_all_that_is_fetched_by_pip() -> None:
    assert len(VERSION) == 1
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", UV)) > 10, "for every platform"
    for file in ("Dockerfile", "Makefile"):
        text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
        installs = [line for line in text.splitlines() if re.search(r"\bpip install\b", line)]
        assert installs
        assert all("--require-hashes" in line and "uv.txt" in line for line in installs)


def test_the_build_backend_is_the_one_in_uv() -> None:
    """So that a build fetches none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["build-system"]["requires"] == [f"uv_build=={VERSION[0]}"]


def test_images_are_pinned_by_digest() -> None:
    images = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    assert len(images) == 2
    assert len(set(images)) == 1, "what is built in one stage runs in the other"
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", images[0])
    copied_from = re.findall(r"--from=(\S+)", DOCKERFILE)
    assert set(copied_from) <= set(re.findall(r"(?m)^FROM \S+ AS (\S+)", DOCKERFILE)), "no image by another way"
    assert not re.search(r"(?m)^# *syntax *=", DOCKERFILE), "a parser by tag would be one as well"


def test_actions_are_pinned_by_commit() -> None:
    used = [
        line
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert used
    for line in used:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_no_secret_stands_on_a_command_line_that_we_show() -> None:
    """Other users of a machine can read them: names of variables and files do, their values do not."""
    shown = DOCKERFILE + "".join(
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", ".env.example")
    )
    assert not re.search(r"-e \w*(?:TOKEN|KEY|SECRET|PASSWORD)=", shown)
    assert not re.search(r"--header[ =]\S*Authorization", shown)
    assert not re.search(r"(?:printf|echo) .*sk-", shown)
    assert not re.search(r"export .*(?:TOKEN|KEY)=\$\(", shown)
