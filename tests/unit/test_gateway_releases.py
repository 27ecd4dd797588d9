"""Which releases the example gateway runs, what it says where one is not as published, and its keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.gateway import LTS, NEWEST, OLDEST, SUPPORTED, Gateway, GatewayError, version_of
from examples.gateway.keys import master_key, salt_key
from examples.gateway.packages import Departures
from examples.gateway.schema import told
from examples.gateway.settings import release
from tests import releases


def test_a_release_has_a_name_or_a_version(tmp_path: Path) -> None:
    assert [version_of(name) for name in ("oldest", "lts", "newest", "1.109.1")] == [OLDEST, LTS, NEWEST, "1.109.1"]
    assert list(SUPPORTED) == sorted(SUPPORTED, key=release)
    assert Gateway("newest", 4999, tmp_path).version == NEWEST


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("1.82.7", "was malware"),
        ("1.82.8", "was malware"),
        ("1.74.9", f"older than {OLDEST}"),
        ("latest", "is no release"),
        ("../1.110.2", "is no release"),
    ],
)
def test_other_releases_are_refused_in_a_sentence(name: str, reason: str) -> None:
    with pytest.raises(GatewayError, match=reason) as refused:
        version_of(name)
    assert "\n" not in str(refused.value)


def test_the_releases_of_the_live_tests_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_RELEASES", "newest lts 1.110.2")
    assert releases.chosen((OLDEST,)) == (LTS, NEWEST)
    monkeypatch.setenv("TEST_RELEASES", "")
    assert releases.chosen((OLDEST,)) == (OLDEST,)


def test_the_keys_of_a_home_are_made_once_and_kept(tmp_path: Path) -> None:
    made = {master_key(tmp_path), salt_key(tmp_path), master_key(tmp_path / "another")}
    assert len(made) == 3
    assert {master_key(tmp_path), salt_key(tmp_path), master_key(tmp_path / "another")} == made
    assert (tmp_path / "master-key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "salt-key").stat().st_mode & 0o777 == 0o600


def test_a_key_can_be_ones_own_if_it_is_one(tmp_path: Path) -> None:
    file = tmp_path / "master-key"
    file.write_text("sk-of-my-own\n", encoding="utf-8")
    assert master_key(tmp_path) == "sk-of-my-own"
    file.write_text("two words", encoding="utf-8")
    with pytest.raises(GatewayError, match="holds no key"):
        master_key(tmp_path)


def test_departures_are_told_and_kept(tmp_path: Path) -> None:
    assert Departures.load(tmp_path).sentences == ()
    kept = Departures(("a 1 instead of 2",), ("b 3",)).with_schema(["table C", "column D.e"])
    kept.save(tmp_path)
    assert Departures.load(tmp_path) == Departures.parse(kept.as_json()) == kept
    assert kept.sentences == (
        "overridden: a 1 instead of 2",
        "left out: b 3",
        "added to the database's schema: table C, column D.e",
    )


def test_what_the_schema_gains_is_named() -> None:
    sql = """-- AlterTable
ALTER TABLE "A" ADD COLUMN     "b" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "c" TEXT;
-- CreateTable
CREATE TABLE "D" ("id" TEXT NOT NULL);
CREATE UNIQUE INDEX "D_idx" ON "D"("id");
ALTER TABLE "D" ADD CONSTRAINT "D_fkey" FOREIGN KEY ("id") REFERENCES "A"("id");
"""
    assert told(sql) == ["table D", "column A.b", "column A.c", "1 index"]
    assert told("-- This is an empty migration.\n") == []
