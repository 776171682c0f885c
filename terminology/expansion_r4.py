"""An expansion as R4 has it: properties, which R5 made elements, as HL7's cross-version extensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from terminology.elements import Resource, rows

_R5: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion."


def r4_expansion(value_set: Resource, asked: Sequence[str] = ()) -> Resource:
    """The same in R4, where properties of an expansion are extensions (HL7's cross-version notation).

    The status of an inactive code is left out unless it was `asked` for: R4 says what matters of it by `inactive`.
    """
    expansion = value_set.get("expansion")
    if not isinstance(expansion, dict):
        return value_set
    hiding = "status" not in asked
    contains = [_as_r4(row, "contains.property", hiding=hiding) for row in rows(expansion, "contains")]
    head = {name: value for name, value in expansion.items() if name != "contains"}
    if hiding and not _any_status(rows(expansion, "contains")):
        head["property"] = [row for row in rows(expansion, "property") if row["code"] != "status"]
    found = _as_r4(head, "property", hiding=False)
    return value_set | {"expansion": found | ({"contains": contains} if contains else {})}


def _any_status(contains: Sequence[Resource]) -> bool:
    """Whether a code that is not inactive has a status to be told."""
    return any(
        (row.get("inactive") is not True and any(one["code"] == "status" for one in rows(row, "property")))
        or _any_status(rows(row, "contains"))
        for row in contains
    )


def _as_r4(element: Resource, name: str, *, hiding: bool) -> Resource:
    hidden = "status" if hiding and element.get("inactive") is True else None
    found = {key: value for key, value in element.items() if key not in ("property", "contains")}
    added = [
        {"url": _R5 + name, "extension": [_part(key, value) for key, value in row.items()]}
        for row in rows(element, "property")
        if row["code"] != hidden
    ]
    if added:
        found = {"extension": [*found.pop("extension", ()), *added]} | found
    if "contains" in element:
        found["contains"] = [_as_r4(row, name, hiding=hiding) for row in rows(element, "contains")]
    return found


def _part(name: str, value: Any) -> Resource:
    if name.startswith("value"):
        return {"url": "value", name: value}
    return {"url": name, "valueUri" if name == "uri" else "valueCode": value}
