"""What an HTTP server in trouble does, one function each."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import Final

from tests.faults.relay import Act, Exchange

HUGE: Final = 300 * 1024 * 1024
CHUNK: Final = 256 * 1024


# ---- the connection --------------------------------------------------------------------------------


async def hang(exchange: Exchange) -> None:
    await exchange.silence()


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def hang_up(exchange: Exchange) -> None:
    exchange.writer.close()


async def reset_in_the_body(exchange: Exchange) -> None:
    await exchange.head(200, {"Content-Type": "application/json", "Content-Length": "100000"})
    await exchange.send(b'{"data": [')
    await asyncio.sleep(0.02)
    exchange.reset()


async def cut_short(exchange: Exchange) -> None:
    await exchange.head(200, {"Content-Type": "application/json", "Content-Length": "100000"})
    await exchange.send(b"{}")
    exchange.writer.close()


async def cut_a_chunk(exchange: Exchange) -> None:
    await exchange.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    await exchange.send(b"ffff\r\n{}")
    exchange.writer.close()


async def drip(exchange: Exchange) -> None:
    """A byte now and then: every read succeeds, and the answer never ends."""
    await exchange.head(200, {"Content-Type": "application/json", "Content-Length": "100000"})
    while True:
        await exchange.send(b" ")
        await asyncio.sleep(0.1)


async def drip_the_head(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        await exchange.send(b"a")
        await asyncio.sleep(0.1)


async def speak_something_else(exchange: Exchange) -> None:
    await exchange.send(b"220 mail.example.com ESMTP\r\n\r\n")
    exchange.writer.close()


async def flood_with_headers(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(400)))
    await exchange.silence()


# ---- the body --------------------------------------------------------------------------------------


async def announce_much(exchange: Exchange) -> None:
    await exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(HUGE)})
    await _pour(exchange, b" " * CHUNK)


async def pour(exchange: Exchange) -> None:
    await exchange.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    await _pour(exchange, b"%x\r\n%s\r\n" % (CHUNK, b" " * CHUNK))


async def pour_an_error(exchange: Exchange) -> None:
    await exchange.head(500, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"})
    await _pour(exchange, b"%x\r\n%s\r\n" % (CHUNK, b"x" * CHUNK))


async def _pour(exchange: Exchange, piece: bytes) -> None:
    while exchange.taken < HUGE:
        await exchange.send(piece)


@cache
def _bomb() -> bytes:
    """A third of a megabyte that unpacks to 300 MB."""
    return gzip.compress(bytes(HUGE), compresslevel=6)


@cache
def _bomb_in_a_bomb() -> bytes:
    """Four kilobytes that unpack to 300 MB if both layers are undone at once."""
    return gzip.compress(_bomb())


async def gzip_bomb(exchange: Exchange) -> None:
    await exchange.answer(200, _bomb(), Content_Encoding="gzip")


async def gzip_twice(exchange: Exchange) -> None:
    await exchange.answer(200, _bomb_in_a_bomb(), Content_Encoding="gzip, gzip")


# ---- whole answers ---------------------------------------------------------------------------------


def says(status: int, body: object, kind: str = "application/json", **headers: str) -> Act:
    """A whole answer. ``body``: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def act(exchange: Exchange) -> None:
        await exchange.answer(status, content, kind, **headers)

    return act


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


async def limit_until(exchange: Exchange) -> None:
    await exchange.answer(429, b'{"detail": "slow down"}', Retry_After=in_a_minute())


def then(act: Act) -> Act:
    """The same, after the real proxy has done what it was asked: only the answer is lost."""

    async def done_and(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        assert answer.status == 200, answer.body
        await act(exchange)

    return done_and
