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
from litellm_steward.errors import StewardError
from litellm_steward.logs import configure_logging
from litellm_steward.settings import Approval, LogLevel, Settings, SettingsError, load_settings

# The rest is imported where it is needed: a host waits for the first answer on stdio, and neither
# an HTTP server nor the check has a part in it.

OVERRIDES: Final[Mapping[str, str]] = {
    "base_url": "litellm_base_url",
    "read_only": "steward_read_only",
    "toolsets": "steward_toolsets",
    "approval": "steward_approval",
    "log_level": "steward_log_level",
    "env_file": "_env_file",
}
"""Options that stand for settings."""


def main() -> None:
    """The ``litellm-steward`` command."""
    sys.exit(cli(sys.argv[1:]))


def cli(argv: Sequence[str]) -> int:
    """Run a command line and return its exit code: 2 for a wrong configuration, 1 for any other failure."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as done:  # argparse has said what there is to say
        return done.code if isinstance(done.code, int) else 2
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
    env_file = given.get("env_file")
    if env_file is not None and not Path(env_file).is_file():  # pydantic-settings would not say a word
        raise SettingsError(f"--env-file {env_file} does not exist")
    return load_settings(**{OVERRIDES[name]: given[name] for name in OVERRIDES if name in given})


def _parser() -> argparse.ArgumentParser:
    common = _common_options()
    parser = argparse.ArgumentParser(
        prog="litellm-steward",
        description="An MCP server that lets an agent run a live LiteLLM gateway safely.",
        epilog="Without a command, it serves stdio. Everything else is set in the environment or a .env file; "
        "the admin key is LITELLM_MASTER_KEY or LITELLM_MASTER_KEY_FILE.",
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"litellm-steward {__version__}")
    parser.set_defaults(command="serve", transport="stdio", host=None, port=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary, parents=[common], allow_abbrev=False)
        added.set_defaults(command=name)
        return added

    serve = command("serve", "Serve MCP over stdio or HTTP.")
    serve.add_argument(
        "--transport", choices=("stdio", "sse", "streamable-http"), default="stdio", help="default: %(default)s"
    )
    serve.add_argument("--host", help="for HTTP: the address to serve on (default: 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="for HTTP: the port to serve on (default: 8000; 0 picks a free one)")
    command("check", "Say whether this configuration works, what it may do, and how to mend what does not.")
    tools = command("tools", "Print the tools that this configuration offers.")
    tools.add_argument("--json", action="store_true", help="print the whole list as a client sees it")
    return parser


def _common_options() -> argparse.ArgumentParser:
    """Options of every command, before or after its name. Absent ones leave no trace, so neither place wins."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = options.add_argument_group("settings", "each overrides the environment variable in brackets")
    group.add_argument("--base-url", metavar="URL", help="the LiteLLM proxy [LITELLM_BASE_URL]")
    group.add_argument("--read-only", action="store_true", help="offer only the tools that read [STEWARD_READ_ONLY]")
    group.add_argument("--toolsets", metavar="NAMES", help="toolsets, separated by commas [STEWARD_TOOLSETS]")
    group.add_argument("--approval", choices=get_args(Approval), help="who agrees to deletions [STEWARD_APPROVAL]")
    group.add_argument("--log-level", type=str.upper, choices=get_args(LogLevel), help="for stderr [STEWARD_LOG_LEVEL]")
    group.add_argument("--env-file", metavar="PATH", help="read settings from this file instead of .env")
    return options


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
