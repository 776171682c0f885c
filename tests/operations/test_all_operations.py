"""What holds for every operation, whatever it does: it follows from its Definition."""

from __future__ import annotations

import sys
from pathlib import Path

from in_process import House

from operations.ports import Operation

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import code_of, patient, refused

UNKNOWN = {"resourceType": "Parameters", "parameter": [{"name": "no-such-thing", "valueString": "a"}]}


def operations_of(house: House) -> dict[str, tuple[str, Operation]]:
    """By the id of the definition: (an address, the operation)."""
    found = {}
    for (level, type_, code), operation in house.services.operations.items():
        here = type_ if operation.definition.on != ("Resource",) or level == "system" else "Patient"
        parts = (here, "x" if level == "instance" else "", f"${code}")
        found[f"{operation.definition.id} {level}"] = ("/" + "/".join(part for part in parts if part), operation)
    return found


async def test_what_is_not_defined_is_refused_before_anything_is_done(app: House) -> None:
    async with app.client(["administrator", "auditor"]) as client:
        for name, (address, operation) in operations_of(app).items():
            type_ = address.split("/")[1]
            if "/x/" in address and operation.definition.on != ("AuditEvent",):
                await client.put(
                    f"/{type_}/x", json={"resourceType": type_, "id": "x"} if type_ != "Patient" else patient("x")
                )
            asked = await client.get(f"{address}?no-such-thing=1")
            if operation.definition.takes_get:
                refused(asked, 400, "unknown-parameter", "http.query")
            else:
                refused(asked, 405, "method-not-allowed")
                assert asked.headers["allow"] == "POST", name
            if operation.reads_itself or operation.streams:
                continue
            answer = await client.post(address, json=UNKNOWN)
            assert answer.status_code in (400, 404), f"{name}: {answer.text}"
            if answer.status_code == 400 and operation.definition.body != "resource":
                assert code_of(answer) == "unknown-parameter", f"{name}: {answer.text}"


def test_definitions_are_told_apart(app: House) -> None:
    offered = {id(operation): operation.definition for operation in app.services.operations.values()}
    ids = [definition.id for definition in offered.values()]
    assert len(ids) == len(set(ids))
    for definition in offered.values():
        assert definition.title
        assert definition.text.endswith((".", ")")), definition.id
        assert definition.gives, definition.id
