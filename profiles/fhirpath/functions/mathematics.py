"""Functions of numbers: abs, round, sqrt, power, sum and the like (FHIRPath 2.0 5.7 and 3.0, "Aggregates").

Exact where the result is; roots, logarithms and powers are correct to 28 digits and more. What has no real result, or does not
fit, is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal, DecimalException
from typing import Any, Final

from profiles.fhirpath.arithmetic import OPERATIONS
from profiles.fhirpath.comparison import order
from profiles.fhirpath.compiled import Code, Static, scalar_code, values
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.functions.base import (
    Compiler,
    Function,
    takes_number,
    value_function,
    whole_argument,
    wrong_type,
)
from profiles.fhirpath.numbers import CONTEXT, in_range, rounded
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call
from profiles.fhirpath.values import Quantity, system_type, type_words

_SCIENTIFIC: Final = Context(prec=34, Emin=-500, Emax=500, traps=CONTEXT.traps)
_NUMBER: Final = Static(frozenset({"System.Integer", "System.Decimal", "System.Quantity"}), single=True)
_DECIMAL: Final = Static(frozenset({"System.Decimal"}), single=True)


def _number(value: Any, name: str, position: int) -> Decimal:
    if type(value) is int or isinstance(value, Decimal):
        return Decimal(value)
    raise wrong_type(name, value, position)


def _of_numbers(name: str, of_decimal: Callable[[Decimal], Any]) -> Function:
    """A function of a number, and of the number in a quantity, whose unit stays."""

    def compute(state: Run, position: int, value: Any) -> Any:
        if isinstance(value, Quantity):
            found = of_decimal(value.value)
            return Quantity(Decimal(found), value.unit, value.kind)
        if type(value) is int:
            return in_range(abs(value)) if name == "abs" else value
        return of_decimal(_number(value, name, position))

    return value_function(compute, 0, 0, _NUMBER, takes_number)


def _to_whole(rounding: str) -> Callable[[Decimal], Any]:
    return lambda value: in_range(int(value.to_integral_value(rounding)))


def _round(state: Run, position: int, value: Any, precision: Any) -> Any:
    places = 0 if precision is None else whole_argument(precision, "round", position)
    if places < 0:
        raise FhirPathError(EVALUATION, "round() takes a precision of 0 or more.", position)
    places = min(places, 100)
    if isinstance(value, Quantity):
        return Quantity(_rounded(value.value, places), value.unit, value.kind)
    number = _number(value, "round", position)
    return value if type(value) is int else _rounded(number, places)


def _rounded(value: Decimal, places: int) -> Decimal:
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and -exponent <= places else rounded(value, places)


def _scientific(name: str, of_decimal: Callable[[Decimal], Decimal]) -> Function:
    """A function of one number that ends empty where it has no real result."""

    def compute(state: Run, position: int, value: Any) -> Any:
        try:
            found = of_decimal(_number(value, name, position))
        except DecimalException:
            return None
        return found if found.is_finite() else None

    return value_function(compute, 0, 0, _DECIMAL, takes_number)


def _log(state: Run, position: int, value: Any, base: Any) -> Any:
    if base is None:
        return None
    number, of = _number(value, "log", position), _number(base, "log", position)
    if number <= 0 or of <= 0:
        raise FhirPathError(EVALUATION, "log() is for numbers above 0.", position)
    try:
        return _SCIENTIFIC.divide(CONTEXT.ln(number), CONTEXT.ln(of)).normalize(_ROUGHLY)
    except DecimalException:
        return None


_ROUGHLY: Final = Context(prec=28, Emin=-500, Emax=500)


def _power(state: Run, position: int, value: Any, exponent: Any) -> Any:
    if exponent is None:
        return None
    number, to = _number(value, "power", position), _number(exponent, "power", position)
    try:
        found = (CONTEXT if to == to.to_integral_value() else _SCIENTIFIC).power(number, to)
    except DecimalException:
        return None
    if not found.is_finite():
        return None
    if type(value) is int and type(exponent) is int and exponent >= 0:
        return in_range(int(found))
    return found


# -- aggregates of numbers -----------------------------------------------------------------------------------------------


def _aggregate(compute: Callable[[Run, list[Any], int], Any]) -> Function:
    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        run_values, position, name = values(source), call.position, call.name

        def scalar(state: Run, focus: Any) -> Any:
            items = run_values(state, focus)
            state.spend(len(items))
            if not items:
                return None
            if len({system_type(item) for item in items} - {"Integer" if name == "avg" else ""}) > 1:
                raise FhirPathError(EVALUATION, f"{name}() is for items of one type.", position)
            if system_type(items[0]) is None:
                raise FhirPathError(EVALUATION, f"{name}() is not for {type_words(items[0])}.", position)
            return compute(state, items, position)

        return scalar_code(scalar, Static(source.static.types if source.static.raw is None else None, None, single=True))

    return Function(build)


def _sum(state: Run, items: list[Any], position: int) -> Any:
    total = items[0]
    for item in items[1:]:
        total = OPERATIONS["+"](state, total, item, position)
    return total


def _avg(state: Run, items: list[Any], position: int) -> Any:
    return OPERATIONS["/"](state, _sum(state, items, position), len(items), position)


def _extreme(sign: int) -> Callable[[Run, list[Any], int], Any]:
    def compute(state: Run, items: list[Any], position: int) -> Any:
        best = items[0]
        for item in items[1:]:
            found = order(item, best, position)
            if found is None:
                return None
            if found == sign:
                best = item
        return best

    return compute


FUNCTIONS: Final = {
    "abs": _of_numbers("abs", abs),
    "ceiling": _of_numbers("ceiling", _to_whole(ROUND_CEILING)),
    "floor": _of_numbers("floor", _to_whole(ROUND_FLOOR)),
    "truncate": _of_numbers("truncate", _to_whole(ROUND_DOWN)),
    "round": value_function(_round, 0, 1, _NUMBER, takes_number),
    "exp": _scientific("exp", _SCIENTIFIC.exp),
    "ln": _scientific("ln", _SCIENTIFIC.ln),
    "sqrt": _scientific("sqrt", _SCIENTIFIC.sqrt),
    "log": value_function(_log, 1, 1, _DECIMAL, takes_number),
    "power": value_function(_power, 1, 1, _NUMBER, takes_number),
    "sum": _aggregate(_sum),
    "avg": _aggregate(_avg),
    "min": _aggregate(_extreme(-1)),
    "max": _aggregate(_extreme(1)),
}
