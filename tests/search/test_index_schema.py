"""The rules of the index have a fingerprint that changes when they do; and what is found by them does not change behind it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from index_witness import FILE, entries

from profiles.outcome import FhirError
from profiles.structure import resource_types
from server.search import index_schema
from server.search.index_entries import INDEX_FORMATS
from server.search.index_schema import HISTORY, TYPE_ITSELF, IndexSchema, fingerprints, present_schema, rules_digest
from server.search.index_state import IndexState
from server.search.registry import indexed_parameters


def test_whoever_changes_what_resources_are_found_by_says_so() -> None:
    """Otherwise stores would be searched by entries that they do not have."""
    kept = json.loads(FILE.read_text("utf-8"))
    if entries() != kept["entries"]:
        assert kept["formats"] != INDEX_FORMATS, "raise the numbers of the kinds that changed, in INDEX_FORMATS"
    assert kept == {"formats": INDEX_FORMATS, "entries": entries()}, (
        "write it anew: PYTHONPATH=. python tests/search/index_witness.py"
    )


def test_every_parameter_of_every_type_has_a_fingerprint_of_its_own() -> None:
    schema = present_schema()
    for type_ in ("Patient", "Claim", "AuditEvent"):
        assert fingerprints(type_).keys() == indexed_parameters(type_).keys() | {TYPE_ITSELF, HISTORY}
    assert len(schema.fingerprints) == sum(len(fingerprints(type_)) for type_ in resource_types())
    kinds = {parameter.type for type_ in resource_types() for parameter in indexed_parameters(type_).values()}
    assert kinds | {"sealed-date", "type", "history"} == INDEX_FORMATS.keys()
    assert schema.digest == rules_digest()
    assert schema.lacks() == {}
    assert IndexSchema.decode(schema.encode()) == schema
    for nonsense in (b"", b"x", schema.encode()[5:], bytes(1000)):
        lacking = IndexSchema.decode(nonsense).lacks()
        assert len(lacking["Patient"]) == len(fingerprints("Patient"))


def test_what_a_store_keeps_of_the_rules_names_nothing() -> None:
    kept = present_schema().encode()
    assert len(kept) < 32_000
    assert not any(type_.encode() in kept for type_ in resource_types())


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], IndexSchema]:
    """The schema of a program that has another number for one kind."""

    def make(kind: str) -> IndexSchema:
        monkeypatch.setattr(index_schema, "INDEX_FORMATS", {**INDEX_FORMATS, kind: 99})
        for cached in (rules_digest, present_schema, fingerprints):
            cached.cache_clear()
        other = present_schema()
        monkeypatch.undo()
        for cached in (rules_digest, present_schema, fingerprints):
            cached.cache_clear()
        return other

    return make


def test_a_change_is_seen_where_it_is_and_nowhere_else(changed: Callable[[str], IndexSchema]) -> None:
    lacking = changed("string").lacks()
    assert {"name", "family", "given", "address-city"} <= lacking["Patient"]
    assert lacking["Patient"].isdisjoint({"birthdate", "identifier", TYPE_ITSELF, HISTORY})
    assert lacking["Observation"] == {"value-string"}
    assert "Claim" not in lacking
    birthdate = changed("sealed-date").lacks()
    assert birthdate.keys() <= {"Patient", "Person", "Practitioner", "RelatedPerson"}
    assert birthdate["Patient"] == {"birthdate", "death-date"}
    assert changed("string").digest != rules_digest()


def test_what_a_type_is_listed_by_concerns_all_of_its_searches(changed: Callable[[str], IndexSchema]) -> None:
    """The list of Observations is in the order of their dates."""
    lacking = changed("date").lacks()
    assert TYPE_ITSELF in lacking["Observation"]
    assert TYPE_ITSELF not in lacking["Patient"]


def test_a_parameter_that_the_program_before_did_not_have_is_lacking() -> None:
    new = fingerprints("Patient")["family"]
    before = IndexSchema("00" * 16, present_schema().fingerprints - {new})
    assert before.lacks() == {"Patient": frozenset({"family"})}


def test_only_searches_that_need_what_is_doubtful_are_refused() -> None:
    state = IndexState()
    state.check("Patient", {"family"})
    state.doubt({"Patient": frozenset({"family"}), "Claim": frozenset({TYPE_ITSELF})})
    state.check("Patient", {"identifier"})
    state.check("Patient", ())
    state.check("Observation", {"family"})
    for type_, codes in (("Patient", {"family", "identifier"}), ("Claim", set())):
        with pytest.raises(FhirError) as refused:
            state.check(type_, codes)
        assert refused.value.status == 503
        assert refused.value.issues[0].code == "index-rebuilding"
        assert int(refused.value.headers["Retry-After"]) > 0
    state.doubt({})
    state.check("Patient", {"family"})
