"""Wildcards match as LiteLLM's own expression does, and none takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_steward.wildcards import answers, any_answers, may_answer

LETTERS = st.text("ab/.*", max_size=8)


@given(pattern=LETTERS, name=LETTERS)
def test_the_start_of_a_name_is_matched_as_litellm_does(pattern: str, name: str) -> None:
    """``re.escape(pattern).replace(r"\\*", "(.*)")`` and ``re.match`` in LiteLLM's router."""
    assert answers(pattern, name) == bool(re.match(re.escape(pattern).replace(r"\*", "(.*)"), name))


@pytest.mark.parametrize(
    ("pattern", "name", "does", "may"),
    [
        ("*", "anything", True, True),
        ("openai/*", "openai/gpt-4o", True, True),
        ("openai/gpt-*-mini", "openai/gpt-4o-mini-2024", True, True),
        ("openai/*", "gpt-4o", False, True),  # tried with the wildcard's provider
        ("gpt-*", "openai/gpt-4o", False, False),  # and never without its own (measured on 1.83.14 and 1.110.2)
        ("groq/*", "meta-llama/llama-4", False, True),  # whose own slash is no provider's
        ("groq/*", "azure/llama-4", False, False),
        ("openai/openai/*", "openai/gpt-4o", False, True),
        ("openai/o*", "gpt-4o", False, False),
    ],
)
def test_a_name_may_be_tried_with_and_without_a_provider(pattern: str, name: str, does: bool, may: bool) -> None:
    assert (answers(pattern, name), may_answer(pattern, name)) == (does, may)
    assert any_answers(["plain", pattern], name) is does


def test_only_wildcards_answer_for_others() -> None:
    assert not any_answers(["gpt-4o"], "gpt-4o-mini")


def test_a_wildcard_full_of_stars_takes_no_time() -> None:
    """An expression would try more ways than anybody can wait for."""
    assert not answers("a*" * 100 + "b", "a" * 300)
