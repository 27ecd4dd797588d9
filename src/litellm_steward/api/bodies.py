"""The body of an answer, as much of it as an answer of LiteLLM's can be."""

from __future__ import annotations

import httpx

from litellm_steward import errors
from litellm_steward.text import quote

MAX_ANSWER = 48 * 1024 * 1024
"""Bytes of one answer. The largest one that is asked for is about 25 MB."""

MAX_VALUES = 4_000_000
"""Values of one answer, each of which takes some 70 bytes once it is read, and two before. The largest answer that is
asked for has two million."""

UNPACKED = 1 << 20
MOST_PACKED = 200
"""An answer beyond so many bytes, and so many times what came over the wire, was made to be large: a rollup of nothing
but zeros is packed 82 times."""

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""One layer at most, of a kind in which a piece of the wire is at most a thousand times its size in memory."""


async def read_bounded(response: httpx.Response, route: str) -> bytes:
    """The body, unpacked, of at most ``MAX_ANSWER`` bytes. Raises ``AnswerTooLarge`` for a larger one."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise errors.ProxyBroken(
            f"{route} was answered in the Content-Encoding {quote(encoding, 40)}, for which nobody asked"
        )
    announced = response.headers.get("content-length", "")
    content = bytearray()
    if not (announced.isdecimal() and int(announced[:20]) > MAX_ANSWER):
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER:
                break
            if encoding and len(content) > max(UNPACKED, MOST_PACKED * response.num_bytes_downloaded):
                raise errors.ProxyBroken(f"{route} was answered with something that unpacks without end")
        else:
            if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
                raise errors.AnswerTooLarge(
                    f"{route} was answered with more than {MAX_VALUES:,} values; it was not read"
                )
            return bytes(content)
    raise errors.AnswerTooLarge(f"{route} was answered with more than {MAX_ANSWER >> 20} MB; it was not read")
