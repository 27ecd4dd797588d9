"""Answers that were made to be expensive: what is not asked for is not read, and one fault is enough."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr, TypeAdapter, ValidationError

import litellm_steward.api
import litellm_steward.references
from litellm_steward import errors
from litellm_steward.api.activity import Activity
from litellm_steward.api.decode import LONGEST_ERROR, Answer, decode, error_of
from litellm_steward.api.keys import KeyInfo, KeyPage
from litellm_steward.api.proxy import Proxy
from litellm_steward.api.version import Version
from litellm_steward.api.wire import Acknowledged, ByName, Wire
from litellm_steward.secret import ConstantSecret
from tests.processor import measured
from tests.tape import BASE_URL

KEY = ConstantSecret("LITELLM_MASTER_KEY", SecretStr("sk-example-master-key"))
MANY = 1_000


def wire_models() -> list[type[Wire]]:
    for package in (litellm_steward.api, litellm_steward.references):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found, left = list[type[Wire]](), [Wire]
    while left:
        below = left.pop().__subclasses__()
        found += below
        left += below
    return [model for model in found if model.__module__.startswith("litellm_steward")]


DROPPED_BEFORE = {"_strings", "_chains", "_with_settings"}
"""Functions that leave only what is right in a list, so that it has no faults to collect."""


def _parts(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a schema of pydantic's core
    """Every part of a schema, but for lists that a function of ours has cleaned before."""
    if isinstance(schema, dict):
        if schema.get("type") == "function-before" and schema["function"]["function"].__name__ in DROPPED_BEFORE:
            return
        yield schema
        for name, inner in schema.items():
            if name not in {"metadata", "serialization", "cls"}:
                yield from _parts(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from _parts(inner)


def test_every_list_of_an_answer_ends_at_its_first_fault() -> None:
    """Pydantic keeps an error of each element: a million of them are half a gigabyte, and stop the process."""
    models = wire_models()
    assert len(models) > 40
    collecting = {
        model.__name__
        for model in models
        for part in _parts(model.__pydantic_core_schema__)
        if (part.get("type") == "list" and not part.get("fail_fast"))
        or (part.get("type") == "dict" and part.get("values_schema", {}).get("type", "any") != "any")
    }
    assert collecting == set()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (KeyPage, {"keys": [0] * MANY, "total_count": 1, "total_pages": 1}),
        (Activity, {"results": [{"date": "2026-11-01"}] * MANY, "metadata": {}}),
    ],
)
def test_one_fault_is_kept_of_many(answer: type[Wire], what: object) -> None:
    with pytest.raises(ValidationError) as caught:
        answer.model_validate_json(json.dumps(what))
    assert caught.value.error_count() < 10


def test_rows_by_name_end_at_their_first_fault_and_keep_their_order() -> None:
    rows = TypeAdapter(ByName[int])
    assert list(rows.validate_json(b'{"b": 1, "a": 2}').items()) == [("b", 1), ("a", 2)]
    with pytest.raises(ValidationError) as caught:
        rows.validate_json(json.dumps({str(number): "x" for number in range(MANY)}))
    assert caught.value.error_count() == 1
    for other in (b"[]", b'[["a", 1]]', b"1"):
        with pytest.raises(ValidationError, match="dict_type"):
            rows.validate_json(other)


def test_of_a_long_error_the_beginning_is_read() -> None:
    long = b'{"detail": "' + b"d" * LONGEST_ERROR + b' not found"}'
    error = error_of(Answer(400, long), "GET /key/list")
    assert isinstance(error, errors.BadRequest), "its end would have made it Missing"
    assert len(str(error)) < 600
    nested = b'{"detail": [' + b"[]," * LONGEST_ERROR + b"[]]}"
    assert isinstance(error_of(Answer(500, nested), "GET /key/list"), errors.ProxyBroken)


@pytest.mark.parametrize("number", [10**20, -(10**20)])
def test_a_count_is_one_that_can_be_counted_with(number: int) -> None:
    body = json.dumps({"keys": [], "total_count": number, "total_pages": 1}).encode()
    with pytest.raises(errors.ProxyBroken, match="total_count"):
        decode(Answer(200, body), TypeAdapter(KeyPage), "GET /key/list")


def test_a_version_of_any_length_is_none() -> None:
    assert Version.parse(f"{'1' * 5_000}.1.1") is None
    assert Version.parse("1.108.5") == (1, 108, 5)


@pytest.mark.asyncio
@respx.mock
async def test_what_unpacks_without_end_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    async def body() -> Any:  # noqa: ANN401 - chunks
        yield gzip.compress(b" " * (8 << 20))

    headers = {"Content-Encoding": "gzip"}
    respx.route().mock(side_effect=lambda _: httpx.Response(200, headers=headers, content=body()))
    async with Proxy(BASE_URL, KEY) as proxy:
        with pytest.raises(errors.ProxyBroken, match="unpacks without end"):
            await proxy.get("/team/list", Acknowledged, attempts=1)


@pytest.mark.asyncio
@respx.mock
@pytest.mark.parametrize("values", ["[],", "{},", "1,", '"a":0,'], ids=["lists", "objects", "numbers", "names"])
async def test_values_without_end_are_not_read(values: str) -> None:
    """47 MB of the smallest would take a gigabyte, in a field of which nothing is shown."""
    padding = values * ((47 << 20) // len(values))
    respx.route().respond(content=f'{{"info": {{"metadata": {{"x": [{padding}0]}}}}}}'.encode())
    async with Proxy(BASE_URL, KEY) as proxy:
        with measured(memory=True) as cost, pytest.raises(errors.AnswerTooLarge, match="more than 4,000,000 values"):
            await proxy.get("/key/info", KeyInfo, attempts=1)
    assert cost.peak < 200 << 20
