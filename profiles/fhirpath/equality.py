"""Equality, equivalence and sets of items (FHIRPath 2.0 6.1).

Items are boxed elements or system values; primitives and Quantities are compared as the system values they stand for. Equality
of two items is true, false, or None where precision or units leave it open. Objects are equal if all their children are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from typing import Any, Final

from profiles.fhirpath.model import is_primitive
from profiles.fhirpath.navigation import boxed_children, child_names, plain_children
from profiles.fhirpath.numbers import places_of, rounded
from profiles.fhirpath.quantities import compare_quantities, equivalent_quantities
from profiles.fhirpath.temporal import Date, DateTime, Time, compare, same_precision
from profiles.fhirpath.values import Node, Quantity, system_value

_WHITE_SPACE: Final = re.compile(r"\s")
_DATES: Final = (Date, DateTime)


def _is_number(value: Any) -> bool:
    return type(value) is int or isinstance(value, Decimal)


def equal(left: Any, right: Any) -> bool | None:
    """Whether two items are equal; None if that is not known."""
    if left is right:
        return True
    left, right = system_value(left), system_value(right)
    if type(left) is str or type(right) is str or type(left) is bool or type(right) is bool:
        return type(left) is type(right) and bool(left == right)
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _equal_quantities(left, right)
    if isinstance(left, Node) or isinstance(right, Node):
        return isinstance(left, Node) and isinstance(right, Node) and _equal_nodes(left, right, equal)
    if _same_kind_of_time(left, right):
        order = compare(left, right)
        return None if order is None else order == 0
    return False


def _same_kind_of_time(left: Any, right: Any) -> bool:
    return (isinstance(left, _DATES) and isinstance(right, _DATES)) or (isinstance(left, Time) and isinstance(right, Time))


def _equal_quantities(left: Any, right: Any) -> bool | None:
    first, second = as_quantity(left), as_quantity(right)
    if first is None or second is None:
        return False
    order = compare_quantities(first, second)
    return None if order is None else order == 0


def as_quantity(value: Any) -> Quantity | None:
    """A number counts as a quantity with the unit 1."""
    if isinstance(value, Quantity):
        return value
    return Quantity(Decimal(value)) if _is_number(value) else None


def _equal_nodes(left: Node, right: Node, same: Callable[[Any, Any], bool | None]) -> bool | None:
    if is_primitive(left.type) or is_primitive(right.type):  # without values: what is said beside them counts
        return left.value == right.value and (left.extra or {}) == (right.extra or {})
    if left.type != right.type or type(left.value) is not dict or type(right.value) is not dict:
        return False
    if left.value == right.value:
        return True
    names, plain = child_names(left.type), plain_children(left.type)
    mine, other = left.value, right.value
    open_ = False
    for key in mine.keys() | other.keys():
        if key not in names or mine.get(key) == other.get(key):
            continue
        if key in plain:
            if "_" + key not in mine and "_" + key not in other:
                return False
        elif key[0] == "_" and (key[1:] in mine or key[1:] in other):
            continue  # the values decide, and are looked at under their own name
        name = names[key]
        verdict = _same_lists(boxed_children(left.type, name, mine), boxed_children(left.type, name, other), same)
        if verdict is False:
            return False
        open_ = open_ or verdict is None
    return None if open_ else True


def _same_lists(left: list[Any], right: list[Any], same: Callable[[Any, Any], bool | None]) -> bool | None:
    if len(left) != len(right):
        return False
    open_ = False
    for mine, other in zip(left, right, strict=True):
        verdict = same(mine, other)
        if verdict is False:
            return False
        open_ = open_ or verdict is None
    return None if open_ else True


def equal_collections(left: list[Any], right: list[Any]) -> bool | None:
    """`left = right`: None (empty) if one is empty or a pair leaves it open."""
    if not left or not right:
        return None
    return _same_lists(left, right, equal)


# -- equivalence ---------------------------------------------------------------------------------------------------------


def equivalent(left: Any, right: Any) -> bool:
    """Whether two items are equivalent: regardless of case, to the least precision, in any order."""
    left, right = system_value(left), system_value(right)
    if type(left) is str or type(right) is str:
        return type(left) is type(right) and _folded(left) == _folded(right)
    if type(left) is bool or type(right) is bool:
        return left is right
    if _is_number(left) and _is_number(right):
        first, second = Decimal(left), Decimal(right)
        places = min(places_of(first), places_of(second))
        return rounded(first, places) == rounded(second, places)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        mine, other = as_quantity(left), as_quantity(right)
        return mine is not None and other is not None and equivalent_quantities(mine, other)
    if isinstance(left, Node) and isinstance(right, Node):
        return _equivalent_nodes(left, right)
    return _same_kind_of_time(left, right) and same_precision(left, right) and compare(left, right) == 0


def _folded(text: str) -> str:
    return _WHITE_SPACE.sub(" ", text).casefold()


def _equivalent_nodes(left: Node, right: Node) -> bool:
    if is_primitive(left.type) or is_primitive(right.type):
        return bool(_equal_nodes(left, right, equivalent))
    if left.type != right.type or type(left.value) is not dict or type(right.value) is not dict:
        return False
    names = child_names(left.type)
    present = {names[key] for value in (left.value, right.value) for key in value if key in names} - {"id"}
    return all(
        equivalent_collections(boxed_children(left.type, name, left.value), boxed_children(left.type, name, right.value))
        for name in present
    )


def equivalent_collections(left: list[Any], right: list[Any]) -> bool:
    """`left ~ right`: the same items in any order; two empty collections are equivalent."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for item in left:
        place = next((i for i, other in enumerate(rest) if equivalent(item, other)), None)
        if place is None:
            return False
        del rest[place]
    return True


