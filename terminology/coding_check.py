"""One coding against a code system, and against a value set where there is one: everything that can be said about it.

FHIR R4 `CodeSystem/$validate-code` and `ValueSet/$validate-code`; the issues, their types and places as HL7's terminology
ecosystem tests them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace  # a check makes several of these: dataclasses.replace takes a third of its time

from terminology import messages
from terminology.billing import billing_note
from terminology.code_system import CodeSystem, deprecated_here
from terminology.displays import check_display, names_of
from terminology.issues import TxIssue
from terminology.membership import Member, Place, member, places
from terminology.session import Choice, Session
from terminology.systems import UCUM
from terminology.ucum import parse_unit
from terminology.value_set import ValueSet, is_all
from terminology.versions import canonical_of, fits, version_key


class Coding(msgspec.Struct, frozen=True):
    """What is to be checked. `place` is the FHIRPath of it (`Coding`, `CodeableConcept.coding[1]`); empty for bare parameters."""

    system: str | None
    version: str | None
    code: str
    display: str | None
    place: str = "Coding"

    def at(self, element: str) -> str:
        return f"{self.place}.{element}" if self.place else element

    @property
    def whole(self) -> str:
        return self.place or "code"

    @property
    def plain(self) -> str:
        return f"{self.system or ''}#{self.code}"

    @property
    def words(self) -> str:
        """How messages call it."""
        shown = f" ('{self.display}')" if self.display else ""
        return f"'{canonical_of(self.system or '', self.version)}#{self.code}{shown}'"


class Checked(msgspec.Struct, frozen=True):
    """What was found. `member`: the code is in the value set, whatever else is wrong. `unknown`: output parameters that name
    code systems which are not here (`x-unknown-system`, `x-caused-by-unknown-system`)."""

    coding: Coding
    issues: tuple[TxIssue, ...] = ()
    member: bool = False
    system: CodeSystem | None = None
    row: int | None = None
    display: str | None = None
    inactive: bool = False
    status: str | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    undecided: bool = False
    """Membership could not be found out, since the value set names content that is not here."""

    def plus(self, *issues: TxIssue) -> Checked:
        return replace(self, issues=(*self.issues, *issues))


class Rules(msgspec.Struct, frozen=True):
    """How to check. `many`: the coding is one of a CodeableConcept. `abstract` False: codes that only group are refused."""

    many: bool = False
    lenient: bool = False
    membership_only: bool = False
    abstract: bool = True
    active_only: bool = False


def check_coding(session: Session, value_set: ValueSet | None, coding: Coding, rules: Rules) -> Checked:
    """Checks one coding. `value_set` None: against its code system alone."""
    checked = Checked(coding)
    if coding.system is None:
        return _outside(checked.plus(messages.no_system(coding.whole)), value_set, rules)
    spoken = list(places(session, value_set, coding.system, coding.version)) if value_set is not None else []
    if value_set is None or not spoken:
        choice = session.choose(coding.system, coding.version)
        if choice.system is None:
            return _outside(_unknown(session, checked, coding, coding.version), value_set, rules)
        checked = replace(checked, system=choice.system)
    else:
        checked = _versions(session, checked, spoken)
        if checked.undecided or checked.system is None:
            return checked
    return _in_system(session, value_set, checked, rules)


def _outside(checked: Checked, value_set: ValueSet | None, rules: Rules) -> Checked:
    """The same with the issue that the code is not in the value set, where there is one."""
    if value_set is None or checked.undecided:
        return checked
    coding = checked.coding
    issue = messages.not_in_value_set(coding.words, value_set.name, coding.at("code"), one_of_many=rules.many)
    return replace(checked, issues=(issue, *checked.issues))


# -- code systems and their versions ---------------------------------------------------------------------------------------
def _unknown(session: Session, checked: Checked, coding: Coding, version: str | None, *, cause: bool = False) -> Checked:
    """The code system, or this version of it, is not here."""
    system = coding.system or ""
    place = coding.at("system")
    versions = session.versions(system)
    if version is not None and versions:
        issue = messages.unknown_version(system, version, versions, place)
        return _naming(checked.plus(issue), "x-caused-by-unknown-system", canonical_of(system, version))
    if session.catalogue.value_sets(system):
        return checked.plus(messages.value_set_as_system(system, place))
    supplements = session.catalogue.supplements(system)
    if supplements:
        named = canonical_of(system, supplements[-1].version)
        return _naming(checked.plus(messages.supplement_as_system(named, place)), "x-caused-by-unknown-system", system)
    issues = [messages.unknown_system(system, place)]
    if ":" not in system:
        issues.insert(0, messages.relative_system(place))
    name = "x-caused-by-unknown-system" if cause else "x-unknown-system"
    return _naming(checked.plus(*issues), name, canonical_of(system, version if cause else None))


def _naming(checked: Checked, parameter: str, canonical: str) -> Checked:
    """The same with an output parameter that names what is not here."""
    return replace(checked, unknown=(*checked.unknown, (parameter, canonical)))


def _versions(session: Session, checked: Checked, spoken: Sequence[Place]) -> Checked:
    """Chooses among the versions that the value set includes, and says where the coding's own does not fit."""
    coding = checked.coding
    known = [place for place in spoken if place.choice.system is not None]
    if not known:
        return _nothing_known(session, checked, spoken[0])
    place = _best(session, coding, known)
    choice = place.choice
    system = choice.system
    assert system is not None
    assert coding.system is not None
    checked = replace(checked, system=system)
    if choice.refused is not None:
        issue = messages.version_not_allowed(coding.system, system.version or "", choice.refused, coding.at("version"))
        checked = checked.plus(issue)
    if coding.version is None or fits(system.version, coding.version):
        return checked
    checked = checked.plus(_mismatch(coding, place, system))
    if session.system(coding.system, coding.version) is None:
        checked = _unknown(session, checked, coding, coding.version)
    return checked


