"""memberOf(), subsumes() and subsumedBy() answered by the terminology engine: an adapter from its content to `Services.terminology`.

FHIR R4 `fhirpath.html#functions`. What is not at hand is not known, so that the function is empty: nothing is guessed.
"""

from __future__ import annotations

from typing import Final

from terminology.catalogue import Catalogue
from terminology.coding_check import Coding, Rules, check_coding
from terminology.issues import TerminologyError
from terminology.membership import systems_of
from terminology.question import Question
from terminology.session import Session
from terminology.subsumes import relation
from terminology.value_set import ValueSet

_QUESTION: Final = Question({}, {})
_RULES: Final = Rules(many=True, lenient=True, membership_only=True)


class CatalogueCodes:
    """A `profiles.fhirpath.environment.Terminology` on what a catalogue holds. For one evaluation or many, in one thread."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._session = Session(catalogue, _QUESTION)

    def member_of(self, value_set: str, system: str | None, code: str, version: str | None) -> bool | None:
        """Without a system the code is looked for in every system of the set."""
        session = self._session
        try:
            found = session.value_set(value_set)
            if found is None:
                return None
            session.imports(found)
            systems = [system] if system is not None else systems_of(session, found)
            answers = [self._is_in(found, Coding(each, version, code, None)) for each in systems]
        except TerminologyError:
            return None
        return True if True in answers else None if None in answers else False

    def _is_in(self, value_set: ValueSet, coding: Coding) -> bool | None:
        checked = check_coding(self._session, value_set, coding, _RULES)
        system = checked.system
        partial = system is not None and system.content in ("fragment", "example") and system.find(coding.code) is None
        unknown = checked.undecided or (system is None and any(name for name, _ in checked.unknown))
        return None if unknown or (partial and checked.member) else checked.member

    def subsumes(self, system: str, ancestor: str, descendant: str) -> bool | None:
        """None where the system, or one of the codes, is not here."""
        found = self._session.system(system)
        above, below = (found.find(code) if found is not None else None for code in (ancestor, descendant))
        if found is None or above is None or below is None:
            return None
        return relation(found, above, below) in ("equivalent", "subsumes")
