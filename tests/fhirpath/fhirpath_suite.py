"""HL7's FHIRPath tests for R4, as they lie beside the checkout: what they ask, and what an engine of ours answers.

`run_all()` prints the share that passes when called from the command line: `PYTHONPATH=tests/profiles python tests/fhirpath/fhirpath_suite.py`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from fhir_xml import read_xml
from shared_data import SHARED

from profiles import json
from profiles.fhirpath import (
    Date,
    DateTime,
    FhirPathError,
    Quantity,
    Time,
    compile_expression,
    system_value,
)
from profiles.fhirpath.functions.conversion import to_text

FOLDER = SHARED / "data" / "conformance" / "fhirpath"
SUITE = FOLDER / "tests-fhir-r4.xml"

_PYTHON = {
    "boolean": bool,
    "integer": int,
    "decimal": Decimal,
    "date": Date,
    "dateTime": DateTime,
    "time": Time,
    "Quantity": Quantity,
}


@dataclass(frozen=True)
class Case:
    group: str
    name: str
    expression: str
    input: str | None
    outputs: tuple[tuple[str | None, str], ...]
    invalid: str | None
    strict: bool
    predicate: bool


def cases() -> Iterator[Case]:
    for group in ElementTree.parse(SUITE).getroot().iter("group"):
        for test in group.iter("test"):
            expression = test.find("expression")
            if expression is None:
                continue
            mode = test.get("mode") or expression.get("mode")
            yield Case(
                group.get("name") or "",
                test.get("name") or "",
                expression.text or "",
                test.get("inputfile"),
                tuple((output.get("type"), output.text or "") for output in test.findall("output")),
                expression.get("invalid"),
                mode == "strict" or expression.get("invalid") == "semantic",
                test.get("predicate") == "true",
            )


@cache
def resource(name: str | None) -> Any:
    if name is None:
        return None
    path = FOLDER / "input" / name  # the JSON copies of the XML inputs write decimals as strings: they are not used
    return read_xml(path) if path.suffix == ".xml" else json.loads(path.read_bytes())


def written(value: Any) -> str:
    if isinstance(value, (Date, DateTime)):
        return f"@{value}"
    return f"@T{value}" if isinstance(value, Time) else str(to_text(value))


def fits(kind: str | None, text: str, item: Any) -> bool:
    """Whether an item is the expected output: of the type, and the same when written out."""
    value = system_value(item)
    if kind in _PYTHON and not isinstance(value, _PYTHON[kind]):
        return False
    if kind == "decimal":
        return bool(value == Decimal(text))
    return written(value) == text


def failure(case: Case) -> str | None:
    """What is wrong with our answer; None if nothing is."""
    try:
        expression = compile_expression(case.expression, strict=case.strict)
        items = expression.evaluate(resource(case.input))
    except FhirPathError as error:
        return None if case.invalid else f"failed: {error}"
    if case.invalid:
        return f"should fail ({case.invalid}), but is {[written(system_value(i)) for i in items]}"
    if case.predicate:
        items = [bool(items) and items[0] is not False]
    if len(items) != len(case.outputs):
        return f"{len(items)} items instead of {len(case.outputs)}: {[written(system_value(i)) for i in items]}"
    wrong = [
        f"{written(system_value(item))} instead of {text} ({kind})"
        for item, (kind, text) in zip(items, case.outputs, strict=True)
        if not fits(kind, text, item)
    ]
    return "; ".join(wrong) or None


def misses() -> dict[str, str]:
    """What is wrong, by `group/name` of the test."""
    return {f"{case.group}/{case.name}": found for case in cases() if (found := failure(case)) is not None}


if __name__ == "__main__":
    total, wrong = sum(1 for _ in cases()), misses()
    for name, what in wrong.items():
        print(f"{name}: {what}")
    print(f"{total - len(wrong)} of {total} pass ({(total - len(wrong)) / total:.1%})")
