"""What every tool says, whole: as data and as text, to every recorded call.

The expected answers stand in ``tests/unit/answers/<version>/<tool>.md`` and are worth reading: they are the
product. ``UPDATE_ANSWERS=1 uv run pytest tests/unit/test_answers.py`` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from mcp.types import CallToolResult

from tests.recorded_tools import RECORDED_TOOLS
from tests.stage import text_of
from tests.tape import VERSIONS, Scene, scenes
from tests.unit.playing import playing

FOLDER = Path(__file__).parent / "answers"


async def _answer(recorded: Scene) -> str:
    """The tool call that made this recording, made again; with its approval where it asks for one."""
    async with playing(recorded) as stage:
        tool, arguments = recorded.call
        shown = [_shown(await stage.call(tool, **arguments))]
        token = re.search(r'"approval": "([^"]+)"', shown[0])
        if token is not None:
            shown.append("With the approval:\n\n" + _shown(await stage.call(tool, **arguments, approval=token[1])))
            shown = [part.replace(token[1], "TOKEN") for part in shown]
        assert stage.player.unsent() == []
    return f"## {recorded.name}\n\n" + "\n".join(shown)


def _shown(result: CallToolResult) -> str:
    if result.is_error:
        return f"> {text_of(result)}\n"
    data = json.dumps(result.structured_content, indent=1, ensure_ascii=False)
    return f"```text\n{text_of(result)}\n```\n\n```json\n{data}\n```\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tool", RECORDED_TOOLS)
async def test_the_whole_answer(version: str, tool: str) -> None:
    answers = f"# `{tool}` on LiteLLM {version}\n\n" + "\n".join(
        [await _answer(recorded) for recorded in scenes(version, tool)]
    )
    path = FOLDER / version / f"{tool}.md"
    if os.environ.get("UPDATE_ANSWERS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(answers, encoding="utf-8")
    assert answers == path.read_text(encoding="utf-8")
