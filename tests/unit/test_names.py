"""Names that are about to be stored."""

from __future__ import annotations

import re

import pytest

from litellm_steward.errors import InvalidArgument
from litellm_steward.names import check_name, chosen_alias
from litellm_steward.text import hash_key


@pytest.mark.parametrize("name", ["cs-bot", "Customer Service", "日本", "a@b.example", "O'Brien", "x" * 255, None])
def test_ordinary_names_pass(name: str | None) -> None:
    assert check_name("key_alias", name) == name


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a\nb", "a\tb", "a  b", "a\u200bb", "\u202ea", "a\u00a0b", "x" * 256, "a\U000e0041"]
)
def test_what_cannot_be_read_back_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="key_alias must be one line of at most 255 visible characters"):
        check_name("key_alias", name)


@pytest.mark.parametrize("name", ["sk-1234567890", hash_key("sk-1234567890")])
def test_a_credential_is_no_name(name: str) -> None:
    with pytest.raises(InvalidArgument, match="looks like a key") as caught:
        check_name("team_alias", name)
    assert name not in str(caught.value)


@pytest.mark.parametrize(
    ("hints", "begins"),
    [
        (("Customer-Service", "alex"), "customer-service-"),
        ((None, "alex.d@example.com"), "alex-d-example-com-"),
        (("日本", "alex"), "alex-"),
        ((None, None), "key-"),
        (("", "--"), "key-"),
        (("x" * 100,), "x" * 40 + "-"),
    ],
)
def test_a_chosen_alias_tells_whose_it_is_and_when_it_was_made(hints: tuple[str | None, ...], begins: str) -> None:
    alias = chosen_alias(*hints)
    assert re.fullmatch(rf"{begins}\d{{8}}-[0-9a-f]{{6}}", alias)
    assert check_name("key_alias", alias) == alias
    assert chosen_alias(*hints) != alias, "two keys in a day have two names"