def _mismatch(coding: Coding, place: Place, system: CodeSystem) -> TxIssue:
    where, given, url = coding.at("version"), coding.version or "", system.url
    if place.choice.forced:
        return messages.version_mismatch_forced(url, place.choice.wanted or "", place.rule.version or "", given, where)
    if place.rule.version is None:
        return messages.version_mismatch_default(url, system.version or "", given, where)
    return messages.version_mismatch(url, place.rule.version, given, where)


def _nothing_known(session: Session, checked: Checked, place: Place) -> Checked:
    """The value set includes a version, or a system, that is not here."""
    coding = checked.coding
    url, wanted = coding.system or "", place.choice.wanted
    if wanted is not None and coding.version is not None and session.versions(url) and not fits(coding.version, wanted):
        checked = checked.plus(_mismatch(coding, place, _nameless(url, wanted)))
    checked = _unknown(session, checked, coding, wanted, cause=True)
    fallback = session.choose(url, coding.version).system
    row = fallback.find(coding.code) if fallback is not None else None
    display = (
        names_of(fallback, row).shown(session.question.languages)[0] if fallback is not None and row is not None else None
    )
    return replace(checked, undecided=True, system=fallback, display=display)


def _nameless(url: str, version: str) -> CodeSystem:
    return CodeSystem(url, version, {}, "not-present", True, None, (), (), {}, {}, {}, {})


def _best(session: Session, coding: Coding, known: Sequence[Place]) -> Place:
    """The version that has the code, and the display that was sent; the latest of those, and of all where none has them."""

    def rank(place: Place) -> tuple[int, int, int]:
        system = place.choice.system
        assert system is not None
        row = system.find(coding.code)
        fitting = coding.version is None or fits(system.version, coding.version)
        listed = row is not None and (place.rule.concepts is None or system.codes[row] in place.rule.concepts)
        named = 0
        if row is not None and coding.display is not None:
            entry = place.rule.concepts.get(system.codes[row]) if place.rule.concepts else None
            names = names_of(system, row, entry)
            named = check_display(coding.display, names, session.question.languages, "", "", "", lenient=True) is None
        return (fitting, listed, named)

    best = known[0]
    for place in known[1:]:
        here, there = rank(place), rank(best)
        if here > there or (here == there and _newer(place.choice, best.choice)):
            best = place
    return best


