"""How many keys a resource costs the database, and that what is entered only once is found by every way to ask."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from in_process import House
from search_house import BASE, INDEX, matches
from shared import shared_data

from operations.policy.library.bundled import bundled_libraries
from profiles.json import loads
from profiles.structure import resource_types
from server.audit.event import SYSTEMS
from server.reach import patients_of
from server.repository import stamp
from server.sample.practice import practice_requests, practice_resources
from server.search.index_entries import index_resource
from server.search.overlap import asked_codes, narrow_first, shared
from server.search.registry import indexed_parameters
from server.search.strings import MAX_TERMS

MOST = 40
LISTED = 12
"""A resource with more values of one parameter than this is a list, and costs a key or two for each of them."""


def keys(resource: dict[str, Any]) -> int:
    """As MongoDB counts them, which are the most: docs/store.md. An audit event has no key and is in no history."""
    stamped = stamp(resource, resource["id"], 1, 1_790_000_000_123_456)
    is_audit = resource["resourceType"] == "AuditEvent"
    index = index_resource(stamped, ("p",) if is_audit else patients_of(stamped), INDEX, 1, BASE)
    points = sum(column < 0 for column, _, _ in index.intervals)
    found = 2 + len(index.terms) + points + 3 * (len(index.intervals) - points)
    return found - 1 if is_audit else found + len(index.timeline)


def is_a_list(resource: dict[str, Any]) -> bool:
    parameters = indexed_parameters(resource["resourceType"]).values()
    return any(len({repr(value) for value in parameter.extract(resource)}) > LISTED for parameter in parameters)


def too_many(resources: Iterator[dict[str, Any]]) -> list[tuple[str, int]]:
    counted = [(resource["resourceType"], keys(resource)) for resource in resources if not is_a_list(resource)]
    assert len(counted) > 100
    return [(type_, count) for type_, count in counted if count > MOST]


def test_the_practice_costs_at_most_forty_keys_a_resource() -> None:
    today = date(2026, 11, 22)
    sent = [entry["resource"] for request in practice_requests(today) for entry in request["entry"]]
    found = too_many(resource for resource in (*practice_resources(today), *sent))
    assert found == []


def test_policies_cost_few_more_for_each_code_that_they_are_about() -> None:
    for library in bundled_libraries():
        contexts = len(library.get("useContext", []))
        assert keys(library) <= MOST + 2 * (contexts - 1)


def synthea(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.json.gz"))[:12]:
        for entry in loads(gzip.decompress(file.read_bytes())).get("entry", []):
            resource = entry.get("resource")
            if resource:
                yield {**resource, "id": resource.get("id") or entry["fullUrl"].rpartition(":")[2]}


@pytest.mark.parametrize("folder", ["smart-2019", "us-core-transaction"])
def test_synthea_costs_at_most_forty_keys_a_resource(folder: str) -> None:
    assert too_many(synthea(shared_data() / "synthea" / folder)) == []


async def test_audit_events_cost_at_most_forty_keys_each(practice: House) -> None:
    async with practice.client() as client:
        questions = (
            "/Patient/p01",
            "/Observation?code=4548-4",
            "/Patient/none",
            "/Patient/p01/_history",
            "/Coverage",
            "/nothing",
        )
        for question in questions:
            await client.get(question)
        bundle = (await client.get("/AuditEvent?_count=200")).json()
    events = [entry["resource"] for entry in bundle["entry"]]
    few = [event for event in events if len(event["entity"]) <= LISTED]
    assert len(few) >= len(questions)
    assert [keys(event) for event in few if keys(event) > MOST] == []


async def test_all_that_an_audit_event_says_is_of_a_known_system(practice: House) -> None:
    """Or a search for the bare code would miss it."""
    async with practice.client("auditor") as client:
        bundle = (await client.get("/AuditEvent?_count=1000")).json()
    for entry in bundle["entry"]:
        for code, systems in SYSTEMS.items():
            for value in indexed_parameters("AuditEvent")[code].extract(entry["resource"]):
                codings = value.value.get("coding", [value.value])
                assert {coding["system"] for coding in codings} <= set(systems)


def test_what_is_shared_is_a_part_and_nothing_goes_in_circles() -> None:
    seen = 0
    for type_ in sorted(resource_types()):
        order = [code for code, _ in narrow_first(type_)]
        for wide, entry in shared(type_).items():
            seen += 1
            assert wide not in entry.codes
            assert set(asked_codes(type_, wide)) <= {wide, *entry.codes}
            assert asked_codes(type_, wide)
            if wide in order:
                assert all(order.index(part) < order.index(wide) for part in entry.codes if part in order)
        covered = indexed_parameters(type_).keys() - set(order)
        assert all(asked_codes(type_, code) for code in covered)
    assert seen > 60


PERSON = {
    "resourceType": "Patient",
    "name": [{"text": "Ada Byron", "family": "Byron", "given": ["Ada"], "prefix": ["Countess"]}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"system": "fax", "value": "3"}],
    "address": [{"line": ["12 Ock Lane"], "city": "Ockham", "state": "MA", "postalCode": "02139", "country": "US"}],
    "identifier": [{"system": "urn:a", "value": "7"}, {"system": "urn:b", "value": "8"}],
}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("name", "byron", True), ("name", "ada", True), ("name", "countess", True), ("name", "c", True), ("name", "countz", False),
        ("family", "countess", False), ("family", "ada", False), ("given", "ada b", False), ("name", "ada b", True),
        ("name:exact", "Countess", True), ("name:exact", "Ada Byron", True), ("name:exact", "Ada", True), ("name:exact", "ada", False),
        ("telecom", "1", True), ("telecom", "2", True), ("telecom", "3", True), ("phone", "3", False), ("email", "1", False),
        ("address", "ock", True), ("address", "ockham", True), ("address", "ma", True), ("address", "0", True), ("address", "0214", False),
        ("address", "12", True), ("address", "1", True), ("address", "9", False), ("address-city", "o", True), ("address-city", "l", False),
        ("address-state", "m", True), ("address-state", "mas", False), ("address-postalcode", "02139", True),
        ("address-postalcode", "021", True), ("address-postalcode", "02138", False), ("address-country", "us", True),
        ("address:exact", "MA", True), ("address:exact", "M", False), ("address:exact", "12 Ock Lane", True),
        ("identifier", "urn:a|7", True), ("identifier", "urn:a|8", False), ("identifier", "|7", False), ("identifier", "7", True),
        ("identifier", "urn:a|8,urn:b|8", True), ("identifier", "urn:a|8,7", True), ("identifier:not", "urn:a|8", True),
        ("identifier:not", "urn:a|7", False), ("identifier:not", "7", False), ("identifier:not", "9", True),
    ],
)  # fmt: skip
def test_a_value_is_found_by_every_parameter_that_looks_at_it(name: str, value: str, wanted: bool) -> None:
    assert matches(PERSON, (name, value)) == wanted


def quantity(value: str, **unit: str) -> dict[str, Any]:
    return {"value": loads(value), **unit}


PRESSURE = {
    "resourceType": "Observation",
    "code": {"coding": [{"system": "urn:c", "code": "bp"}]},
    "subject": {"reference": "Patient/p"},
    "component": [
        {"code": {"coding": [{"code": "sys"}]}, "valueQuantity": quantity("120", system="urn:u", code="mm")},
        {"code": {"coding": [{"code": "dia"}]}, "valueQuantity": quantity("80", system="urn:v", code="mm", unit="millis")},
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("combo-code", "bp", True), ("combo-code", "urn:c|bp", True), ("combo-code", "dia", True), ("code", "dia", False),
        ("component-code", "bp", False), ("combo-code:not", "dia", False), ("combo-code:not", "pulse", True),
        ("combo-value-quantity", "120", True), ("value-quantity", "120", False), ("combo-value-quantity", "120|urn:u|mm", True),
        ("combo-value-quantity", "120|urn:v|mm", False), ("component-value-quantity", "80||millis", True),
        ("component-value-quantity", "gt100|urn:v|mm", False), ("component-value-quantity", "lt100|urn:v|mm", True),
        ("component-value-quantity", "120||millis", False), ("component-value-quantity", "9,80|urn:v|mm", True),
        ("subject", "Patient/p", True), ("subject", "p", True), ("patient", "p", True), ("subject", "Group/p", False),
        ("patient", "Group/p", False), ("subject:Patient", "p", True), ("subject:Group", "p", False),
    ],
)  # fmt: skip
def test_components_and_subjects_are_found_by_the_wide_and_by_the_narrow(name: str, value: str, wanted: bool) -> None:
    assert matches(PRESSURE, (name, value)) == wanted


def test_a_long_text_costs_one_key_and_is_found_by_any_of_its_words() -> None:
    words = [f"{letter}{letter}{number}" for number in range(30) for letter in "abcdefgh"]
    long = {"resourceType": "Questionnaire", "id": "q", "title": " ".join(words), "description": "short text"}
    counted = keys(long)
    assert counted < MOST
    for asked in ("cc17", "c", "hh2", "aa0 bb0"):
        assert matches(long, ("title", asked))
    assert not matches(long, ("title", "zz"))
    assert matches(long, ("title:exact", " ".join(words)))
    assert not matches(long, ("title:exact", "aa0"))
    brief = {**long, "title": "aa0 bb0"}
    assert matches(brief, ("title", "bb"))
    assert not matches(brief, ("title", "cc"))
    assert MAX_TERMS < MOST
