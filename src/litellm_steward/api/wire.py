"""The base of every wire model."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


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
