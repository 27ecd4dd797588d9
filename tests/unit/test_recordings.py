"""The recordings themselves: complete, without secrets, and played strictly."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from litellm_steward.text import hash_key, mask_key
from tests.scrubbing import Scrubber, invented_key, invented_team
from tests.tape import BASE_URL, FOLDER, MASTER_KEY, VERSIONS, Exchange, Player, Scene, scene, scenes

FILES = sorted(path for version in VERSIONS for path in (FOLDER / version).glob("*.json"))
SEEN_BEFORE = {"sk-no-such-key", MASTER_KEY}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_recording_holds_a_real_key_or_a_place_on_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    keys = set(re.findall(r"sk-[A-Za-z0-9_-]{8,}", text))
    assert {key for key in keys if not key.startswith("sk-recorded-")} <= SEEN_BEFORE
    assert not re.search(r"/(?:root|home|usr|var|lib|opt)/|site-packages|127\.0\.0\.1:(?!4000|9/)", text)


def test_every_release_was_asked_the_same() -> None:
    names = [{file.stem for file in FILES if file.parent.name == version} for version in VERSIONS]
    assert all(name == names[0] for name in names)
    for file in names[0]:
        asked = [[scene.name for scene in scenes(version, file)] for version in VERSIONS]
        assert all(one == asked[0] for one in asked), file


def test_the_scrubber_replaces_a_key_its_hash_and_its_mask_alike() -> None:
    raw, fake = "sk-Abcdefghijklmnop1234", invented_key("bot")
    scrubber = Scrubber({"bot": raw}, ["team-1"])
    assert scrubber.scrub({"key": raw, "token": hash_key(raw), "key_name": mask_key(raw), "team_id": "team-1"}) == {
        "key": fake,
        "token": hash_key(fake),
        "key_name": mask_key(fake),
        "team_id": invented_team(1),
    }


def test_the_scrubber_refuses_a_key_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="unknown keys"):
        Scrubber({}, []).scrub({"log": "called with sk-Abcdefghijklmnop1234"})


def _player() -> Player:
    read = Exchange("GET", "/a", {"x": "1"}, status=200, answer=[1])
    write = Exchange("POST", "/b", body={"y": 2}, status=200, answer={})
    moment = scene(VERSIONS[0], "health", "readiness").recorded_at
    return Player(Scene("any", "any", moment, (read, write)))


def _request(method: str, path: str, body: object = None, **headers: str) -> httpx.Request:
    headers = {"authorization": f"Bearer {MASTER_KEY}"} | headers
    return httpx.Request(method, f"{BASE_URL}{path}", json=body, headers=headers)


def test_a_read_is_played_as_often_as_it_is_asked_and_a_write_once() -> None:
    player = _player()
    for _ in range(3):
        assert player(_request("GET", "/a?x=1")).json() == [1]
    assert player(_request("POST", "/b", {"y": 2})).status_code == 200
    with pytest.raises(AssertionError, match="not recorded"):
        player(_request("POST", "/b", {"y": 2}))
    assert player.sent("/b") == [{"y": 2}, {"y": 2}]


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (_request("GET", "/a?x=2"), "not recorded"),
        (_request("GET", "/a?x=1&key=sk-secret-0001"), "stands in an address"),
        (_request("POST", "/b", {"y": MASTER_KEY}), "stands in a body"),
        (_request("GET", "/a?x=1", **{"x-copy": MASTER_KEY}), "stands elsewhere"),
    ],
)
def test_what_was_not_recorded_and_what_leaks_fails_the_test(request_: httpx.Request, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        _player()(request_)
