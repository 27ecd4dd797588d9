"""Which names a wildcard of the proxy's answers to, as LiteLLM matches them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PROVIDERS: Final = frozenset(
    [
        "anthropic",
        "azure",
        "azure_ai",
        "bedrock",
        "cerebras",
        "cohere",
        "databricks",
        "deepinfra",
        "deepseek",
        "fireworks_ai",
        "gemini",
        "github",
        "groq",
        "hosted_vllm",
        "huggingface",
        "mistral",
        "nvidia_nim",
        "ollama",
        "openai",
        "openrouter",
        "perplexity",
        "replicate",
        "sagemaker",
        "sambanova",
        "together_ai",
        "vertex_ai",
        "voyage",
        "watsonx",
        "xai",
    ]
)
"""Providers of LiteLLM that stand before a model's name; there are more."""


def answers(pattern: str, name: str) -> bool:
    """Whether it takes the name as it stands. LiteLLM matches the start of it.

    Without a regular expression: whoever names models could make one that takes for ever.
    """
    first, *others = pattern.split("*")
    if not name.startswith(first):
        return False
    at = len(first)
    for part in others:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def any_answers(names: Iterable[str], name: str) -> bool:
    """Whether there is a wildcard among these names that takes this one as it stands."""
    return any("*" in pattern and answers(pattern, name) for pattern in names)


def may_answer(pattern: str, name: str) -> bool:
    """Whether it may take the name: as it stands, or with its provider before it.

    LiteLLM tries that of a model which it knows, ``openai/gpt-4o`` for ``gpt-4o``; which it knows, we do not. A name
    that begins with a provider's has that provider: ``azure/gpt-4o`` is never tried as ``openai/azure/gpt-4o``.
    """
    provider, slash, _ = pattern.partition("/")
    own, own_slash, _ = name.partition("/")
    if own_slash and own in PROVIDERS:
        provider = own
    return answers(pattern, name) or (bool(slash) and answers(pattern, f"{provider}/{name}"))


def specificity(pattern: str) -> tuple[int, int]:
    """What LiteLLM sorts its patterns by: the greater one is tried first.

    The length of the regular expression that it makes of the pattern, and how many of its characters are special.
    """
    expression = re.escape(pattern).replace(r"\*", "(.*)")
    return len(expression), sum(expression.count(character) for character in "*+?\\^$|()")
