"""What the consents of a tenant's patients hide from one asker (`Consented` of server/access/access.py).

A record is hidden when a consent of any of the patients in whose record it lies denies it, and, where the tenant's rule is opt-in, when
one of them has permitted nothing that covers it. What may hold anybody's data without saying whose (a stored Bundle, Parameters, ...) is
hidden from everybody from whom anything is hidden.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from profiles.outcome import refuse
from server.access.access import Seen
from server.access.consent_decision import ANY_TYPE, Asking, decision
from server.access.consent_rules import EXEMPT, Rule
from server.reach import personal_types, tells_no_patient
from server.seal.blind_index import BlindIndex
from server.search.index_entries import compartment_term
from server.store.algebra import AnyOf, Clause, NoneOf

FEW: Final = 8
"""So many patients' records are left out by the plan of a search: it would look for each of them in every record. Where there are
more, hits are looked at, which takes no longer."""

MOST: Final = 1000
"""So many patients' records are counted to be subtracted; where there are more, what is left is counted one by one."""
_MOST_KEPT: Final = 2000
_OWN: Final = frozenset({"Subscription"})
"""What only its owner is shown, and wrote: hidden from them, they could not end it any more."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """The patients whose records of a type are wholly hidden, and those of whom only a record's content tells."""

    denied: frozenset[str]
    depending: frozenset[str]


@dataclass(frozen=True, slots=True)
class Held:
    """The rules of all consents of a tenant that are in force, by patient."""

    rules: Mapping[str, tuple[Rule, ...]]
    opt_in: bool
    """Whether what nobody has permitted is hidden."""
    named: frozenset[str]
    """All actors of all rules."""
    names_organizations: bool
    """Whether an actor may stand for a caller whom it does not name."""
    purposes: frozenset[str]
    """All purposes of all rules."""
    edges: tuple[int, ...]
    """The moments in which a rule begins or ends, in order."""
    unreadable: bool = False
    """Whether there is a consent of whom nobody can tell, nor what it says: then nothing is shown that may be of a patient."""
    _sorted: dict[tuple[Asking, int, str], Sorted] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Mapping[str, tuple[Rule, ...]], opt_in: bool, *, unreadable: bool = False) -> Held:
        every = [rule for roots in rules.values() for root in roots for rule in root.every()]
        edges = {edge for rule in every if rule.period is not None for edge in _turns(rule.period)}
        named = frozenset(actor for rule in every for actor in rule.actors)
        purposes = frozenset(purpose for rule in every for purpose in rule.purposes)
        organizations = any(actor.startswith(("Organization/", "PractitionerRole/")) for actor in named)
        return cls(rules, opt_in, named, organizations, purposes, tuple(sorted(edges)), unreadable)

    def asking(self, actors: Iterable[str], purposes: Iterable[str], own: str | None) -> Asking:
        """A caller, without what no rule tells apart: so that most callers are the same, and sorted once."""
        known = own if own is not None and (self.opt_in or own in self.rules) else None
        return Asking(self.named.intersection(actors), self.purposes.intersection(purposes), own=known)

    @property
    def is_silent(self) -> bool:
        """Whether nothing is hidden from anybody."""
        return not self.rules and not self.opt_in and not self.unreadable

    def sorted(self, asking: Asking, now: int, type_: str) -> Sorted:
        """Kept until one of the rules begins or ends."""
        key = (asking, bisect_right(self.edges, now), type_)
        found = self._sorted.get(key)
        if found is None:
            if len(self._sorted) >= _MOST_KEPT:
                self._sorted.clear()
            found = self._sorted[key] = self._sort(asking, now, type_)
        return found

    def _sort(self, asking: Asking, now: int, type_: str) -> Sorted:
        denied: set[str] = set()
        depending: set[str] = set()
        for patient, rules in self.rules.items():
            answer = None if patient == asking.own else decision(rules, asking, now, type_, None)
            if answer == "deny":
                denied.add(patient)
            elif answer == "depends" and (self.opt_in or _denies(rules)):
                depending.add(patient)
        return Sorted(frozenset(denied), frozenset(depending))


def _turns(period: tuple[int | None, int | None]) -> list[int]:
    """The moments from which another thing holds."""
    first, last = period
    return [*([first] if first is not None else []), *([last + 1] if last is not None else [])]


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One asker at one moment (`now` in microseconds)."""

    held: Held
    asking: Asking
    now: int

    def clauses(self, type_: str, index: BlindIndex) -> tuple[Clause, ...]:
        if not _can_be_hidden(type_) or not self.hides_some(type_):
            return ()
        if tells_no_patient(type_):
            return (AnyOf(()),)
        denied = self._sorted(type_).denied
        return (NoneOf(_terms(denied, type_, index)),) if denied and len(denied) <= FEW else ()

    def is_exact(self, type_: str) -> bool:
        if not self.hides_some(type_) or tells_no_patient(type_):
            return True
        return self._is_sorted(type_) and len(self._sorted(type_).denied) <= FEW

    def hidden(self, type_: str, index: BlindIndex) -> AnyOf | None:
        denied = self._sorted(type_).denied
        return AnyOf(_terms(denied, type_, index)) if self._is_sorted(type_) and len(denied) <= MOST else None

    def _is_sorted(self, type_: str) -> bool:
        """Whether it is only a matter of whose record it is."""
        return not (self.held.opt_in or self._sorted(type_).depending or type_ == "Binary" or tells_no_patient(type_))

    def hides_some(self, type_: str) -> bool:
        """Raises FhirError (503) where a consent cannot be read that may be any patient's: what is hidden is no answer then."""
        if not _can_be_hidden(type_):
            return False
        if self.held.unreadable:
            raise refuse("consent-unreadable", "A patient's consent cannot be read; the operator has been told.")
        found = self._sorted(ANY_TYPE if type_ == "Binary" or tells_no_patient(type_) else type_)
        return self.held.opt_in or bool(found.denied or found.depending)

    def allows(self, version: Seen, context: Seen | None) -> bool:
        if not _can_be_hidden(version.type):
            return True
        if tells_no_patient(version.type):
            return not self.hides_some(version.type)
        if context is None or not _can_be_hidden(context.type):
            return self._allows(version, version.patients)
        return self._allows(version, (*version.patients, *context.patients)) and self._allows(context, context.patients)

    def _allows(self, version: Seen, patients: tuple[str, ...]) -> bool:
        return all(self._permits(patient, version) for patient in patients)

    def _permits(self, patient: str, version: Seen) -> bool:
        if patient == self.asking.own:
            return True
        answer = decision(self.held.rules.get(patient, ()), self.asking, self.now, version.type, version)
        return answer == "permit" or (answer is None and not self.held.opt_in)

    def _sorted(self, type_: str) -> Sorted:
        return self.held.sorted(self.asking, self.now, type_)


def _terms(patients: Iterable[str], type_: str, index: BlindIndex) -> tuple[int, ...]:
    return tuple(sorted(compartment_term(index, type_, patient) for patient in patients))


def _can_be_hidden(type_: str) -> bool:
    return type_ in personal_types() and type_ not in EXEMPT and type_ not in _OWN


def _denies(rules: Iterable[Rule]) -> bool:
    return any(rule.permits is False for root in rules for rule in root.every())
