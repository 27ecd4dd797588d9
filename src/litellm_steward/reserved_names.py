"""Model names that would change what calls to LiteLLM's own routes mean: refused for every new deployment.

LiteLLM looks for a model in the addresses of some routes. ``/azure/…`` and ``/azure_ai/…`` take the first part of the
path that is a model's name, so a model called ``deployments`` or ``chat`` would get everybody's calls of
``/azure/openai/deployments/…/chat/completions``, which the operator's Azure account answers today (measured: 1.83.14
sends them to the new model, 1.110.2 refuses them). Other names have a meaning in the lists of models that a key may
call, or as a part of a name.

The words are the parts of all routes that call models, of each supported release (``LiteLLMRoutes`` in its
``proxy/_types.py``), and those of Azure's own addresses. ``tests/live/test_reserved_names.py`` walks the route table of
each release and names a first part that nobody has judged.
"""

from __future__ import annotations

from typing import Final

from litellm_steward.errors import Refused
from litellm_steward.text import quote

MOST_STARS: Final = 2
"""From 1.109.0 on, LiteLLM matches names against a pattern made of this one; with more stars that may take minutes."""

# fmt: off
ROUTE_WORDS: Final = frozenset({
    # providers whose APIs are passed through, each below a first part of its own
    "anthropic", "assemblyai", "azure", "azure_ai", "azure_speech", "bedrock", "bespoke", "codex", "cohere",
    "comprehendmedical", "cursor", "deepgram", "eu.assemblyai", "fal_ai", "gemini", "gigachat", "langfuse", "laya",
    "milvus", "mistral", "nvidia_nim", "openai", "openai_passthrough", "openrouter", "tinyfish", "transcribe",
    "typesafe", "vertex-ai", "vertex_ai", "vllm", "watsonx",
    # parts of LiteLLM's own routes that call models
    ".well-known", "a2a", "agent-card.json", "agent", "agents", "apply_guardrail", "archive", "assistants", "audio",
    "backend-api", "batches", "beta", "call", "calls", "cancel", "chat", "claude-code", "claude_code_gateway",
    "client_secrets", "completions", "containers", "content", "count_tokens", "decisions", "deployments", "discovery",
    "downloads", "edits", "embeddings", "engines", "error", "extraction", "files", "fine_tuning", "generations",
    "guardrails", "help", "images", "ingest", "input_items", "input_tokens", "interactions", "introspect", "jobs",
    "list", "live", "logs", "marketplace.json", "mcp", "mcp-rest", "message", "messages", "model", "model_info",
    "models", "moderations", "ocr", "plugins", "proxy", "query", "queue", "rag", "realtime", "remix", "rerank",
    "responses", "runs", "search", "send", "sessions", "skills", "spans", "speech", "sse", "stream", "systemone",
    "threads", "token", "token_counter", "tools", "toolset", "traces", "transcription_sessions", "transcriptions",
    "transform_request", "translations", "upload", "utils", "v1", "v1beta", "v2", "v3", "vector_store",
    "vector_stores", "versions", "videos",
    # parts of Azure's addresses: OpenAI, AI Foundry, AI Search, Document Intelligence, Speech, Content Safety
    "aliases", "analyze", "autocomplete", "complete", "contentsafety", "datasources", "docs", "documentintelligence",
    "documentmodels", "evals", "extensions", "formrecognizer", "index", "indexers", "indexes", "info",
    "knowledgebases", "language", "providers", "servicestats", "skillsets", "speechtotext", "suggest", "synonymmaps",
    "text", "uploads", "vision",
})
SPECIAL: Final = frozenset({"all-proxy-models", "all-team-models", "all-org-models", "no-default-models"})
"""What stands for models, or for none, in the list of a key, a team or a user."""
# fmt: on
AGENT_PREFIX: Final = "a2a/"
"""LiteLLM takes the rest of such a name for an agent's."""


def check_model_name(name: str) -> None:
    """Raises ``Refused`` for a name that means something else to LiteLLM. Nothing was sent."""
    plain = name.casefold()
    if plain in ROUTE_WORDS or plain.startswith(AGENT_PREFIX):
        reason = "is a part of LiteLLM's own routes, and a model of that name would get calls that are not meant for it"
    elif plain in SPECIAL:
        reason = "has a meaning of its own in the models that a key, a team or a user may call"
    elif "," in name:
        reason = "holds a comma, at which LiteLLM splits names"
    elif name.count("*") > MOST_STARS:
        reason = f"holds more than {MOST_STARS} stars, and matching it could keep the proxy busy for minutes"
    else:
        return
    raise Refused(f"model_name {quote(name)} {reason}. Nothing was created", hint="Choose another model_name.")
