"""The library by itself: every definition can be used, versions stand beside each other, nothing licensed and no prose is in it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from profiles.conformance import Definitions, Finding, Validator
from profiles.conformance.nodes import tree_of
from profiles.definitions.snapshot import snapshot_of
from profiles.json import Resource
from profiles.library import _made, library
from profiles.library.canonicals import shortened, whole
from profiles.library.facts import KINDS, Table, table
from profiles.library.rendering import NOT_SHIPPED

PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
ROOT = Path(__file__).parents[2]
OWN = re.compile(r"""(?:assent\.example/fhir/|\{ASSENT\}/)StructureDefinition/([a-z-]+)"|ASSENT_SD \+ "([a-z-]+)\"""")
NAMES = (
    "pas-2.2.1", "pas-2.0.1", "us-core-3.1.1", "us-core-6.1.0", "us-core-7.0.0", "hrex-1.0.0", "hrex-1.2.0", "crd-2.0.1",
    "crd-2.2.1", "cdex-2.1.0", "backport-1.1.0", "sdc-4.0.0", "r5-0.1.0", "assent-0.1.0", "fhir-4.0.1",
)  # fmt: skip


def definitions(name: str, kind: str) -> list[Resource]:
    known: Table = table(name)
    found = [library().find(kind, f"{url}|{known.version}") for url in known.definitions[kind]]
    assert None not in found
    return [each for each in found if each is not None]


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_can_be_applied(name: str) -> None:
    for each in definitions(name, "StructureDefinition"):
        made = tree_of(each, snapshot_of(each, library().structure))
        assert made.type_name == each["type"]


def _prose(value: Any) -> list[str]:
    """The members of definitions that hold a guide's own words."""
    words = {
        "definition",
        "short",
        "comment",
        "requirements",
        "description",
        "purpose",
        "copyright",
        "text",
        "meaningWhenMissing",
    }
    if isinstance(value, dict):
        own = [key for key in value if key in words]
        return own + [
            each for key, inner in value.items() if not key.startswith(("fixed", "pattern")) for each in _prose(inner)
        ]
    return [each for inner in value for each in _prose(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", NAMES)
def test_definitions_hold_facts_and_our_words_only(name: str) -> None:
    for kind in KINDS:
        for each in definitions(name, kind):
            assert _prose(each) == []
            if kind == "StructureDefinition":
                rules = [rule for row in each["differential"]["element"] for rule in row.get("constraint", [])]
                assert all(rule["human"].endswith(".") for rule in rules)


LICENSED = ("snomed", "ama-assn", "x12.org", "nubc.org", "nucc.org", "ada.org", "/sid/", "rxnorm", "cms.gov", "icd9")


@pytest.mark.parametrize("name", NAMES)
def test_no_code_of_a_licensed_system_is_listed(name: str) -> None:
    for each in definitions(name, "ValueSet"):
        for part in (*each["compose"]["include"], *each["compose"].get("exclude", [])):
            assert not ("concept" in part and any(word in part["system"].lower() for word in LICENSED))
            assert all(set(concept) == {"code"} for concept in part.get("concept", []))
    for each in definitions(name, "CodeSystem"):
        assert not any(word in each["url"].lower() for word in LICENSED)


def test_what_may_not_ship_stays_unknown() -> None:
    """US Core 3.1.1 lists taxonomy codes of providers; we know of no code there whether it is one."""
    roles = library("2.0.1").find("ValueSet", "http://hl7.org/fhir/us/core/ValueSet/us-core-provider-role|3.1.1")
    assert roles is not None
    assert roles["compose"]["include"] == [{"system": "http://nucc.org/provider-taxonomy", "valueSet": [NOT_SHIPPED]}]
    assert library().find("ValueSet", NOT_SHIPPED) is None


@pytest.mark.parametrize(
    ("pas", "canonical", "version"),
    [
        ("2.2.1", PAS + "profile-claim", "2.2.1"),
        ("2.0.1", PAS + "profile-claim", "2.0.1"),
        ("2.2.1", PAS + "profile-claim|2.0.1", "2.0.1"),
        ("2.0.1", PAS + "profile-claim|2.2.1", "2.2.1"),
        ("2.2.1", CORE + "us-core-patient", "6.1.0"),
        ("2.0.1", CORE + "us-core-patient", "3.1.1"),
        ("2.2.1", CORE + "us-core-patient|7.0", "7.0.0"),
    ],
)
def test_versions_stand_beside_each_other(pas: Any, canonical: str, version: str) -> None:
    found = library(pas).structure(canonical)
    assert found is not None
    assert found["version"] == version
    assert library(pas).structure(canonical) is found, "the same object at every call"


def test_a_version_rests_on_the_versions_that_it_was_written_for() -> None:
    new, old = (
        library().structure(f"{PAS}profile-beneficiary|2.2.1"),
        library().structure(f"{PAS}profile-beneficiary|2.0.1"),
    )
    assert new is not None
    assert old is not None
    assert new["baseDefinition"] == f"{CORE}us-core-patient|7.0.0"
    assert old["baseDefinition"] == f"{CORE}us-core-patient|3.1.1"


def test_what_is_not_there_is_not_there() -> None:
    assert library().structure(f"{PAS}profile-claim|9.9") is None
    assert library().structure(f"{PAS}profile-nothing") is None
    assert library().find("ValueSet", "urn:example:none") is None
    assert library().find("Questionnaire", f"{PAS}profile-claim") is None


def test_short_canonicals_are_told_whole_again() -> None:
    uses = {"us-core": "7.0.0"}
    for canonical, short in {
        f"{CORE}us-core-patient|7.0.0": "us-core:us-core-patient",
        f"{CORE}us-core-patient|6.1.0": "us-core:us-core-patient|6.1.0",
        "http://hl7.org/fhir/StructureDefinition/Patient": "fhir:Patient",
        "https://example.org/StructureDefinition/x|1": "https://example.org/StructureDefinition/x|1",
    }.items():
        assert shortened(canonical, "StructureDefinition", uses) == short
        assert whole(short, "StructureDefinition", uses) == canonical


def test_what_nobody_knows_is_not_kept() -> None:
    before = _made.cache_info().currsize
    for number in range(100):
        for start in (f"{PAS}none", "https://example.org/", "http://hl7.org/fhir/StructureDefinition/none"):
            assert library().structure(f"{start}{number}") is None
    assert _made.cache_info().currsize == before


def test_our_own_extensions_are_known() -> None:
    """Every extension that the server writes or reads has a definition."""
    named = set()
    for package in ("operations", "profiles", "server"):
        for path in (ROOT / package).rglob("*.py"):
            named |= {each[0] or each[1] for each in OWN.findall(path.read_text("utf-8"))}
    assert len(named) > 10
    assert [
        each
        for each in sorted(named)
        if library().structure(f"https://assent.example/fhir/StructureDefinition/{each}") is None
    ] == []


def test_a_finding_as_an_outcome_conforms_to_our_own_extensions() -> None:
    finding = Finding(
        "required-element", "It is missing.", "Patient.name", rule="pat-1", fix=({"op": "remove", "path": "/a"},)
    )
    outcome = {"resourceType": "OperationOutcome", "issue": [finding.to_fhir()]}
    found = Validator(library()).validate(outcome)
    assert [each for each in found if each.rule != "dom-6"] == []


def test_nothing_is_read_before_it_is_asked_for() -> None:
    script = (
        "from profiles.library import library; from profiles.library.facts import table; library();"
        "assert table.cache_info().currsize == 0;"
        "library().structure('http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription');"
        "assert table.cache_info().currsize == 1"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_a_layer_over_the_library_changes_nothing_in_it() -> None:
    """A tenant's own version of a base counts for the tenant's profiles, and not for the library's."""
    patient: Resource = {
        "resourceType": "Patient",
        "meta": {"profile": [f"{PAS}profile-beneficiary"]},
        "identifier": [{"system": "http://example.org/member", "value": "M1"}],
        "name": [{"family": "A"}],
        "gender": "female",
    }
    tenant = Definitions(above=library())
    tenant.add(
        {
            "resourceType": "StructureDefinition",
            "url": f"{CORE}us-core-patient",
            "version": "7.0.0",
            "type": "Patient",
            "derivation": "constraint",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
            "differential": {"element": [{"id": "Patient.photo", "path": "Patient.photo", "min": 1}]},
        }
    )
    for known in (tenant, library()):
        assert [each for each in Validator(known).validate(patient) if each.severity == "error"] == []
    own = Validator(tenant).validate(patient, profiles=[f"{CORE}us-core-patient"])
    assert [each.expression for each in own if each.severity == "error"] == ["Patient.photo"]
