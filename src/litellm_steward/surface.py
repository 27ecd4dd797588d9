"""From a ``ToolSpec`` to a tool of the MCP SDK: schemas, arguments, results and errors.

Everything a tool says to an agent passes through here, so that each tool says it the same way: a
wrong argument or a ``StewardError`` is a tool error the agent can act on, and a bug of ours is
reported as ours, with a number to find it by in the log.
"""

from __future__ import annotations

import inspect
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import PrivateAttr

from litellm_steward.approval import called_with
from litellm_steward.arguments import Arguments, Shape, Signature, friendly, shape_of, signature_of, validate
from litellm_steward.callers import caller_of
from litellm_steward.errors import StewardError
from litellm_steward.logs import place_of
from litellm_steward.schemas import Schema, input_schemas, output_schemas
from litellm_steward.tools.view import Answer, Effect, ToolSpec, steward_of

log = logging.getLogger(__name__)

HINTS: Final[Mapping[Effect, Mapping[str, bool]]] = {
    "reads": {"read_only_hint": True, "destructive_hint": False, "idempotent_hint": True},
    "creates": {"read_only_hint": False, "destructive_hint": False, "idempotent_hint": False},
    "destroys": {"read_only_hint": False, "destructive_hint": True, "idempotent_hint": True},
}
"""All of them explicit, since the protocol's defaults are the opposite of each other's."""

_ANYTHING: Final = Shape(text=True)
"""Of an argument that does not exist."""


def build_tools(specs: Sequence[ToolSpec]) -> list[Tool]:
    """The tools an MCP server registers."""
    signatures = [signature_of(spec.function) for spec in specs]
    inputs = input_schemas([signature.model for signature in signatures])
    outputs = output_schemas(
        [_answer_type(spec, signature.returns) for spec, signature in zip(specs, signatures, strict=True)]
    )
    return [_build(*parts) for parts in zip(specs, signatures, inputs, outputs, strict=True)]


def _build(spec: ToolSpec, signature: Signature, parameters: Schema, result: Schema) -> Tool:
    return StewardTool(
        fn=spec.function,
        name=spec.name,
        title=spec.title,
        description=inspect.cleandoc(spec.function.__doc__ or ""),
        parameters=parameters,
        fn_metadata=Surface(arg_model=signature.model, output_schema=result, advertised=parameters),
        is_async=True,
        context_kwarg=signature.context,
        annotations=ToolAnnotations(title=spec.title, open_world_hint=True, **HINTS[spec.effect]),
        effect=spec.effect,
    )


def _answer_type(spec: ToolSpec, returns: object) -> type[Answer]:
    """The one ``Answer`` a tool promises; that it may ask its user first does not show in the schema."""
    arms = get_args(returns) if get_origin(returns) in (Union, UnionType) else (returns,)
    answers = [arm for arm in arms if isinstance(arm, type) and issubclass(arm, Answer)]
    if len(answers) != 1 or len(answers) + (InputRequiredResult in arms) != len(arms):
        raise TypeError(f"{spec.name} must return one kind of Answer")
    return answers[0]


class Surface(FuncMetadata):
    """How arguments come in and results go out."""

    advertised: Schema
    _shapes: dict[str, Shape] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        super().model_post_init(context)
        self._shapes = {name: shape_of(field.annotation) for name, field in self.arg_model.model_fields.items()}

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """The SDK's own version reads any text that happens to be JSON; an alias "null" would vanish."""
        return {name: friendly(value, self._shapes.get(name, _ANYTHING)) for name, value in data.items()}

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        if not issubclass(self.arg_model, Arguments):
            raise TypeError("a tool's argument model derives from Arguments")
        prepared = self.pre_parse_json(arguments_to_validate)
        return validate(self.arg_model, self.advertised, prepared).model_dump_one_level()

    def convert_result(self, result: Any) -> CallToolResult | InputRequiredResult:  # noqa: ANN401 - the SDK's signature
        if isinstance(result, Answer):
            return present(result)
        if isinstance(result, InputRequiredResult):
            return result
        raise TypeError(f"a tool returned {type(result).__name__}")


class StewardTool(Tool):
    """A tool whose failures are told by us; the SDK's words would blame nobody and help no one."""

    effect: Effect

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> Any:  # noqa: ANN401 - the SDK's signature
        try:
            values = self.fn_metadata.validate_arguments(arguments)
            call = partial(self.fn, **values, **{self.context_kwarg or "ctx": context})
            if self.effect == "reads":
                result, unwritten = await call(), None
            else:
                with called_with(values):
                    result, unwritten = await steward_of(context).audit.recorded(self.name, caller_of(context), call)
            if not convert_result:
                return result
            told = self.fn_metadata.convert_result(result)
            return _warned(told, unwritten) if unwritten and isinstance(told, CallToolResult) else told
        except MCPError:
            raise  # a protocol error is the client's to read
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a tool
            return failure(self._explain(error))

    def _explain(self, error: Exception) -> str:
        known = _steward_error(error)
        if known is not None:
            log.info("%s: %s", self.name, type(known).__name__)
            return str(known)
        return incident(self.name, error, may_have_changed=self.effect != "reads")


def present(answer: Answer) -> CallToolResult:
    """The same facts twice: as text for people, and as data for hosts that show a model nothing else."""
    data = answer.model_dump(mode="json", exclude_none=True)
    try:
        text = answer.text()
    except Exception as error:  # noqa: BLE001 - the answer may hold a new key, which must not be lost
        log.error("The text of %s failed: %s", type(answer).__name__, place_of(error))  # noqa: TRY400 - no values
        text = json.dumps(data, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text), *answer.links()], structured_content=data)


def _warned(result: CallToolResult, warning: str) -> CallToolResult:
    """The change is made, and its answer may hold a new key: add the warning wherever a host may look."""
    data = dict(result.structured_content or {})
    data["notes"] = [*(data.get("notes") or []), warning]
    content = [*result.content, TextContent(type="text", text=f"Note: {warning}")]
    return result.model_copy(update={"content": content, "structured_content": data})


def failure(text: str) -> CallToolResult:
    """A tool error: read by the model, which can act on it."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def incident(name: str, error: BaseException, *, may_have_changed: bool = False) -> str:
    """Log a bug of ours by type and place, and say so in a sentence that names the log line."""
    number = secrets.token_hex(4)
    log.error("Incident %s in %s: %s", number, name, place_of(error))
    change = "; the change may or may not have been made" if may_have_changed else ""
    return (
        f"{name} failed through a fault of the steward itself, not of the arguments or the proxy{change} "
        f"(incident {number} in the steward's log)."
    )


def _steward_error(error: BaseException) -> StewardError | None:
    """The error to tell, also when requests ran side by side and their errors came as a group."""
    if isinstance(error, StewardError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = [_steward_error(inner) for inner in error.exceptions]
        return found[0] if all(inner is not None for inner in found) else None
    return None
