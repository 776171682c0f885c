"""Functions of dates and times, precision and boundaries (FHIRPath 2.0 5.9 and 3.0, "Utility functions")."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from profiles.fhirpath import boundaries
from profiles.fhirpath.compiled import INTEGER, Code, Static, scalar_code
from profiles.fhirpath.date_arithmetic import DurationError, periods
from profiles.fhirpath.environment import Run
from profiles.fhirpath.errors import EVALUATION, FhirPathError
from profiles.fhirpath.functions.base import (
    Compiler,
    Function,
    text_argument,
    value_function,
    whole_argument,
    wrong_type,
)
from profiles.fhirpath.kinds import kind_of
from profiles.fhirpath.scope import Scope
from profiles.fhirpath.syntax import Call
from profiles.fhirpath.temporal import Date, DateTime, Time
from profiles.fhirpath.values import CALENDAR_UNITS, Quantity

_VALUE: Final = Static(None, None, single=True)
_DATE: Final = Static(frozenset({"System.Date"}), single=True)
_TIME: Final = Static(frozenset({"System.Time"}), single=True)
_DATE_TIME: Final = Static(frozenset({"System.DateTime"}), single=True)
_DECIMAL: Final = Static(frozenset({"System.Decimal"}), single=True)


def _takes(type_name: str) -> bool:
    return kind_of(type_name) in {"number", "quantity", "date", "time"}


def _takes_dates(type_name: str) -> bool:
    return kind_of(type_name) in {"date", "time"}


def _boundary(name: str, *, high: bool) -> Function:
    def compute(state: Run, position: int, value: Any, precision: Any) -> Any:
        to = None if precision is None else whole_argument(precision, name, position)
        if isinstance(value, Quantity):
            bound = boundaries.of_number(value.value, to, high=high)
            return None if bound is None else Quantity(bound, value.unit, value.kind)
        if isinstance(value, (Date, DateTime)):
            return boundaries.of_date(value, to, high=high)
        if isinstance(value, Time):
            return boundaries.of_time(value, to, high=high)
        if type(value) is int or isinstance(value, Decimal):
            return boundaries.of_number(Decimal(value), to, high=high)
        raise wrong_type(name, value, position)

    return value_function(compute, 0, 1, _VALUE, _takes)


def _precision(state: Run, position: int, value: Any) -> int:
    if isinstance(value, (Date, DateTime, Time, Decimal)) or type(value) is int:
        return boundaries.digits(value)
    raise wrong_type("precision", value, position)


# -- components ----------------------------------------------------------------------------------------------------------


def _component(index: int, of_clock: int | None) -> Function:
    """A field of a date (`index`) or of a time of day (`of_clock`)."""

    def compute(state: Run, position: int, value: Any) -> Any:
        place = of_clock if isinstance(value, Time) else index
        if not isinstance(value, (Date, DateTime, Time)) or place is None or place >= len(value.fields):
            return None
        return int(value.fields[place])

    return value_function(compute, 0, 0, INTEGER, _takes_dates)


def _millisecond_of(state: Run, position: int, value: Any) -> Any:
    if not isinstance(value, (DateTime, Time)) or len(value.fields) != (3 if isinstance(value, Time) else 6):
        return None
    second = Decimal(value.fields[-1])
    return int(second % 1 * 1000) if boundaries.digits(second) else None


def _offset_of(state: Run, position: int, value: Any) -> Any:
    if not isinstance(value, DateTime) or value.offset is None:
        return None
    return Decimal(value.offset) / 60


def _date_of(state: Run, position: int, value: Any) -> Any:
    return Date(value.fields[:3]) if isinstance(value, (Date, DateTime)) else None


def _time_of(state: Run, position: int, value: Any) -> Any:
    return Time(value.fields[3:]) if isinstance(value, DateTime) and len(value.fields) > 3 else None


# -- now, and periods between --------------------------------------------------------------------------------------------


def _current(take: Callable[[DateTime], Any], static: Static) -> Function:
    def build(compiler: Compiler, call: Call, source: Code, scope: Scope) -> Code:
        return scalar_code(lambda state, focus: take(state.now()), static)

    return Function(build)


def _periods(name: str, *, crossed: bool) -> Function:
    def compute(state: Run, position: int, value: Any, other: Any, unit: Any) -> Any:
        if other is None or unit is None:
            return None
        word = CALENDAR_UNITS.get(text_argument(unit, name, position))
        if not isinstance(value, (Date, DateTime, Time)) or not isinstance(other, (Date, DateTime, Time)) or word is None:
            raise FhirPathError(EVALUATION, f"{name}() takes two dates or times and the name of a period.", position)
        if (
            isinstance(value, Date) != isinstance(other, Date)
            and not isinstance(value, Time)
            and not isinstance(other, Time)
        ):
            value, other = DateTime(value.fields, _zone(value)), DateTime(other.fields, _zone(other))
        try:
            return periods(value, other, word, boundaries=crossed)
        except DurationError as error:
            raise FhirPathError(EVALUATION, f"{name}() does not take this period for these values.", position) from error

    return value_function(compute, 2, 2, INTEGER, _takes_dates)


def _zone(value: Date | DateTime | Time) -> int | None:
    return value.offset if isinstance(value, DateTime) else None


FUNCTIONS: Final = {
    "lowBoundary": _boundary("lowBoundary", high=False),
    "highBoundary": _boundary("highBoundary", high=True),
    "precision": value_function(_precision, 0, 0, INTEGER, _takes),
    "yearOf": _component(0, None),
    "monthOf": _component(1, None),
    "dayOf": _component(2, None),
    "hourOf": _component(3, 0),
    "minuteOf": _component(4, 1),
    "secondOf": _component(5, 2),
    "millisecondOf": value_function(_millisecond_of, 0, 0, INTEGER, _takes_dates),
    "timezoneOffsetOf": value_function(_offset_of, 0, 0, _DECIMAL, _takes_dates),
    "dateOf": value_function(_date_of, 0, 0, _DATE, _takes_dates),
    "timeOf": value_function(_time_of, 0, 0, _TIME, _takes_dates),
    "now": _current(lambda now: now, _DATE_TIME),
    "today": _current(lambda now: Date(now.fields[:3]), _DATE),
    "timeOfDay": _current(lambda now: Time(now.fields[3:]), _TIME),
    "duration": _periods("duration", crossed=False),
    "difference": _periods("difference", crossed=True),
}
