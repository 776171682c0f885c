"""What the validator asks of a terminology, answered by the terminology engine (profiles/conformance/bindings.py, FHIR R4 4.1.5).

Content that is not at hand is never guessed at: the answer is "not known". Answers are remembered, since the same codes come
again and again.
"""

from __future__ import annotations

import re
from typing import Final

from operations.terminology.r4_lists import r4_lists
from profiles.conformance import Definitions, Membership
from terminology.catalogue import Catalogue
from terminology.code_system import CodeSystem
from terminology.coding_check import Coding, Rules, check_coding
from terminology.displays import check_display, names_of
from terminology.issues import TerminologyError
from terminology.membership import places, systems_of
from terminology.question import Question
from terminology.session import Session
from terminology.systems import UCUM
from terminology.ucum import parse_unit
from terminology.value_set import Rule, ValueSet

_UNKNOWN: Final = Membership(None)
_QUESTION: Final = Question({}, {})
_RULES: Final = Rules(many=True, lenient=True, membership_only=True)
_REMEMBERED: Final = 20_000
_LONGEST: Final = 200
_R4: Final = "http://hl7.org/fhir/ValueSet/"
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?:\s*;.*)?")
_PARTIAL: Final = frozenset({"fragment", "example"})

Key = tuple[str, str | None, str, str | None]


class Codes:
    """A `Terminology`. `paraphrased`: definitions whose displays are our words, so that another display is no fault."""

    def __init__(self, catalogue: Catalogue, paraphrased: Definitions) -> None:
        self._catalogue = catalogue
        self._paraphrased = paraphrased
        self._known: dict[Key, Membership] = {}

    def validate_code(self, value_set: str, system: str | None, code: str, display: str | None = None) -> Membership:
        """See Terminology. Displays are checked with the code system."""
        key = (value_set, system, code, None)
        return self._known.get(key) or self._remember(key, self._member(value_set, system, code))

    def code_exists(self, system: str, code: str, display: str | None = None) -> Membership:
        """See Terminology."""
        key = ("", system, code, display)
        return self._known.get(key) or self._remember(key, self._exists(system, code, display))

    def _remember(self, key: Key, answer: Membership) -> Membership:
        if max(len(part) for part in key if part is not None) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = answer
        return answer

    def _member(self, canonical: str, system: str | None, code: str) -> Membership:
        formed = _by_form(canonical.partition("|")[0], code)
        if formed is not None:
            return Membership(formed)
        session = Session(self._catalogue, _QUESTION)
        try:
            value_set = session.value_set(canonical)
            if value_set is None:
                return _UNKNOWN
            session.imports(value_set)
            if system is not None:
                return Membership(_is_in(session, value_set, system, code))
            answers = [_is_in(session, value_set, each, code) for each in systems_of(session, value_set)]
        except (TerminologyError, RecursionError):
            return _UNKNOWN
        return Membership(True if True in answers else None if None in answers else False)

    def _exists(self, url: str, code: str, display: str | None) -> Membership:
        if url == UCUM:
            return Membership(parse_unit(code) is not None)
        try:
            system = Session(self._catalogue, _QUESTION).system(url)
        except (TerminologyError, RecursionError):
            return _UNKNOWN
        if system is None:
            return _UNKNOWN
        row = system.find(code)
        if row is None:
            return Membership(None if system.content in _PARTIAL else False)
        if display is None or self._is_paraphrased(system):
            return Membership(True)
        names = names_of(system, row)
        wrong = check_display(" ".join(display.split()), names, None, "", code, "", lenient=True)
        return Membership(True, names.display if wrong is not None else None)

    def _is_paraphrased(self, system: CodeSystem) -> bool:
        ours = self._paraphrased.find("CodeSystem", system.canonical)
        return ours is not None or any(each.take() is system for each in r4_lists().code_systems(system.url))


def _is_in(session: Session, value_set: ValueSet, system: str, code: str) -> bool | None:
    checked = check_coding(session, value_set, Coding(system, None, code, None), _RULES)
    known = checked.system
    partial = known is None or (known.content in _PARTIAL and known.find(code) is None)
    if checked.undecided or (checked.member and partial):
        return _is_listed(session, value_set, system, code)
    return checked.member


def _is_listed(session: Session, value_set: ValueSet, system: str, code: str) -> bool | None:
    """What the rules of a value set tell by themselves of a code whose system is not at hand, or not all of it."""
    excluded = [_by_rule(rule, code) for rule in value_set.excludes if rule.system in (system, None)]
    included = [_by_rule(place.rule, code) for place in places(session, value_set, system, None)]
    if True in excluded or (True not in included and None not in included):
        return False
    return True if True in included and None not in excluded else None


def _by_rule(rule: Rule, code: str) -> bool | None:
    if rule.value_sets:
        return None
    if rule.concepts is not None:
        return code in rule.concepts
    return parse_unit(code) is not None if rule.system == UCUM and not rule.filters else None


def _by_form(url: str, code: str) -> bool | None:
    """Value sets of more codes than anybody lists: language tags (BCP 47), media types (RFC 6838), units (UCUM)."""
    if url == f"{_R4}all-languages":
        return _LANGUAGE.fullmatch(code) is not None
    if url == f"{_R4}mimetypes":
        return _MEDIA_TYPE.fullmatch(code) is not None
    if url == f"{_R4}ucum-units":
        return parse_unit(code) is not None
    return None
