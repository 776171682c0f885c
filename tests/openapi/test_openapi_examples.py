"""The examples of the OpenAPI document are what the server answers: each call is made again, and its answer has the same shape.

`ASSENT_RECORD=1` writes server/openapi/examples.json anew. What operations answer is held against their Definitions on the way.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from api_calls import CALLS, Call
from in_process import House

import server.openapi
from operations.definition import Definition
from server.openapi.examples import examples
from server.openapi.operation_paths import fits

sys.path.append(str(Path(__file__).parents[1] / "operations"))
from output_check import faults_of  # the folder of another area

FILE = Path(server.openapi.__file__).with_name("examples.json")
STREAMS = {"auditevent-tail", "auditevent-export-trail"}
"""Their answers are lines without an end of their own."""
DEEP = 4
"""Levels down to which two answers must have the same members."""


def shape(value: Any, depth: int = DEEP) -> Any:
    """Names and types, and of a list what its first item looks like."""
    if not depth:
        return type(value).__name__
    if isinstance(value, dict):
        return {name: shape(member, depth - 1) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0], depth - 1)] if value else []
    return type(value).__name__


async def make(client: httpx.AsyncClient, call: Call) -> tuple[int, Any]:
    headers = {"Content-Type": call.content_type} if call.body is not None else {}
    headers |= {"Prefer": "respond-async"} if call.later else {}
    content = None if call.body is None else json.dumps(call.body)
    answer = await client.request(call.method, call.path, content=content, headers=headers)
    return answer.status_code, json.loads(answer.content) if answer.content else None


async def test_every_example_is_what_is_answered(practice: House) -> None:
    made = []
    async with practice.client() as client:
        for call in CALLS:
            status, answer = await make(client, call)
            assert status == call.status, f"{call.name}: {answer}"
            check_output(practice, call, answer)
            made.append(
                {
                    "name": call.name,
                    "title": call.title,
                    "method": call.method,
                    "path": call.path,
                    "status": status,
                    "body": call.body,
                    "answer": answer,
                }
            )
    if os.environ.get("ASSENT_RECORD"):
        FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    recorded = json.loads(FILE.read_text("utf-8"))
    assert [each["name"] for each in recorded] == [each["name"] for each in made]
    for one, other in zip(recorded, made, strict=True):
        assert {**one, "answer": 0} == {**other, "answer": 0}, "recorded another call: ASSENT_RECORD=1"
        assert shape(one["answer"]) == shape(other["answer"]), f"{one['name']}: ASSENT_RECORD=1 records it anew"


async def test_every_operation_has_one(app: House) -> None:
    """In its Definition's own words: at one of its addresses at least."""
    shown = {operation.definition.id: operation.definition for operation in app.services.operations.values()}
    without = {
        id_
        for id_, definition in shown.items()
        if not any(
            fits(path, example.path) for path in addresses(definition) for example in examples() if "$" in example.path
        )
    }
    assert without == STREAMS


def addresses(definition: Definition) -> Iterator[str]:
    for level in definition.levels:
        types = ("{type}",) if definition.on == ("Resource",) else definition.types
        for type_ in types if level != "system" else ("",):
            instance = "{id}" if level == "instance" else ""
            yield "/" + "/".join(part for part in (type_, instance, f"${definition.code}") if part)


def check_output(house: House, call: Call, answer: Any) -> None:
    path = call.path.partition("?")[0]
    if "$" not in path or call.status != 200 or "resourceType" not in answer:
        return
    for (level, type_, code), operation in house.services.operations.items():
        address = "/" + "/".join(part for part in (type_, "{id}" if level == "instance" else "", f"${code}") if part)
        if fits(address, path):
            assert faults_of(operation.definition, answer) == [], call.name
            return
    raise AssertionError(path)
