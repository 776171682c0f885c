"""Members that hold primitive values, alone or in lists, and their `_name` siblings (FHIR R4 2.6.2.3).

A primitive `birthDate` may stand beside `_birthDate`, an object with `id` and `extension`; in lists the two run side by side
and `null` fills the gaps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from profiles.json import Json, Resource
from profiles.primitives import PRIMITIVE_FORMS, primitive_check
from profiles.structure import value_set
from profiles.validation.run import Path, Run

Member = Callable[[Json, Resource, Path, Run, int], None]
"""Checks the value of one property: (value, the object that holds it, that object's place, the run, its depth)."""
ObjectCheck = Callable[[Resource, Path, Run, int], None]
"""Checks one JSON object at a place."""

_FEW: Final = 12

_BOUND_FORMS: Final = {
    # Required value sets that nobody can enumerate are held to their form instead.
    "currencies": re.compile(r"[A-Z]{3}"),
    "mimetypes": re.compile(r"(?:json|xml|ttl|turtle|html)|[\w.+*-]+/[\w.+*-]+(?:\s*;.*)?"),
}


@dataclass(frozen=True, slots=True)
class PrimitiveKind:
    """How to recognise a value and how to speak of it. `codes` is set for a required, enumerable binding."""

    type_code: str
    valid: Callable[[Json], bool]
    codes: frozenset[str] | None = None

    def fault(self, value: Json) -> tuple[str, str]:
        """(our error code, a sentence) for a value that is not valid."""
        if value is None:
            return "primitive-format", "null stands for no value; leave the element out."
        if isinstance(value, list):
            return "cardinality", "The element may not repeat, so it is no list."
        if self.codes is not None and primitive_check("code")(value):
            return "code-invalid", f"The code is not one of the required value set{self._few_codes()}."
        return (
            "primitive-format",
            f"The value is not a valid {self.type_code}: it must be {PRIMITIVE_FORMS[self.type_code]}.",
        )

    def _few_codes(self) -> str:
        return f" ({', '.join(sorted(self.codes))})" if self.codes is not None and len(self.codes) <= _FEW else ""


def primitive_kind(type_code: str, binding: str | None) -> PrimitiveKind:
    """The kind for a type and, for a code, the short name of its required value set."""
    if binding is None or type_code != "code":
        return PrimitiveKind(type_code, primitive_check(type_code))
    by_system = value_set(binding)
    if by_system is not None:
        codes = frozenset().union(*by_system.values())
        return PrimitiveKind(type_code, lambda value: type(value) is str and value in codes, codes)
    form = _BOUND_FORMS.get(binding)
    if form is None:
        return PrimitiveKind(type_code, primitive_check(type_code))
    return PrimitiveKind(type_code, lambda value: type(value) is str and form.fullmatch(value) is not None)


def single(name: str, kind: PrimitiveKind) -> Member:
    valid = kind.valid

    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        if not valid(value):
            run.add(*kind.fault(value), (path, name, -1))

    return member


def repeated(name: str, kind: PrimitiveKind) -> Member:
    valid = kind.valid
    sibling = f"_{name}"

    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        if not is_full_list(value, name, path, run):
            return
        for index, item in enumerate(value):
            if not valid(item) and not (item is None and _has_sibling(holder.get(sibling), index)):
                run.add(*kind.fault(item), (path, name, index))

    return member


def is_full_list(value: Json, name: str, path: Path, run: Run) -> bool:
    """Whether a repeating element is a list with something in it; says what is wrong otherwise."""
    if type(value) is list and value:
        return True
    if value == []:
        run.add("cardinality", "A list may not be empty; leave the element out.", (path, name, -1))
    else:
        run.add("cardinality", "The element may repeat, so it must be a list.", (path, name, -1))
    return False


def _has_sibling(siblings: Json, index: int) -> bool:
    return type(siblings) is list and index < len(siblings) and type(siblings[index]) is dict


def single_sibling(key: str, name: str, check: ObjectCheck) -> Member:
    """`_key` of an element that does not repeat; `name` is its FHIRPath step, `check` that of the type Element."""

    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        where = (path, name, -1)
        if type(value) is not dict:
            run.add("structure", f"_{key} must be an object with an id or extensions.", where)
            return
        check(value, where, run, depth + 1)
        if key not in holder and "extension" not in value:
            run.add("structure", "The element has neither a value nor an extension.", where)

    return member


def repeated_sibling(name: str, check: ObjectCheck) -> Member:
    """`_name` of an element that repeats: a list of objects and nulls, side by side with the values."""

    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        if not is_full_list(value, name, path, run):
            return
        values = holder.get(name)
        for index, item in enumerate(value):
            where = (path, name, index)
            has_value = type(values) is list and index < len(values) and values[index] is not None
            if type(item) is dict:
                check(item, where, run, depth + 1)
                if not has_value and "extension" not in item:
                    run.add("structure", "The element has neither a value nor an extension.", where)
            elif item is not None:
                run.add("structure", f"_{name} may only hold objects and nulls.", where)
            elif not has_value:
                run.add("structure", "The element has neither a value nor an extension.", where)

    return member
