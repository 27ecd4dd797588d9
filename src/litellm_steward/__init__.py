"""LiteLLM Steward: an MCP server that lets an agent run a live LiteLLM gateway safely."""

from importlib.metadata import version

__version__ = version("litellm-steward")
