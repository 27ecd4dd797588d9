"""What a key that is made here may be used for: a list of single routes, all of which call a model or name some.

LiteLLM lets a key use a route if the route is on its list *or lies beneath one that is*. Its own names for groups of
routes are of no use: ``llm_api_routes`` holds pass-through routes, which forward anything to a provider, or to
Langfuse, with the operator's credentials; ``info_routes`` shows other people's teams and e-mail addresses.

Left out on purpose, as measured on 1.83.14 and 1.110.2:

- routes of one segment (``/embeddings``, ``/models``): ``/{provider}/v1/files`` lies beneath them, and with it the
  operator's files and batches at the provider. Applications find the same under ``/v1``;
- ``/key/info``: ``/key/{key}/regenerate`` lies beneath it, and 1.83.14 tells a key without an owner of every other;
- ``/v1beta/models``: the newest release calls the model in the path, and checks the one in the body;
- ``/v1/moderations``: without a model it reaches OpenAI with the operator's key;
- ``/openai/deployments`` and ``/engines``: pass-through and ``/{provider}/v1/files`` lie beneath them.

``tests/live/test_routes.py`` walks every route of every supported release with such a key.
"""

from __future__ import annotations

from typing import Final

from litellm_steward.api.version import Version

CALLS: Final = (
    "/chat/completions",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/rerank",
    "/v2/rerank",
    "/v1/ocr",
    "/images/generations",
    "/v1/images/generations",
    "/images/edits",
    "/v1/images/edits",
    "/audio/speech",
    "/v1/audio/speech",
    "/audio/transcriptions",
    "/v1/audio/transcriptions",
    "/v1/models",
    "/model_group/info",
)
"""Each takes a model that the key may use, or lists those. ``/v1/messages/count_tokens`` lies beneath one."""

RESPONSES: Final = "/v1/responses"
"""``/v1/responses/{id}``, which reads and deletes, lies beneath it: only where the proxy knows whose each id is."""

RESPONSES_HAVE_OWNERS_SINCE: Final = Version(1, 108, 5)
"""The first tested release that refuses ids which it did not issue, and those of others. 1.83.14 passes an id that it
does not know on to the provider, with the operator's key."""


def routes_for(version: Version | None, *, powerful_owner: bool) -> list[str]:
    """The routes of a key. ``version`` is ``None`` where the proxy does not tell its release.

    Without a list LiteLLM lets a key do what its owner may: an administrator's key can do what the master key can, and
    any user's key makes further keys without a budget and deletes that user's others. An administrator also reads the
    responses of everybody.
    """
    owned = version is not None and version >= RESPONSES_HAVE_OWNERS_SINCE and not powerful_owner
    return [*CALLS, RESPONSES] if owned else list(CALLS)
