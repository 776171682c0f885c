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


def test_every_parameter_of_every_type_has_a_fingerprint() -> None:
    schema = present_schema()
    assert schema.types.keys() == resource_types()
    for type_ in ("Patient", "Claim", "AuditEvent"):
        assert schema.types[type_].keys() == indexed_parameters(type_).keys() | {TYPE_ITSELF, HISTORY}
    kinds = {parameter.type for type_ in resource_types() for parameter in indexed_parameters(type_).values()}
    assert kinds | {"sealed-date", "type", "history"} == INDEX_FORMATS.keys()
    assert schema.digest == rules_digest()
    assert schema.differing(schema) == {}


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
    differing = present_schema().differing(changed("string"))
    assert {"name", "family", "given", "address-city"} <= differing["Patient"]
    assert differing["Patient"].isdisjoint({"birthdate", "identifier", TYPE_ITSELF, HISTORY})
    assert differing["Observation"] == {"value-string"}
    assert "Claim" not in differing
    birthdate = present_schema().differing(changed("sealed-date"))
    assert birthdate.keys() <= {"Patient", "Person", "Practitioner", "RelatedPerson"}
    assert birthdate["Patient"] == {"birthdate", "death-date"}
    assert changed("string").digest != rules_digest()


def test_what_a_type_is_listed_by_concerns_all_of_its_searches(changed: Callable[[str], IndexSchema]) -> None:
    """The list of Observations is in the order of their dates."""
    differing = present_schema().differing(changed("date"))
    assert TYPE_ITSELF in differing["Observation"]
    assert TYPE_ITSELF not in differing["Patient"]


def test_parameters_that_are_new_or_gone_differ() -> None:
    present = present_schema()
    others = dict(present.types["Patient"])
    del others["family"]
    before = IndexSchema("before", {**present.types, "Patient": {**others, "shoe-size": "1234"}})
    assert present.differing(before) == before.differing(present) == {"Patient": frozenset({"family", "shoe-size"})}


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
