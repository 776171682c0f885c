"""What expressions are, function by function and operator by operator: a table of ours, of the language without resources.

`written` gives every item as a literal: `1`, `'a'`, `@2020-01`, `4 days`, `1.5 'mg'`; an empty result is "", an error "!".
"""

from __future__ import annotations

from typing import Any

import pytest
from fhirpath_table import TABLE

from profiles.fhirpath import Date, DateTime, FhirPathError, Node, Time, compile_expression
from profiles.fhirpath.functions.conversion import to_text


def literal(item: Any) -> str:
    assert not isinstance(item, Node), item
    if isinstance(item, str):
        return f"'{item}'"
    text = str(to_text(item))
    return f"@{text}" if isinstance(item, (Date, DateTime)) else f"@T{text}" if isinstance(item, Time) else text


def written(expression: str) -> str:
    try:
        return ", ".join(map(literal, compile_expression(expression).evaluate(None)))
    except FhirPathError:
        return "!"


@pytest.mark.parametrize(("expression", "result"), TABLE, ids=[row[0][:60] for row in TABLE])
def test_table(expression: str, result: str) -> None:
    assert written(expression) == result


def test_the_table_calls_every_function_of_the_language() -> None:
    from profiles.fhirpath.functions import FUNCTIONS

    of_resources = {
        "extension", "resolve", "memberOf", "subsumes", "subsumedBy", "conformsTo", "htmlChecks", "elementDefinition", "slice",
        "checkModifiers", "children", "descendants", "hasValue", "getValue", "now", "today", "timeOfDay",
    }  # fmt: skip
    everything = " ".join(expression for expression, _ in TABLE)
    assert [name for name in FUNCTIONS if name not in of_resources and f"{name}(" not in everything] == []