def _newer(one: Choice, other: Choice) -> bool:
    assert one.system is not None
    assert other.system is not None
    return version_key(one.system.version) > version_key(other.system.version)


# -- the code -----------------------------------------------------------------------------------------------------------------
def _in_system(session: Session, value_set: ValueSet | None, checked: Checked, rules: Rules) -> Checked:
    coding, system = checked.coding, checked.system
    assert system is not None
    row = system.find(coding.code)
    if row is None:
        return _not_in_system(session, checked, value_set, rules)
    checked = replace(checked, row=row)
    found = member(session, value_set, system, row) if value_set is not None else None
    if value_set is not None and found is None:
        checked = _outside(checked, value_set, rules)
        if rules.membership_only:
            return checked
    else:
        checked = _allowed(replace(checked, member=True), value_set, rules)
    return _described(session, checked, found, rules)


def _not_in_system(session: Session, checked: Checked, value_set: ValueSet | None, rules: Rules) -> Checked:
    coding, system = checked.coding, checked.system
    assert system is not None
    if system.url == UCUM and parse_unit(coding.code) is not None:
        whole = value_set is None or any(is_all(place.rule) for place in places(session, value_set, UCUM, None))
        return replace(checked, member=True, display=coding.code) if whole else _outside(checked, value_set, rules)
    if system.url != UCUM and system.content in ("fragment", "example"):
        issue = messages.unknown_in_fragment(coding.code, system.url, system.version, coding.at("code"))
        return replace(checked.plus(issue), member=True)
    if not rules.membership_only:
        checked = checked.plus(messages.unknown_code(coding.code, system.url, system.version, coding.at("code")))
    return _outside(checked, value_set, rules)


def _allowed(checked: Checked, value_set: ValueSet | None, rules: Rules) -> Checked:
    """A member that may not be used here after all: it only groups, or is inactive."""
    coding, system, row = checked.coding, checked.system, checked.row
    assert system is not None
    assert row is not None
    refused: TxIssue | None = None
    if not rules.abstract and system.abstract(row):
        refused = messages.abstract_code(coding.plain, coding.at("code"))
    elif (rules.active_only or (value_set is not None and value_set.inactive is False)) and system.inactive(row):
        refused = messages.inactive_not_allowed(coding.code, coding.at("code"))
    if refused is None:
        return checked
    return _outside(replace(checked.plus(refused), member=False), value_set, rules)


def _described(session: Session, checked: Checked, found: Member | None, rules: Rules) -> Checked:
    """Adds the names of the concept and its standing."""
    coding, system, row = checked.coding, checked.system, checked.row
    assert system is not None
    assert row is not None
    names = names_of(system, row, found.entry if found is not None else None)
    languages = session.question.languages
    checked = replace(checked, display=names.shown(languages)[0])
    if coding.display is not None and not rules.membership_only:
        issue = check_display(
            coding.display, names, languages, coding.plain, coding.code, coding.at("display"), lenient=rules.lenient
        )
        if issue is not None:
            checked = checked.plus(issue)
    if system.inactive(row):
        status = system.status(row)
        words = "inactive" if status in (None, "inactive") else f"{status} and inactive"
        checked = checked.plus(messages.inactive_code(coding.code, words, coding.whole))
        checked = replace(checked, inactive=True, status=status if status != "inactive" else None)
    note = billing_note(system, row, session.question.text("date"), coding.at("code"))
    if note is not None:
        checked = checked.plus(note)
    if found is not None and found.entry is not None and deprecated_here(found.entry):
        where = coding.at("code")
        checked = checked.plus(messages.deprecated_in_value_set(coding.code, system.url, found.holder.name, where))
    return checked
