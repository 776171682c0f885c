"""Where a version is listed in the history of its type: `Index.timeline`, and what a history asks for."""

from __future__ import annotations

from collections.abc import Iterable

from server.seal.blind_index import BlindIndex


def timeline_terms(index: BlindIndex, type_: str, patients: Iterable[str]) -> tuple[int, ...]:
    """Under its type first, then under each compartment that it is in; deletions as well."""
    return (type_term(index, type_), *(patient_term(index, type_, patient) for patient in patients))


def type_term(index: BlindIndex, type_: str) -> int:
    return index.term(type_, "_history", "")


def patient_term(index: BlindIndex, type_: str, patient: str) -> int:
    return index.term(type_, "_history", patient)
