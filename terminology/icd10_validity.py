"""When an ICD-10-CM code of our rules may be billed (CMS fiscal-year updates, which take effect on 1 October).

A code that gets finer children stops being billable on the day they begin; whether it may stand on a request is a matter of
the date of service, not of today. Only codes that our policies and samples touch are here: of any other code this table
says nothing, and `known` tells so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

_FY2022: Final = date(2021, 10, 1)
_FY2025: Final = date(2024, 10, 1)

_SPLITS: Final[dict[str, tuple[date, tuple[str, ...]]]] = {
    "M54.5": (_FY2022, ("M54.50", "M54.51", "M54.59")),
    "M51.36": (_FY2025, ("M51.360", "M51.361", "M51.362", "M51.369")),
    "M51.37": (_FY2025, ("M51.370", "M51.371", "M51.372", "M51.379")),
    "E66.8": (_FY2025, ("E66.811", "E66.812", "E66.813", "E66.89")),
}
"""Code -> the first day on which it is no longer billable and its children are."""
_PARENT: Final = {child: parent for parent, (_, children) in _SPLITS.items() for child in children}


@dataclass(frozen=True, slots=True)
class Validity:
    """`replaced_by`: the codes to use instead on that day. `known` False: the table does not hold the code."""

    billable: bool
    replaced_by: tuple[str, ...] = ()
    known: bool = True


def normalize_icd10(code: str) -> str:
    """A code in capitals with its dot after the third character: `m545` becomes `M54.5`."""
    plain = code.strip().upper().replace(".", "")
    return f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain


def billable_on(code: str, day: date) -> Validity:
    """Whether a code may be billed for a service on `day`. A code that the table does not hold counts as billable."""
    normal = normalize_icd10(code)
    split = _SPLITS.get(normal)
    if split is not None:
        first_day, children = split
        return Validity(True) if day < first_day else Validity(False, children)
    parent = _PARENT.get(normal)
    if parent is None:
        return Validity(True, known=False)
    return Validity(True) if day >= _SPLITS[parent][0] else Validity(False, (parent,))
