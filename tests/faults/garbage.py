"""What arrives on a wire that is no message, nearly one, or one that nobody should send."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final

ODD_IDS: Final[tuple[Any, ...]] = (None, "", "x" * 5_000, 1.5, -1, 2**70, True, [], {}, [1], {"a": 1})
ODD_PARAMS: Final[tuple[Any, ...]] = (
    None,
    [],
    "x",
    0,
    True,
    {},
    {"_meta": 1},
    {"_meta": {"progressToken": {}}},
    {"name": None},
    [[]],
)
ODD_METHODS: Final = ("", "tools/call ", "TOOLS/LIST", "x" * 10_000, "tools/call\u0000", "__init__", "ping", "\u2028")
ODD_CALLS: Final = (
    {"name": 1, "arguments": {}},
    {"name": "need"},
    {"name": "need", "arguments": None},
    {"name": "need", "arguments": []},
    {"name": "need", "arguments": "x"},
    {"name": "need", "arguments": {"key": "\u2028\u2029\u0085\u000b"}},
    {"name": "need", "arguments": {"": "", "key": {}}},
    {"name": "\ud800", "arguments": {"key": "\udfff"}},
    {"name": "need", "arguments": {"\ud800": "x", "key": "y"}},
    {"name": "need", "arguments": {"key": "y" * 300_000}},
    {"name": "../need", "arguments": {"key": "x"}},
    {"name": {"name": "need"}, "arguments": {"key": "x"}},
)
NO_MESSAGES: Final = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe\xfd",
    b"\xc3\x28",
    b"\xef\xbb\xbf{}",
    b"null",
    b"42",
    b'"text"',
    b"[]",
    b"{}",
    b"[{}]",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'{"jsonrpc": "2.0"}',
    b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "id": 2}',
    b'{"jsonrpc": "2.0", "id": NaN, "method": "tools/list"}',
    b'{"jsonrpc": "2.0", "id": 1e999, "method": "tools/list"}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}} trailing',
    b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}]',
    b'{"jsonrpc": "2.0", "id": 1, "result": {}}',
    b'{"jsonrpc": "2.0", "id": "never asked", "error": {"code": "x", "message": 1}}',
    b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {}}}',
    b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99999}}',
    b'{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": "x"}}',
    b'{"jsonrpc": "2.0", "method": "notifications/initialized", "params": 7}',
    b"GET / HTTP/1.1",
    b"Content-Length: 10",
    b"x" * 1_000_000,
)


def call(number: Any, params: Any, method: Any = "tools/call") -> bytes:  # noqa: ANN401 - anything that JSON holds
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def odd_messages() -> Iterator[bytes]:
    """One of each kind."""
    yield from NO_MESSAGES
    good = {"name": "need", "arguments": {"key": "x"}}
    for number in ODD_IDS:
        yield call(number, good)
    for method in (
        "tools/call",
        "tools/list",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "logging/setLevel",
    ):
        for odd in ODD_PARAMS:
            yield call(1, odd, method)
    for name in (*ODD_METHODS, *ODD_IDS):
        yield call(1, {}, name)
    for params in ODD_CALLS:
        yield call(1, params)


def damaged(dice: random.Random, number: int) -> Iterator[bytes]:
    """Good calls with a few bytes changed, lost or repeated."""
    for _ in range(number):
        data = bytearray(call(dice.randrange(1000), {"name": "need", "arguments": {"key": "äx"}}))
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[at] = dice.randrange(256)
                case 1:
                    del data[at : at + dice.randrange(1, 12)]
                case 2:
                    data[at:at] = data[at : at + dice.randrange(1, 12)]
                case _:
                    data[at:at] = dice.choice((b'"', b"{", b"]", b"\\u0000", b"\\ud800", b"1e9", b"\x00", b"\xff"))
            if not data:
                break
        yield bytes(data)
