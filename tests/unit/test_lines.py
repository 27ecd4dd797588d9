"""Lines of stdin are bounded; one that is too large is answered by its number."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from litellm_steward.serving.limits import MOST_BYTES
from litellm_steward.serving.lines import TOO_LARGE, BoundedLines

pytestmark = pytest.mark.asyncio
SMALL = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'


def line(number: object, padding: str, *, last: bool = False) -> bytes:
    """A request whose number stands first or last, as the common clients write it."""
    rest: dict[str, Any] = {"method": "tools/call", "params": {"x": padding}}
    ordered = {"jsonrpc": "2.0", **rest, "id": number} if last else {"jsonrpc": "2.0", "id": number, **rest}
    return json.dumps(ordered).encode() + b"\n"


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("number", [7, -1, "a-7"])
@pytest.mark.parametrize("padding", ["x" * MOST_BYTES, "," * 30_000, "x" * 5_000_000])
async def test_one_that_is_too_large_is_answered(number: object, padding: str, *, last: bool) -> None:
    lines = BoundedLines(io.BytesIO(line(number, padding, last=last) + SMALL))
    assert json.loads(lines.readline()) == {"jsonrpc": "2.0", "id": number, "method": TOO_LARGE}
    assert lines.readline().encode() == SMALL, "and the next is read as usual"
    assert lines.readline() == ""


@pytest.mark.parametrize("said", [b"x" * 300_000, b'{"id": [1], ' + b"," * 300_000, b'"id": 1' * 100_000])
async def test_what_has_no_number_is_nobodys(said: bytes) -> None:
    lines = BoundedLines(io.BytesIO(said + b"\n" + SMALL))
    assert "id" not in json.loads(lines.readline())
    assert lines.readline().encode() == SMALL


async def test_they_end() -> None:
    assert [said async for said in BoundedLines(io.BytesIO(SMALL * 3))] == [SMALL.decode()] * 3
