"""The operators of policy criteria (DESIGN section 7) and the registry that new ones join.

Built in: `gte gt lte lt eq neq in contains any_in between`, and two that payers' texts need: `count_gte` (at least so many
entries of a list) and `in_family` (an ICD-10-CM code or any code below it). Operators judge one value that is there; whether
a value is missing is decided before (operations/policy/condition.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Final, Protocol, TypeGuard

from profiles.json import Json

Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a value satisfies a condition; `reason` is given when the two cannot be compared at all."""

    met: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A value that would satisfy the operator, for counterfactuals (operations/risk/remedies.py)."""

    value: Json


class Operator(Protocol):
    """One way to compare. All methods are total: any JSON may come in, nothing is raised."""

    @property
    def name(self) -> str: ...

    def fault(self, expected: Json) -> str | None:
        """Why `expected` cannot be used with this operator, or None."""

    def check(self, value: Json, expected: Json) -> Verdict:
        """Judge `value`, which is neither missing nor null."""

    def witness(self, expected: Json) -> Witness | None:
        """A value that satisfies, or None where none can be named."""


Operators = Mapping[str, Operator]


def is_number(value: Json) -> TypeGuard[Number]:
    """True for a finite JSON number; a boolean is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return not isinstance(value, float) or isfinite(value)


def is_scalar(value: Json) -> bool:
    return isinstance(value, str | bool) or is_number(value)


def kind_of(value: Json) -> str:
    """The JSON type in words, for reasons."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "a number" if is_number(value) else "nothing"


def same(left: Json, right: Json) -> bool:
    """Equality of scalars: numbers by value, texts without regard to case or outer space, never across types."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.strip().casefold() == right.strip().casefold()
    return is_number(left) and is_number(right) and left == right


def _mismatch(value: Json, wanted: str) -> Verdict:
    return Verdict(False, f"type mismatch: {wanted} is needed, {kind_of(value)} is given")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`gte gt lte lt` on numbers."""

    name: str
    test: Callable[[Number, Number], bool]
    step: int = 0
    """From the bound to a value that satisfies, for `gt` and `lt`."""

    def fault(self, expected: Json) -> str | None:
        return None if is_number(expected) else "a number is needed"

    def check(self, value: Json, expected: Json) -> Verdict:
        return Verdict(self.test(value, expected)) if is_number(value) else _mismatch(value, "a number")

    def witness(self, expected: Json) -> Witness | None:
        return Witness(expected + self.step if self.step else expected)


@dataclass(frozen=True, slots=True)
class Equality:
    """`eq` and `neq` on scalars. A value of another type is neither equal nor properly different."""

    name: str
    equal: bool

    def fault(self, expected: Json) -> str | None:
        return None if is_scalar(expected) else "a single text, number or boolean is needed"

    def check(self, value: Json, expected: Json) -> Verdict:
        if kind_of(value) != kind_of(expected):
            return _mismatch(value, kind_of(expected))
        return Verdict(same(value, expected) is self.equal)

    def witness(self, expected: Json) -> Witness | None:
        if self.equal:
            return Witness(expected)
        return Witness(not expected) if isinstance(expected, bool) else None


def _scalar_list_fault(expected: Json) -> str | None:
    usable = isinstance(expected, list) and expected and all(is_scalar(entry) for entry in expected)
    return None if usable else "a list of texts, numbers or booleans with at least one entry is needed"


@dataclass(frozen=True, slots=True)
class In:
    """`in`: a single value is one of those listed."""

    name: str = "in"

    def fault(self, expected: Json) -> str | None:
        return _scalar_list_fault(expected)

    def check(self, value: Json, expected: Json) -> Verdict:
        if not is_scalar(value):
            return _mismatch(value, "a single value")
        return Verdict(any(same(value, entry) for entry in expected))

    def witness(self, expected: Json) -> Witness | None:
        return Witness(expected[0])


@dataclass(frozen=True, slots=True)
class AnyIn:
    """`any_in`: at least one entry of the patient's list (or the single value) is one of those listed."""

    name: str = "any_in"

    def fault(self, expected: Json) -> str | None:
        return _scalar_list_fault(expected)

    def check(self, value: Json, expected: Json) -> Verdict:
        if isinstance(value, dict):
            return _mismatch(value, "a list or a single value")
        entries = value if isinstance(value, list) else [value]
        return Verdict(any(same(entry, wanted) for entry in entries for wanted in expected))

    def witness(self, expected: Json) -> Witness | None:
        return Witness([expected[0]])


@dataclass(frozen=True, slots=True)
class Contains:
    """`contains`: a list holds the wanted entry (all of them when several are given); a text holds the wanted words."""

    name: str = "contains"

    def fault(self, expected: Json) -> str | None:
        return None if is_scalar(expected) else _scalar_list_fault(expected)

    def check(self, value: Json, expected: Json) -> Verdict:
        wanted = expected if isinstance(expected, list) else [expected]
        if isinstance(value, list):
            return Verdict(all(any(same(entry, one) for entry in value) for one in wanted))
        if isinstance(value, str):
            text = value.casefold()
            return Verdict(all(isinstance(one, str) and one.casefold() in text for one in wanted))
        return _mismatch(value, "a list or a text")

    def witness(self, expected: Json) -> Witness | None:
        return Witness(list(expected) if isinstance(expected, list) else [expected])


@dataclass(frozen=True, slots=True)
class Between:
    """`between`: a number within `[low, high]`, both ends included."""

    name: str = "between"

    def fault(self, expected: Json) -> str | None:
        if not isinstance(expected, list) or len(expected) != 2 or not all(is_number(end) for end in expected):
            return "two numbers [low, high] are needed"
        return None if expected[0] <= expected[1] else "the low end is above the high end"

    def check(self, value: Json, expected: Json) -> Verdict:
        if not is_number(value):
            return _mismatch(value, "a number")
        return Verdict(bool(expected[0] <= value <= expected[1]))

    def witness(self, expected: Json) -> Witness | None:
        return Witness(expected[0])


BUILT_IN: Final[Operators] = MappingProxyType(
    {
        operator.name: operator
        for operator in (
            Comparison("gte", lambda value, bound: value >= bound),
            Comparison("gt", lambda value, bound: value > bound, step=1),
            Comparison("lte", lambda value, bound: value <= bound),
            Comparison("lt", lambda value, bound: value < bound, step=-1),
            Equality("eq", True),
            Equality("neq", False),
            In(),
            AnyIn(),
            Contains(),
            Between(),
        )
    }
)


def register(operators: Operators, *more: Operator) -> Operators:
    """The registry with `more` operators; a known name cannot be given another meaning (ValueError)."""
    merged = dict(operators)
    for operator in more:
        if operator.name in merged:
            raise ValueError(f"operator {operator.name} is registered already")
        merged[operator.name] = operator
    return MappingProxyType(merged)
