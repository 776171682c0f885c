"""`CodeSystem/$subsumes` and `$closure`: how codes lie above and below one another.

FHIR R4 `codesystem-operation-subsumes.html` and `conceptmap-operation-closure.html`. Only a hierarchy that means is-a (or
does not say what it means) subsumes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.code_system import CodeSystem
from terminology.elements import Resource, text
from terminology.lookup import concept
from terminology.question import Question
from terminology.session import Session

Relation = Literal["equivalent", "subsumes", "subsumed-by", "not-subsumed"]


def subsumes(catalogue: Catalogue, question: Question) -> Resource:
    """The outcome as Parameters. Raises TerminologyError: codes or their system not here, or of two systems."""
    session = Session(catalogue, question)
    system_url, version = question.text("system", "url"), question.text("version")
    ends = []
    for letter in "AB":
        coding = question.object(f"coding{letter}")
        url = (text(coding, "system") if coding is not None else None) or system_url
        code = text(coding, "code") if coding is not None else question.text(f"code{letter}")
        if url is None or code is None:
            words = "Say which codes are meant: codeA, codeB and system, or codingA and codingB."
            raise messages.bad_request(words, type="required")
        ends.append((url, code))
    (url_a, code_a), (url_b, code_b) = ends
    if url_a != url_b:
        raise messages.bad_request("The two codes are of different code systems.", type="invalid")
    system, row_a = concept(session, url_a, version, code_a)
    _, row_b = concept(session, url_b, version, code_b)
    return {"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": relation(system, row_a, row_b)}]}


def relation(system: CodeSystem, one: int, other: int) -> Relation:
    """How one row stands to another."""
    if one == other:
        return "equivalent"
    if text(system.head, "hierarchyMeaning") not in (None, "is-a"):
        return "not-subsumed"
    if system.is_a(other, one):
        return "subsumes"
    return "subsumed-by" if system.is_a(one, other) else "not-subsumed"


Code = tuple[str, str]
"""System and code."""


def closure_entries(catalogue: Catalogue, held: Sequence[Code], added: Sequence[Code]) -> list[tuple[Code, Code, str]]:
    """What new codes add to a closure table: (source, target, equivalence), with `subsumes` from target to source as R4 has it.

    Each pair says of the source how the target stands to it: `specializes` where the source lies below the target. Raises
    TerminologyError for a code that is not here.
    """
    session = Session(catalogue, Question({}, {}))
    rows = {code: concept(session, code[0], None, code[1]) for code in dict.fromkeys((*held, *added))}
    fresh = [code for code in dict.fromkeys(added) if code not in held]
    found: list[tuple[Code, Code, str]] = []
    for below, above in _pairs(fresh, held):
        system, row = rows[below]
        other_system, other = rows[above]
        if system.url == other_system.url and relation(system, other, row) == "subsumes":
            found.append((below, above, "subsumes"))
    return found


def _pairs(fresh: Iterable[Code], held: Sequence[Code]) -> Iterator[tuple[Code, Code]]:
    known = list(held)
    for code in fresh:
        for other in known:
            yield code, other
            yield other, code
        known.append(code)
