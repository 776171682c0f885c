"""`CodeSystem/$subsumes`: how codes lie above and below one another.

FHIR R4 `codesystem-operation-subsumes.html`. Only a hierarchy that means is-a (or
does not say what it means) subsumes.
"""

from __future__ import annotations

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
