"""What is taken out of a package, what is left out and named, and what refuses it as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from packages_made import (
    ACME,
    NAME,
    archive,
    code_system,
    guide,
    manifest,
    member,
    package,
    profile,
    questionnaire,
    usual,
    value_set,
)
from shared import shared_data

from operations.packages import contents
from operations.packages.contents import Contents, read_contents
from operations.packages.package_name import PackageName, fits
from operations.packages.record import record_of
from operations.policy.library.bundled import bundled_libraries
from profiles.base_validation import validate_resource
from profiles.json import loads
from profiles.outcome import FhirError
from profiles.package_archive import Limits


def refusal(data: bytes) -> tuple[str, str]:
    with pytest.raises(FhirError) as refused:
        read_contents(data)
    (issue,) = refused.value.issues
    assert "\n" not in issue.text
    return issue.code, issue.text


def stored(read: Contents, type_: str) -> dict[str, Any]:
    (found,) = [loads(one.content) for one in read.resources if one.type == type_]
    return dict(found)


def test_definitions_are_taken_and_examples_are_not() -> None:
    read = read_contents(usual())
    assert [one.type for one in read.resources] == [
        "CodeSystem", "ValueSet", "StructureDefinition", "Questionnaire", "SearchParameter"
    ]  # fmt: skip
    assert read.left_out == ()
    assert stored(read, "ValueSet")["meta"] == {"source": f"https://assent.example/fhir/package/{NAME}#1.0.0"}


def test_ids_follow_from_package_version_and_canonical_alone() -> None:
    first, again = read_contents(usual()), read_contents(usual(title="another file"))
    assert [one.id for one in first.resources] == [one.id for one in again.resources]
    assert first.sha256 != again.sha256
    second = read_contents(usual("2.0.0"))
    assert not {one.id for one in first.resources} & {one.id for one in second.resources}
    other = read_contents(usual(name="acme.other"))
    assert not {one.id for one in first.resources} & {one.id for one in other.resources}
    assert all(one.id.startswith(("fruit-", "acme-patient-", "ask-", "shoe-size-")) for one in first.resources)


def test_references_inside_the_package_lead_to_what_is_stored() -> None:
    plan = {
        "resourceType": "Library", "id": "logic", "status": "active", "type": {"text": "x"}, "url": f"{ACME}/Library/logic",
        "subjectReference": {"reference": "Group/g"}, "relatedArtifact": [{"type": "depends-on", "resource": f"{ACME}/ValueSet/fruit"}],
        "extension": [{"url": "urn:x", "valueReference": {"reference": "ValueSet/fruit"}}],
    }  # fmt: skip
    read = read_contents(package(plan, value_set()))
    library = stored(read, "Library")
    assert library["extension"][0]["valueReference"]["reference"] == f"ValueSet/{stored(read, 'ValueSet')['id']}"
    assert library["subjectReference"] == {"reference": "Group/g"}
    assert library["relatedArtifact"][0]["resource"] == f"{ACME}/ValueSet/fruit"


def test_what_is_not_as_r4_has_it_is_left_out_and_named() -> None:
    policy = bundled_libraries()[0]
    broken = {
        **policy,
        "id": "broken-policy",
        "url": f"{ACME}/Library/broken",
        "content": [{**policy["content"][0], "data": "e30="}],
    }
    read = read_contents(
        package(
            code_system(),
            value_set(status="strange"),
            profile(id="patient", url="http://hl7.org/fhir/StructureDefinition/Patient"),
            {"resourceType": "Requirements", "id": "r", "status": "active"},
            {"resourceType": "Patient", "id": "p", "name": [{"family": "Quill"}]},
            {"resourceType": "Subscription", "id": "s", "status": "active"},
            {"resourceType": "ValueSet", "status": "active", "url": "urn:no-id"},
            {k: v for k, v in broken.items() if k != "version"},
            policy,
        )
    )
    assert [one.type for one in read.resources] == ["CodeSystem", "Library"]
    texts = [issue.text for issue in read.left_out]
    assert [issue.code for issue in read.left_out] == ["package-left-out"] * 7
    assert {issue.severity for issue in read.left_out} == {"warning"}
    for word in (
        "ValueSet/fruit",
        "redefine a type of R4",
        "A ValueSet is left out. It has no id",
        "Library/broken-policy",
        "usable policy",
    ):
        assert any(word in text for text in texts), (word, texts)
    assert {
        "1 of type Patient left out: that is no definition.",
        "1 of type Requirements left out: that is no R4 type.",
    } <= set(texts)
    assert not any("Quill" in text or "strange" in text for text in texts)


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"fhirVersions": ["5.0.0"]}, "package-fhir-version", "acme.policies#1.0.0 is for FHIR 5.0.0; only packages for 4.0.x"),
        ({"fhirVersions": ["4.3.0", "4.1.0"]}, "package-fhir-version", "4.3.0, 4.1.0"),
        ({"fhirVersions": []}, "package-fhir-version", "does not say"),
        ({"fhirVersions": None}, "package-fhir-version", "does not say"),
        ({"fhirVersions": [5, "<script>"]}, "package-fhir-version", "of another version"),
        ({"name": "hl7.fhir.r4.core", "version": "4.0.1"}, "package-built-in", "built in"),
        ({"name": "hl7.fhir.r4.expansions"}, "package-built-in", "built in"),
        ({"name": "../evil"}, "package-invalid", "lower-case"),
        ({"name": "Acme"}, "package-invalid", "lower-case"),
        ({"name": "a" * 65}, "package-invalid", "lower-case"),
        ({"name": 7}, "package-invalid", "lower-case"),
        ({"version": "current"}, "package-invalid", "1.0.0"),
        ({"version": "1.0.0\n"}, "package-invalid", "1.0.0"),
        ({"version": "1.0.0#2"}, "package-invalid", "1.0.0"),
        ({"version": None}, "package-invalid", "1.0.0"),
        ({"dependencies": {"x y": "1.0.0"}}, "package-invalid", "dependency"),
        ({"dependencies": ["a"]}, "package-invalid", "dependencies"),
    ],
)  # fmt: skip
def test_manifests_that_are_refused(told: dict[str, Any], code: str, words: str) -> None:
    found, text = refusal(package(code_system(), **told))
    assert found == code
    assert words in text
    assert "script" not in text


def one_file(content: bytes) -> bytes:
    return archive([member("package/package.json", json.dumps(manifest()).encode()), member("package/a.json", content)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no gzip"),
        (archive([member("package/a.json", json.dumps(code_system()).encode())]), "no package/package.json"),
        (archive([member("package/package.json", b"{")]), "package.json is not JSON"),
        (archive([member("package/package.json", b"[]")]), "no JSON object"),
        (package(), "no conformance resource"),
        (package(guide()), "no conformance resource"),
        (one_file(b'{"resourceType": '), "not JSON in UTF-8"),
        (one_file(b'{"resourceType": "ValueSet", "name": "\xff"}'), "not JSON in UTF-8"),
        (one_file(b"[" * 100_000), "nested too deeply"),
        (package(code_system(), files=[member("../x", b"")]), "leads out"),
        (package(code_system(), code_system(id="other")), "CodeSystem/other twice"),
        (package(value_set(), files=[member("package/b.json", json.dumps(value_set(url="urn:b")).encode())]), "ValueSet/fruit twice"),
    ],
    ids=["empty", "no manifest", "broken manifest", "a list", "nothing", "only a guide", "broken", "latin", "deep", "path", "canonical", "id"],
)  # fmt: skip
def test_packages_that_are_refused(data: bytes, words: str) -> None:
    code, text = refusal(data)
    assert code == "package-invalid"
    assert words in text


def test_two_versions_of_a_canonical_in_one_package_are_no_twins() -> None:
    assert len(read_contents(package(code_system(), code_system("2.0.0", id="fruit-2"))).resources) == 2


def test_bounds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_RESOURCES", 2)
    code, text = refusal(usual())
    assert (code, "more than 2 conformance resources" in text) == ("package-too-large", True)
    monkeypatch.setattr(contents, "MOST_RESOURCES", 100)
    with monkeypatch.context() as hurried:
        hurried.setattr(contents, "LIMITS", Limits(seconds=-1.0))
        assert refusal(usual())[0] == "package-too-large"
    huge = member("package/huge.json", b'{"resourceType": "ValueSet", "x": "' + b"y" * (17 << 20) + b'"}')
    assert refusal(package(code_system(), files=[huge]))[0] == "package-too-large"


def test_versions_and_what_dependencies_ask_for() -> None:
    assert fits("4.0.1", "4.0.x")
    assert fits("4.0.1", "4.0.1")
    assert fits("1.2.0", "current")
    assert not fits("4.1.0", "4.0.x")
    assert not fits("4.0.10", "4.0.1")
    package_name = PackageName.checked("acme.a-b", "1.0.0-draft.2")
    assert str(package_name) == "acme.a-b#1.0.0-draft.2"
    assert len(package_name.stored_id("ValueSet", "x" * 64, "urn:x|1")) <= 64


def test_the_record_is_valid_whatever_the_packages_own_guide_is() -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    broken = {"title": "\x01", "description": "x\x00"}
    cases = ((guide(), {}, "AcmeGuide"), (guide(name=7), {}, "AcmePolicies"), (guide(contact="x"), broken, "AcmePolicies"))
    for own, told, name in cases:
        read = read_contents(package(questionnaire(), own, dependencies={"hl7.fhir.us.core": "6.1.0"}, **told))
        record = record_of(read, when, "nurse")
        assert [issue for issue in validate_resource(record) if issue.severity == "error"] == []
        assert (record["name"], record["packageId"], record["version"]) == (name, NAME, "1.0.0")
        assert [item["reference"]["reference"] for item in record["definition"]["resource"]] == [
            read.resources[0].reference
        ]


EXPECTED = {
    "hl7.fhir.us.core-3.1.1": 145, "hl7.fhir.us.core-6.1.0": 209, "hl7.fhir.us.core-7.0.0": 210,
    "hl7.fhir.us.davinci-cdex-2.1.0.source": 21, "hl7.fhir.us.davinci-crd-2.0.1": 42,
    "hl7.fhir.us.davinci-crd-2.2.1.compiled": 72, "hl7.fhir.us.davinci-dtr-2.0.1": 27,
    "hl7.fhir.us.davinci-dtr-2.2.0.compiled": 48, "hl7.fhir.us.davinci-hrex-1.0.0": 26,
    "hl7.fhir.us.davinci-hrex-1.2.0.compiled": 30, "hl7.fhir.us.davinci-pas-2.0.1": 96,
    "hl7.fhir.us.davinci-pas-2.2.1": 110, "hl7.fhir.uv.sdc-4.0.0.compiled": 139,
    "hl7.fhir.uv.smart-app-launch-2.2.0.source": 11, "hl7.fhir.uv.subscriptions-backport.r4-1.1.0.compiled": 21,
}  # fmt: skip
"""How many resources of each official package are taken."""


def test_the_official_packages_are_read_and_r4_itself_is_refused() -> None:
    folder = shared_data() / "ig"
    for path in sorted(folder.glob("*.tgz")):
        if path.name.startswith("hl7.fhir.r4.core"):
            assert refusal(path.read_bytes())[0] == "package-built-in"
            continue
        read = read_contents(path.read_bytes())
        assert len(read.resources) == EXPECTED[path.name.removesuffix(".tgz")], path.name
        named = [issue.text for issue in read.left_out if "is left out" in issue.text]
        assert len(named) == (1 if "subscriptions-backport" in path.name else 0), (path.name, named)
