"""The base of every wire model."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, TypeVar, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    SecretStr,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


class Wire(BaseModel):
    """A piece of an answer: unknown fields are ignored and ``null`` means absent.

    A list of rows, and a figure that is added up, have no default: an answer without them is not an
    answer of nothing, and to read it so would make a wrong figure.
    """

    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, protected_namespaces=(), allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        if isinstance(data, dict) and None in cast("dict[str, object]", data).values():
            return {name: value for name, value in cast("dict[str, object]", data).items() if value is not None}
        return data


Rows = Annotated[list[T], FailFast()]
"""A list in an answer. Nobody reads a second fault, and half a gigabyte is what a million of them take."""


class _FailFast:
    """``FailFast`` for an object of rows by name, which pydantic has for lists only."""

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        _, row = get_args(source)
        pairs = Annotated[list[tuple[str, row]], FailFast()]  # type: ignore[valid-type]
        return core_schema.chain_schema(
            [
                core_schema.dict_schema(),
                core_schema.no_info_plain_validator_function(_pairs),
                handler.generate_schema(pairs),
                core_schema.no_info_plain_validator_function(dict),
            ]
        )


def _pairs(named: dict[str, object]) -> list[tuple[str, object]]:
    return list(named.items())


ByName = Annotated[dict[str, T], _FailFast()]
"""An object of rows by name in an answer; the first fault is the last one, as in ``Rows``."""


def _strings(value: object) -> object:
    """LiteLLM stores lists of names without checking them; keep what is text."""
    if isinstance(value, list):
        return [item for item in cast("list[object]", value) if isinstance(item, str)]
    return value


def _printable(value: object) -> object:
    """A key is shown as it is: it must not hide anything, nor look like a sentence."""
    if isinstance(value, str) and not _PRINTABLE.fullmatch(value):
        raise ValueError("is no key")
    return value


_PRINTABLE = re.compile(r"[!-~]{0,500}")
RawKey = Annotated[SecretStr, BeforeValidator(_printable)]
"""A key in clear, for its single showing."""

Usd = Annotated[Decimal, Field(ge=-(10**15), le=10**15)]
"""An amount that is added up, within what ``Decimal`` adds exactly."""


Count = Annotated[int, Field(ge=-(10**19), le=10**19)]
"""A number of things, or a limit of it: what a database holds, so that pages can be counted with it."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("is no time") from error


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time, in UTC: one without a zone is LiteLLM's, which is UTC."""

Strings = Annotated[list[str], BeforeValidator(_strings)]
"""A list of names in which anything else is dropped."""


class Acknowledged(Wire):
    """An answer whose content is not trusted: what happened is read back instead."""
