"""`$closure`: a client's own table of which of its codes subsume which, kept up to date by what is new in it.

FHIR R4 `conceptmap-operation-closure.html` and `terminology-service.html#closure`. The server remembers which codes a table
holds and since which version; how they stand to each other is worked out when it is asked for, from the code systems of that
moment. An entry goes from the narrower code to the wider one: `subsumes`, as R4 reads it from the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.code_system import CodeSystem
from terminology.elements import Resource, rows, text
from terminology.question import Question
from terminology.session import Session

MOST_CONCEPTS: Final = 10_000
"""Codes of one table."""
_MOST_AT_ONCE: Final = 1000
_MOST_STEPS: Final = 2_000_000
"""Steps up hierarchies for one answer."""
_MOST_ENTRIES: Final = 100_000
_LONGEST_NAME: Final = 200
_LONGEST: Final = 1000
"""Letters of a code or of a system's URL."""


@dataclass(frozen=True, slots=True)
class Table:
    """What the server keeps. `base` is the version at which it was last begun, `concepts` the codes of each system, with the
    version that brought them."""

    version: int = 0
    base: int = 0
    concepts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(codes) for codes in self.concepts.values())


@dataclass(frozen=True, slots=True)
class Closed:
    """The answer, and the table as it is to be kept: None where it has not changed."""

    answer: Resource
    table: Table | None = None


def name_of(question: Question) -> str:
    """The name of the table. Raises TerminologyError."""
    name = question.text("name")
    if name is None:
        raise messages.bad_request("Say which closure table is meant: name.", "name", type="required")
    if len(name) > _LONGEST_NAME:
        raise messages.bad_request(f"A name has at most {_LONGEST_NAME} characters.", "name", type="too-long")
    return name


def closure(catalogue: Catalogue, question: Question, table: Table | None) -> Closed:
    """What a call gives and changes: the name alone begins a table anew, concepts are added, a version is gone on from.

    Raises TerminologyError: no such table, a version that it never had or that is from before it was begun anew, too much.
    """
    codings = [value for value in question.values.get("concept", ()) if isinstance(value, dict)]
    version = _version(question)
    if codings and version is not None:
        raise messages.bad_request("Send either concepts to add or the version to go on from.", "version")
    if not codings and version is None:
        begun = (table.version if table is not None else 0) + 1
        return Closed(_map(begun, ()), Table(begun, begun))
    if table is None:
        raise messages.closure_unknown()
    session = Session(catalogue, question)
    if version is not None:
        if not table.base <= version <= table.version:
            raise messages.closure_out_of_order()
        return Closed(_map(table.version, _groups(session, table, version)))
    return _added(session, table, codings)


def _version(question: Question) -> int | None:
    given = question.text("version")
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 16):
        raise messages.bad_request("The version is one that the server gave: a whole number.", "version", type="value")
    return int(given) if given is not None else None


def _added(session: Session, table: Table, codings: list[Resource]) -> Closed:
    if len(codings) > _MOST_AT_ONCE:
        raise messages.too_costly(f"More than {_MOST_AT_ONCE} concepts were sent at once.")
    concepts = {system: dict(codes) for system, codes in table.concepts.items()}
    unknown: dict[tuple[str, str], None] = {}
    version = table.version + 1
    for coding in codings:
        system, code = text(coding, "system"), text(coding, "code")
        if system is None or code is None or len(system) > _LONGEST or len(code) > _LONGEST:
            raise messages.bad_request("Each concept has a system and a code.", "concept", type="required")
        found = session.system(system)
        row = found.find(code) if found is not None else None
        if found is None or row is None:
            unknown[system, code] = None
        else:
            concepts.setdefault(system, {}).setdefault(found.codes[row], version)
    grown = Table(version, table.base, concepts)
    if grown.size == table.size:
        return Closed(_map(table.version, _unmatched(unknown)))
    if grown.size > MOST_CONCEPTS:
        raise messages.too_costly(f"A closure table has at most {MOST_CONCEPTS} concepts.")
    return Closed(_map(version, [*_groups(session, grown, table.version), *_unmatched(unknown)]), grown)


def _groups(session: Session, table: Table, after: int) -> list[Resource]:
    """The entries that came after a version, as groups of a ConceptMap."""
    found: list[Resource] = []
    steps = entries = 0
    for url, codes in table.concepts.items():
        system = session.system(url)
        if system is None or text(system.head, "hierarchyMeaning") not in (None, "is-a"):
            continue
        since = {row: version for code, version in codes.items() if (row := system.find(code)) is not None}
        above: dict[int, dict[int, None]] = {}
        for row, version in since.items():
            for other in system.ancestors(row):
                steps += 1
                if steps > _MOST_STEPS:
                    raise messages.too_costly("The hierarchies of these concepts are too deep for one answer.")
                if other in since and max(since[other], version) > after:
                    above.setdefault(row, {})[other] = None
                    entries += 1
            if entries > _MOST_ENTRIES:
                raise messages.too_costly(f"The answer has more than {_MOST_ENTRIES} entries: add fewer concepts at once.")
        if above:
            elements = [{"code": system.codes[row], "target": list(_targets(system, row, above))} for row in above]
            found.append({"source": url, "target": url, "element": elements})
    return found


def _targets(system: CodeSystem, row: int, above: Mapping[int, Mapping[int, None]]) -> Iterator[Resource]:
    """Two codes of which each lies above the other mean the same."""
    for other in above[row]:
        yield {"code": system.codes[other], "equivalence": "equal" if row in above.get(other, ()) else "subsumes"}


def _unmatched(unknown: Iterable[tuple[str, str]]) -> list[Resource]:
    """Codes of which nothing is known: they are not in the table, and may be sent again when their code system is here."""
    groups: dict[str, list[Resource]] = {}
    for system, code in unknown:
        groups.setdefault(system, []).append({"code": code, "target": [{"equivalence": "unmatched"}]})
    return [{"source": system, "element": elements} for system, elements in groups.items()]


def _map(version: int, groups: Iterable[Resource]) -> Resource:
    found: Resource = {"resourceType": "ConceptMap", "version": str(version), "name": "ClosureTable", "status": "active"}
    listed = list(groups)
    return found | {"group": listed} if listed else found


def written(table: Table) -> Resource:
    """A table as it is kept."""
    systems = [{"system": system, "codes": list(codes.items())} for system, codes in table.concepts.items()]
    return {"version": table.version, "base": table.base, "systems": systems}


def read(kept: Resource) -> Table:
    """A table as it was kept by `written`."""
    concepts = {one["system"]: dict(one["codes"]) for one in rows(kept, "systems")}
    return Table(kept["version"], kept["base"], concepts)
