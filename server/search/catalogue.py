"""What one tenant can be searched by beside R4's parameters and ours: those of its own SearchParameter resources.

A catalogue never changes: where the tenant's parameters do, there is a new one (server/search/own_parameters.py). Which one counts is a
matter of the work under way, a request, a job or a look at a record, and whoever begins such work for a tenant says so with `use`
or `using` (docs/decisions, 0055). Where nobody has, there are no parameters of a tenant's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from profiles.posted_search_parameters import built_in
from profiles.search_parameters import SearchParameter

Parameters = Mapping[str, SearchParameter]

_NOTHING: Final[Parameters] = {}
_WAITING: Final = "?"
NO_CODES: Final = frozenset[str]()
_OF_PEOPLE: Final = frozenset({"Patient", "Person", "Practitioner", "RelatedPerson"})
"""A date of theirs may tell who they are, and is no column."""


class State(NamedTuple):
    """Of a SearchParameter resource: its version, and a digest of what it says about finding."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`by_type`: a tenant's own parameters. `pending`: the codes, by type, that not every record is indexed by yet."""

    by_type: Mapping[str, Parameters] = field(default_factory=dict)
    pending: Mapping[str, frozenset[str]] = field(default_factory=dict)
    states: Mapping[str, State] = field(default_factory=dict)
    """Of the resources that are applied, by id."""
    waiting: frozenset[str] = frozenset()
    """The ids of those that not every record is indexed by yet."""
    is_settled: bool = True
    """Whether nothing is waiting, and nothing is entered that has gone since."""
    edition: bytes = b""
    owners: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By type and code, the id of the resource that it is from."""
    named: Mapping[tuple[str, str], SearchParameter] = field(default_factory=dict)
    """By type and canonical URL: what a component may be like."""
    _offered: dict[str, Parameters] = field(default_factory=dict)

    def offered(self, type_: str, built_in: Parameters) -> Parameters:
        """All that a type can be searched by, in a fixed order."""
        own = self.by_type.get(type_)
        if own is None:
            return built_in
        found = self._offered.get(type_)
        if found is None:
            found = self._offered[type_] = dict(sorted({**own, **built_in}.items()))
        return found

    def indexed(self, type_: str) -> Parameters:
        """Those of its own that a type's resources have entries for."""
        own = self.by_type.get(type_)
        if own is None:
            return _NOTHING
        return {code: parameter for code, parameter in own.items() if has_entries(type_, parameter)}

    def like(self, type_: str, name: str) -> SearchParameter | None:
        """What a component is like that names another parameter, by its URL or, of R4's, by its code."""
        return self.named.get((type_, name.partition("|")[0])) or built_in(type_, name)

    def is_looked_at(self, type_: str, code: str) -> bool:
        """Whether the index says nothing of the parameter, so that each hit is looked at."""
        own = self.by_type.get(type_)
        if own is None or code not in own:
            return False
        return self.is_pending(type_, code) or not has_entries(type_, own[code])

    def is_pending(self, type_: str, code: str) -> bool:
        """Whether it is looked at until every record is indexed by it."""
        return code in self.pending.get(type_, NO_CODES)


def waiting_for(code: str) -> str:
    """How criteria say that they would be cheaper once a parameter is indexed."""
    return f"{_WAITING}{code}"


def is_waiting(codes: frozenset[str]) -> bool:
    """Whether criteria that need the index of these wait for some of it."""
    return any(code.startswith(_WAITING) for code in codes)


def has_entries(type_: str, parameter: SearchParameter) -> bool:
    """Composite ones and dates of people are never entered."""
    return parameter.type != "composite" and not (parameter.type == "date" and type_ in _OF_PEOPLE)


NO_PARAMETERS: Final = Catalogue()

_present: Final = ContextVar("catalogue", default=NO_PARAMETERS)


def present() -> Catalogue:
    """That of the tenant for whom work is under way."""
    return _present.get()


def use(catalogue: Catalogue) -> None:
    """From now on, for all that the present task does."""
    _present.set(catalogue)


@contextmanager
def using(catalogue: Catalogue) -> Iterator[None]:
    """For a while."""
    before = _present.set(catalogue)
    try:
        yield
    finally:
        _present.reset(before)
