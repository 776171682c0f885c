"""Kinds of values for strict mode: what an operator can never take, told before anything is evaluated (FHIRPath 2.0 10.1).

A kind is text, number, truth, date, time, quantity or object. FHIR primitives count as what their values are.
"""

from __future__ import annotations

from typing import Final, Protocol

from profiles.fhirpath.compiled import Static
from profiles.fhirpath.model import SYSTEM, is_abstract
from profiles.fhirpath.values import INTEGER_TYPES, QUANTITY_TYPES, STRING_TYPES

_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys(STRING_TYPES, "text"),
    **dict.fromkeys(INTEGER_TYPES, "number"),
    **dict.fromkeys(QUANTITY_TYPES, "quantity"),
    "decimal": "number",
    "boolean": "truth",
    "date": "date",
    "dateTime": "date",
    "instant": "date",
    "time": "time",
    "System.String": "text",
    "System.Boolean": "truth",
    "System.Integer": "number",
    "System.Decimal": "number",
    "System.Quantity": "quantity",
    "System.Date": "date",
    "System.DateTime": "date",
    "System.Time": "time",
}
_ORDERED: Final = {"text", "number", "quantity", "date", "time"}


class Reporter(Protocol):
    def semantic(self, message: str, position: int) -> None: ...


def kind_of(type_name: str) -> str:
    return _KINDS.get(type_name, "object")


def kinds_of(static: Static) -> frozenset[str] | None:
    """The kinds that the items may have; None if that is not known, or nothing is there."""
    if not static.types or any(not name.startswith(SYSTEM) and is_abstract(name) for name in static.types):
        return None
    return frozenset(map(kind_of, static.types))


def _comparable(left: str, right: str) -> bool:
    return left in _ORDERED and (left == right or {left, right} == {"number", "quantity"})


def check_order(reporter: Reporter, left: Static, right: Static, position: int) -> None:
    mine, others = kinds_of(left), kinds_of(right)
    if mine and others and not any(_comparable(a, b) for a in mine for b in others):
        reporter.semantic("The two sides can never be compared.", position)


def _computable(symbol: str, left: str, right: str) -> bool:
    numeric = {"number", "quantity"}
    if symbol == "&":
        return left == right == "text"
    if left in numeric and right in numeric:
        return symbol not in {"div", "mod"} or left == right == "number"
    if left in {"date", "time"} and right == "quantity":
        return symbol in {"+", "-"}
    return symbol == "+" and left == right == "text"


def check_arithmetic(reporter: Reporter, symbol: str, left: Static, right: Static, position: int) -> None:
    mine, others = kinds_of(left), kinds_of(right)
    if mine and others and not any(_computable(symbol, a, b) for a in mine for b in others):
        reporter.semantic(f"`{symbol}` does not take values of these types.", position)


def result_of(symbol: str, left: Static, right: Static) -> Static:
    """What is known of the result of an arithmetic operator."""
    mine, others = kinds_of(left), kinds_of(right)
    names: set[str] | None = None
    if symbol == "&" or mine == others == frozenset({"text"}):
        names = {"System.String"}
    elif mine == others == frozenset({"number"}):
        both = left.types == right.types == frozenset({"System.Integer"})
        names = {"System.Integer"} if both and symbol != "/" else {"System.Integer", "System.Decimal"}
        if symbol == "/":
            names = {"System.Decimal"}
    elif mine and others and mine | others <= {"number", "quantity"}:
        names = {"System.Quantity", "System.Decimal", "System.Integer"}
    return Static(None if names is None else frozenset(names), None, single=True)
