"""`Access`: which records of one type may be reached. Whoever fetches records takes one (server/repository.py, server/search).

Roles, scopes, compartments and consents all end up here (server/access/gate.py). The same predicate is asked twice: as clauses of a
search's plan, so that counts, order and pages know nothing of what is hidden, and of every version that was fetched, since terms may
match too much and a record may have changed hands since it was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from profiles.json import Resource
from server.reach import personal_types
from server.seal.blind_index import BlindIndex
from server.search.index_entries import compartment_term
from server.search.leaf import alternatives
from server.store.algebra import AnyOf, Clause


class Seen(Protocol):
    """A version, as far as access depends on it."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def patients(self) -> tuple[str, ...]:
        """Whose record it is part of."""

    def resource(self) -> Resource: ...


@dataclass(frozen=True, slots=True)
class Restriction:
    """What the search parameters of a granular scope come to. `codes`: the parameters that the clauses need the index of."""

    clauses: tuple[Clause, ...]
    is_exact: bool
    """Whether the clauses alone tell."""
    codes: frozenset[str]
    met_by: Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a type's records: those of one patient (None: of anybody), less what a restriction leaves out."""

    compartment: str | None = None
    restriction: Restriction | None = None


class Consented(Protocol):
    """What patients' consents leave to one caller at one moment (server/access/consent_view.py)."""

    def clauses(self, type_: str, index: BlindIndex) -> tuple[Clause, ...]:
        """What a plan can be told of it."""

    def is_exact(self, type_: str) -> bool:
        """Whether the clauses alone tell."""

    def hidden(self, type_: str, index: BlindIndex) -> AnyOf | None:
        """What tells all that is hidden, where one clause does: they can be counted, and subtracted."""

    def hides_some(self, type_: str) -> bool:
        """Whether anything of the type might be hidden."""

    def allows(self, version: Seen, context: Seen | None) -> bool:
        """`context` is what a Binary was stored for."""


_ANY: Final = (Part(),)


@dataclass(frozen=True, slots=True)
class Access:
    """The records of `type` that lie in one of `parts` and that no consent hides. No part: nothing."""

    type: str
    parts: tuple[Part, ...] = ()
    consents: Consented | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every record of the type may be reached."""
        return self.consents is None and self.parts == _ANY

    @property
    def is_limited(self) -> bool:
        """Whether records of the type may be hidden. Such a caller cannot choose ids: a free one and a hidden one would differ."""
        return self.parts != _ANY or (self.consents is not None and self.consents.hides_some(self.type))

    @property
    def compartment(self) -> str | None:
        """The one patient to whose record all parts are limited, if there is one."""
        patients = {part.compartment for part in self.parts}
        return patients.pop() if len(patients) == 1 else None

    @property
    def codes(self) -> frozenset[str]:
        """The search parameters that the clauses need the index of."""
        return frozenset[str]().union(*(part.restriction.codes for part in self.parts if part.restriction is not None))

    @property
    def is_exact(self) -> bool:
        """Whether the clauses alone tell: then matches can be counted unread."""
        exact = all(part.restriction is None or part.restriction.is_exact for part in self.parts)
        return exact and (self.consents is None or self.consents.is_exact(self.type))

    def hidden(self, index: BlindIndex) -> AnyOf | None:
        """What tells all that the clauses let pass and should not, where one clause does."""
        exact = all(part.restriction is None or part.restriction.is_exact for part in self.parts)
        return self.consents.hidden(self.type, index) if exact and self.consents is not None else None

    @property
    def asks_content(self) -> bool:
        """Whether it depends on more than on whose record a version is part of: a deletion has no such content of its own."""
        return self.consents is not None or any(part.restriction is not None for part in self.parts)

    def clauses(self, index: BlindIndex) -> tuple[Clause, ...]:
        """What a search by this access is limited to."""
        own: tuple[Clause, ...] = ()
        if self.parts != _ANY:
            own = alternatives([self._clauses_of(part, index) for part in self.parts])
        return own if self.consents is None else own + self.consents.clauses(self.type, index)

    def _clauses_of(self, part: Part, index: BlindIndex) -> tuple[Clause, ...]:
        limited = part.compartment is not None and self.type in personal_types()
        own = (AnyOf((compartment_term(index, self.type, part.compartment or ""),)),) if limited else ()
        return own + (part.restriction.clauses if part.restriction is not None else ())

    def admits(self, version: Seen, context: Seen | None = None) -> bool:
        """Whether a version with content lies in it. `context` is what a Binary was stored for (R4 binary.html#security)."""
        if self.consents is not None and not self.consents.allows(version, context):
            return False
        return any(self._holds(part, version, context) for part in self.parts)

    def _holds(self, part: Part, version: Seen, context: Seen | None) -> bool:
        patient = part.compartment
        if patient is not None and version.type in personal_types() and patient not in version.patients:
            others = context is not None and (context.type not in personal_types() or patient in context.patients)
            if not others:
                return False
        return part.restriction is None or part.restriction.met_by(version)

    def admits_write(self, version: Seen, context: Seen | None = None) -> bool:
        """Whether a caller may leave a record like this: in one patient's record alone, where it is limited to one.

        Consents do not say what may be written, but what may be seen: who may write may write into any record.
        """
        return any(
            (part.compartment is None or {part.compartment} == set(_owners(version, context)))
            and (part.restriction is None or part.restriction.met_by(version))
            for part in self.parts
        )


def _owners(version: Seen, context: Seen | None) -> tuple[str, ...]:
    return version.patients or (context.patients if context is not None else ())


def everything(type_: str) -> Access:
    """For the server's own work alone: what is read with it is shown to nobody (tests/access names who may ask)."""
    return Access(type_, _ANY)


def nothing(type_: str) -> Access:
    """What a caller reaches of whom nothing is known."""
    return Access(type_)
