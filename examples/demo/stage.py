"""The stage of the demo: a client of the server, and everything that is said printed as it is said."""

import json
import re
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.context import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent

from examples.gateway import Ledger, Running
from examples.gateway.calls import Answer, request
from examples.gateway.install import tool_environment

SERVER: Final = Path(sys.executable).with_name("litellm-steward")
WIDTH: Final = 100
RAW_KEY: Final = re.compile(r"sk-[A-Za-z0-9_-]{8,}")
PATIENCE: Final = 40.0


class WrongAnswerError(Exception):
    """An answer is not what it has to be: the demo ends here."""


@dataclass
class Stage:
    """Who is on it: the seeded gateway, the client, and a person who types names into forms."""

    running: Running
    ledger: Ledger
    client: Client | None = None
    types: str = ""
    questions: list[str] = field(default_factory=list)

    def opens(self, number: int, title: str, words: str) -> None:
        """A conversation begins with what a person says."""
        say(f"\n\n{f'── {number}. {title} '.ljust(WIDTH, '─')}")
        _print_block("Person", f"“{words}”")

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool, print the call and what a person reads, and return the data."""
        result = await self._called(tool, arguments)
        _require(not result.is_error, f"{tool} was to succeed")
        return result.structured_content or {}

    async def fails(self, tool: str, **arguments: object) -> str:
        """Call a tool that has to answer with an error, and return its words."""
        result = await self._called(tool, arguments)
        _require(bool(result.is_error), f"{tool} was to fail")
        return _text(result)

    async def look(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool without a word, to wait for something."""
        return (await self._ask(tool, arguments)).structured_content or {}

    async def _called(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in arguments.items())
        _print_block("Agent", f"{tool}({given})")
        result = await self._ask(tool, arguments)
        _print_block("Refused" if result.is_error else "Answer", _text(result), wrap=False)
        return result

    async def _ask(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        assert self.client is not None  # noqa: S101  # the curtain is up
        result = await self.client.call_tool(tool, dict(arguments))
        if not isinstance(result, CallToolResult):
            raise WrongAnswerError(f"{tool} asked for something that this client does not know")
        return result

    async def person(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """The server asks; the person reads the form and types the target's name."""
        del context
        self.questions.append(params.message)
        _print_block("Form", params.message)
        _print_block("Person", f"types {self.types}")
        return ElicitResult(action="accept", content={"confirm": self.types})

    def chat(self, key: str, model: str, **more: object) -> Answer:
        """A chat call on the proxy, as an application makes it; printed with its outcome."""
        answer = self.chat_quietly(key, model, **more)
        _print_block("Chat", f"{model} with {mask(key)} → {answer.status}: {_gist(answer)}")
        return answer

    def chat_quietly(self, key: str, model: str, **more: object) -> Answer:
        """The same without a word."""
        body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], **more}
        return request(self.running.base_url, "POST", "/chat/completions", body, key=key)


@asynccontextmanager
async def curtain(running: Running, ledger: Ledger) -> AsyncIterator[Stage]:
    """Start the server as a desktop host would, away from any `.env`, and connect."""
    stage = Stage(running, ledger)
    with TemporaryDirectory() as elsewhere:
        environment = tool_environment(settings_of(running))
        server = StdioServerParameters(command=str(SERVER), env=environment, cwd=elsewhere)
        async with Client(stdio_client(server), elicitation_callback=stage.person, cache=None) as client:
            stage.client = client
            yield stage


def settings_of(running: Running) -> dict[str, str]:
    """What the server has to know."""
    return {"LITELLM_BASE_URL": running.base_url, "LITELLM_MASTER_KEY": running.master_key}


def proves(truth: bool, what: str) -> None:
    """Print what was proven, or end the demo with what was not."""
    _require(truth, what)
    say(f"  {'✓':<7} {what}")


async def until(true: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
    """Wait for what the proxy does in the background."""
    deadline = time.monotonic() + PATIENCE
    while not await true():
        _require(time.monotonic() < deadline, f"within {PATIENCE:.0f} s, {what}")
        await anyio.sleep(0.3)


def mask(text: str) -> str:
    """Keys as LiteLLM shows them: `sk-...a1b2`."""
    return RAW_KEY.sub(lambda key: f"sk-...{key[0][-4:]}", text)


def say(text: str = "") -> None:
    """Print for whoever reads along, also through a pipe and on a terminal without Unicode."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode("ascii"), flush=True)


def _require(truth: bool, what: str) -> None:
    if not truth:
        raise WrongAnswerError(what)


def _text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _shown(value: object) -> str:
    return mask(json.dumps(value, ensure_ascii=False))


def _gist(answer: Answer) -> str:
    """The model's words, or the first of the proxy's about why there are none."""
    if answer.ok:
        return str(answer.body["choices"][0]["message"]["content"])
    return textwrap.shorten(mask(answer.error), 150, placeholder=" …")


def _print_block(who: str, text: str, *, wrap: bool = True) -> None:
    """Text in a column of its own. Tables stay as they are."""
    lines = [part for line in text.splitlines() for part in _wrapped(line, wrap=wrap)]
    say()
    for number, line in enumerate(lines):
        say(f"  {who if number == 0 else '':<7} {line}".rstrip())


def _wrapped(line: str, *, wrap: bool) -> list[str]:
    if line.startswith("|") or not line or (not wrap and len(line) <= WIDTH):
        return [line]
    return textwrap.wrap(line, WIDTH - 10, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")
