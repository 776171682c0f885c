"""The codes that a value set or a code system's hierarchy comes to, as bare pairs: for who looks for records that have them.

As `$expand` (FHIR R4 valueset-operation-expand) and `$subsumes` have it. Where only a part of a code system is here, what follows from
the rest of it is not known, and the question is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.code_system import CodeSystem
from terminology.enumeration import Enumeration
from terminology.issues import TerminologyError
from terminology.lookup import concept
from terminology.question import Question
from terminology.session import Session
from terminology.value_set import ValueSet

Code = tuple[str, str]
"""A code system's URL, and a code of it."""

_QUESTION: Final = Question({}, {})
_PARTIAL: Final = frozenset({"fragment", "example"})


def codes_of_value_set(catalogue: Catalogue, wanted: str | ValueSet, most: int) -> frozenset[Code]:
    """The codes of a value set, given or named by its canonical. Raises TerminologyError: unknown, broken, more than `most`."""
    session = Session(catalogue, _QUESTION)
    value_set = session.value_set(wanted) if isinstance(wanted, str) else wanted
    if value_set is None:
        raise TerminologyError(messages.unknown_value_set(str(wanted)), 404)
    sets = [value_set, *session.imports(value_set)]
    enumeration = Enumeration(session)
    entries = enumeration.whole(value_set) or enumeration.entries(value_set)
    if len(entries) > most:
        raise messages.too_costly(f"The value set has more than {most} codes.")
    open_ended = {rule.system for one in sets for rule in one.includes if rule.system is not None and rule.concepts is None}
    for system in enumeration.used.values():
        if system.url in open_ended:
            _need_whole(system)
    return frozenset((entry.url, entry.code) for entry in entries)


def related_codes(catalogue: Catalogue, url: str, code: str, *, above: bool, most: int) -> frozenset[Code]:
    """A code and all above it, or all below. Raises TerminologyError: unknown, known in part, more than `most`."""
    session = Session(catalogue, _QUESTION)
    system, row = concept(session, url, None, code)
    _need_whole(system)
    found = {
        (url, system.codes[one]) for one in _bounded(system.ancestors(row) if above else system.descendants(row), most)
    }
    return frozenset({(url, system.codes[row]), *found})


def _bounded(rows: Iterator[int], most: int) -> Iterator[int]:
    for number, row in enumerate(rows):
        if number >= most:
            raise messages.too_costly(f"The code has more than {most} others above or below it.")
        yield row


def _need_whole(system: CodeSystem) -> None:
    if system.content in _PARTIAL:
        raise messages.too_costly("Only a part of the code system is here, so that not all codes can be told.")
