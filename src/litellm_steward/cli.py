"""The command line. No option takes a secret: other users of a machine can read its processes' arguments."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, get_args

from litellm_steward import __version__
from litellm_steward.command_line import Parser, WrongCommandLine, parse
from litellm_steward.errors import StewardError
from litellm_steward.logs import configure_logging
from litellm_steward.settings import SETTINGS, Approval, LogLevel, Settings, SettingsError, load_settings
from litellm_steward.text import holds_key

# The rest is imported where it is needed: a host waits for the first answer on stdio, and neither
# an HTTP server nor the check has a part in it.

OVERRIDES: Final[Mapping[str, str]] = {
    "base_url": "litellm_base_url",
    "read_only": "steward_read_only",
    "toolsets": "steward_toolsets",
    "approval": "steward_approval",
    "log_level": "steward_log_level",
}
"""Options that stand for settings."""

TRANSPORTS: Final = ("stdio", "sse", "streamable-http")

TAKES: Final[Mapping[str, str]] = {
    "COMMAND": "is serve, check or tools",
    "--base-url": "takes the address of the LiteLLM proxy",
    "--read-only": "takes no value",
    "--toolsets": "takes names, separated by commas",
    "--approval": f"takes one of {', '.join(get_args(Approval))}",
    "--log-level": f"takes one of {', '.join(get_args(LogLevel))}",
    "--env-file": "takes the path of a file",
    "--transport": f"takes one of {', '.join(TRANSPORTS)}",
    "--host": "takes an address of this machine, or its name",
    "--port": "takes a number from 0 to 65535",
    "--json": "takes no value",
    "--version": "takes no value",
    "--help": "takes no value",
    "-h": "takes no value",
}
"""Every option, and what is said of it where something else was given."""


def main() -> None:
    """The ``litellm-steward`` command."""
    sys.exit(cli(sys.argv[1:]))


def cli(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code: 2 for a wrong configuration, 1 for any other failure."""
    try:
        parser = _parser()
        options = parse(parser, argv, TAKES)
    except SystemExit as done:  # --help and --version
        return done.code if isinstance(done.code, int) else 2
    except WrongCommandLine as wrong:
        sys.stderr.write(f"{parser.format_usage()}litellm-steward: {wrong}\n")
        return 2
    try:
        settings = _settings(options)
        configure_logging(settings.steward_log_level)
        return _run(options, settings)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as in "tools | head": whoever read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except StewardError as error:
        sys.stderr.write(f"litellm-steward: {error}\n")
        return 2 if isinstance(error, SettingsError) else 1


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.command:
        case "tools":
            return asyncio.run(_tools(settings, as_json=options.json))
        case "check":
            from litellm_steward import check  # noqa: PLC0415 - see above

            return asyncio.run(check.run(settings))
        case _:
            return _serve(options, settings)


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    if settings.steward_approval == "off":
        sys.stderr.write("litellm-steward: STEWARD_APPROVAL=off: keys and models are deleted without asking anybody\n")
    if options.transport == "stdio":
        if options.host is not None or options.port is not None:
            raise SettingsError("--host and --port need --transport streamable-http or sse")
        with _loading():
            from litellm_steward.serving.stdio import run_stdio  # noqa: PLC0415

        run_stdio(settings)
    with _loading():
        from litellm_steward.serving.http import HOST, PORT, run_http  # noqa: PLC0415

    run_http(
        settings,
        options.transport,
        host=HOST if options.host is None else options.host,
        port=PORT if options.port is None else options.port,
    )
    return 0


@contextmanager
def _loading() -> Iterator[None]:
    """Nothing that is loaded for the server becomes garbage.

    So none is looked for meanwhile, and what is there in the end is left alone from then on: to look through its
    hundred thousand objects takes 60 ms, which would be in the middle of somebody's answer.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _tools(settings: Settings, *, as_json: bool) -> int:
    from litellm_steward.server import build_server, select_tools  # noqa: PLC0415
    from litellm_steward.steward import open_steward  # noqa: PLC0415

    if as_json:
        async with open_steward(settings) as steward:
            tools = await build_server(steward).list_tools()
        listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
        sys.stdout.write(json.dumps({"tools": listed}, indent=2, ensure_ascii=False) + "\n")
        return 0
    specs = select_tools(settings).offered
    width = max((len(spec.name) for spec in specs), default=0)
    for spec in specs:
        summary = (spec.function.__doc__ or "").strip().partition("\n")[0]
        sys.stdout.write(f"{spec.name:<{width}}  {spec.effect:<8}  {summary}\n")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    given = vars(options)
    return load_settings(
        env_file=given.get("env_file"), **{OVERRIDES[name]: given[name] for name in OVERRIDES if name in given}
    )


def _parser() -> Parser:
    common = _common_options()
    parser = Parser(
        prog="litellm-steward",
        description="An MCP server that lets an agent run a live LiteLLM gateway safely.",
        epilog="Without a command, it serves stdio. Settings are variables of the environment, or lines NAME=VALUE of "
        "the file that --env-file or STEWARD_ENV_FILE names; no other file is read. The admin key is "
        f"LITELLM_MASTER_KEY_FILE or LITELLM_MASTER_KEY. All settings: {', '.join(sorted(SETTINGS))}.",
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"litellm-steward {__version__}")
    parser.set_defaults(command="serve", transport="stdio", host=None, port=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, summary: str) -> Parser:
        added = commands.add_parser(name, help=summary, description=summary, parents=[common])
        added.set_defaults(command=name)
        return added

    serve = command("serve", "Serve MCP over stdio or HTTP.")
    serve.add_argument("--transport", choices=TRANSPORTS, default="stdio", help="default: %(default)s")
    serve.add_argument("--host", type=_host, help="for HTTP: the address to serve on (default: 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="for HTTP: the port to serve on (default: 8000; 0 picks a free one)")
    command("check", "Say whether this configuration works, what it may do, and how to mend what does not.")
    tools = command("tools", "Print the tools that this configuration offers.")
    tools.add_argument("--json", action="store_true", help="print the whole list as a client sees it")
    return parser


def _common_options() -> Parser:
    """Options of every command, before or after its name. Absent ones leave no trace, so neither place wins."""
    options = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("settings", "each overrides the environment variable in brackets")
    group.add_argument("--base-url", metavar="URL", help="the LiteLLM proxy [LITELLM_BASE_URL]")
    group.add_argument("--read-only", action="store_true", help="offer only the tools that read [STEWARD_READ_ONLY]")
    group.add_argument("--toolsets", metavar="NAMES", help="toolsets, separated by commas [STEWARD_TOOLSETS]")
    group.add_argument("--approval", choices=get_args(Approval), help="who agrees to deletions [STEWARD_APPROVAL]")
    group.add_argument("--log-level", type=str.upper, choices=get_args(LogLevel), help="for stderr [STEWARD_LOG_LEVEL]")
    group.add_argument(
        "--env-file",
        type=Path,
        metavar="PATH",
        help="read settings from this file, where the environment has none [STEWARD_ENV_FILE]",
    )
    return options


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(TAKES["--port"])


def _host(text: str) -> str:
    if holds_key(text):
        raise argparse.ArgumentTypeError(TAKES["--host"])
    return text