# -- sets ----------------------------------------------------------------------------------------------------------------


_OF_OBJECTS: Final = 8
"""Steps that comparing two objects counts as."""


class ItemSet:
    """Items of which no two are known to be equal, in the order in which they came. `spend` counts what is compared."""

    def __init__(self, spend: Callable[[int], None], items: Iterable[Any] = ()) -> None:
        self.items: list[Any] = []
        self._spend = spend
        self._plain: set[Hashable] = set()
        self._others: dict[Hashable, list[Any]] = {}
        for item in items:
            self.add(item)

    def add(self, item: Any) -> bool:
        """Take an item; False if it was there."""
        value = system_value(item)
        if _is_plain(value):
            key = (type(value) is bool, value)
            if key in self._plain:
                return False
            self._plain.add(key)
        else:
            bucket = self._others.setdefault(_bucket(value), [])
            if self._among(value, bucket):
                return False
            bucket.append(value)
        self.items.append(item)
        return True

    def __contains__(self, item: Any) -> bool:
        value = system_value(item)
        if _is_plain(value):
            return (type(value) is bool, value) in self._plain
        return self._among(value, self._others.get(_bucket(value), []))

    def _among(self, value: Any, bucket: list[Any]) -> bool:
        if isinstance(value, Node):
            self._spend(_OF_OBJECTS * len(bucket) + 1)
            return any(
                value is other or (isinstance(other, Node) and _equal_nodes(value, other, equal)) for other in bucket
            )
        self._spend(len(bucket) + 1)
        return any(equal(value, other) is True for other in bucket)


def _is_plain(value: Any) -> bool:
    """Whether hashing decides equality: strings, booleans and numbers."""
    return type(value) in {str, bool, int} or isinstance(value, Decimal)


def _bucket(value: Any) -> Hashable:
    """Equal items are in one bucket; objects also by what is plain in them, so that large sets have small buckets."""
    if isinstance(value, Node) and type(value.value) is dict:
        plain = plain_children(value.type)
        said = {(key, _hashable(item)) for key, item in value.value.items() if key in plain}
        return value.type, frozenset(said)
    return "dates" if isinstance(value, _DATES) else type(value).__name__


def _hashable(value: Any) -> Hashable:
    """Alike for equal JSON of plain children; None for what should not be there."""
    if type(value) is list:
        return tuple(map(str, value))
    return value if type(value) in {str, bool, int} else None
