"""Operators beyond DESIGN's ten, joined through the registry as an operator of a payer's own would be.

`count_gte`: "two preventive drugs failed". `in_family`: ICD-10-CM subdivides codes by adding characters, so that M54.5 stands
for M54.50, M54.51 and M54.59 where, and only where, a policy says `"match": "prefix"` (policies.md 3.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operations.policy.operators import BUILT_IN, Operators, Verdict, Witness, kind_of, register
from profiles.json import Json

_CATEGORY_LENGTH: Final = 3


@dataclass(frozen=True, slots=True)
class CountAtLeast:
    """`count_gte`: a list has at least so many entries."""

    name: str = "count_gte"

    def fault(self, expected: Json) -> str | None:
        usable = isinstance(expected, int) and not isinstance(expected, bool) and expected >= 0
        return None if usable else "a whole number, 0 or more, is needed"

    def check(self, value: Json, expected: Json) -> Verdict:
        if not isinstance(value, list):
            return Verdict(False, f"type mismatch: a list is needed, {kind_of(value)} is given")
        return Verdict(len(value) >= expected)

    def witness(self, expected: Json) -> Witness | None:
        return None


def _plain(code: str) -> str:
    return code.strip().upper().replace(".", "").removesuffix("-")


@dataclass(frozen=True, slots=True)
class InFamily:
    """`in_family`: one of the patient's codes is a listed code or lies below one. Dots and letter case do not matter."""

    name: str = "in_family"

    def fault(self, expected: Json) -> str | None:
        usable = isinstance(expected, list) and expected and all(isinstance(code, str) for code in expected)
        if not usable:
            return "a list of codes with at least one entry is needed"
        short = any(len(_plain(code)) < _CATEGORY_LENGTH for code in expected)
        return "a family is named by at least the three characters of its category" if short else None

    def check(self, value: Json, expected: Json) -> Verdict:
        codes = value if isinstance(value, list) else [value]
        if not all(isinstance(code, str) for code in codes) and not isinstance(value, list):
            return Verdict(False, f"type mismatch: a code or a list of codes is needed, {kind_of(value)} is given")
        families = tuple(_plain(family) for family in expected)
        return Verdict(any(_plain(code).startswith(families) for code in codes if isinstance(code, str)))

    def witness(self, expected: Json) -> Witness | None:
        return Witness([expected[0]])


OPERATORS: Final[Operators] = register(BUILT_IN, CountAtLeast(), InFamily())
"""What policies may use unless a caller hands in more."""
