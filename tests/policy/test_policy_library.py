"""Policies as Libraries, the bundled ones, and the refusal of documents that are no usable policy."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from policy_world import PAYER, FakeRecords, context, insurer, policy_document

from operations.evidence.evidence import Evidence
from operations.evidence.fact import Source
from operations.evidence.note_text import NoteRules
from operations.evidence.vocabulary import is_known
from operations.policy.evidence_names import canonical_name
from operations.policy.library import (
    bundled_documents,
    bundled_libraries,
    bundled_policies,
    carries_policy,
    criteria_of,
    library_of,
    policy_of,
)
from operations.policy.stored_policies import policies_for
from profiles.base_validation import validate_resource
from profiles.json import ExactDecimal, Json, dumps, loads
from profiles.outcome import FhirError


def refusal(document: Any) -> list[tuple[str, str]]:
    library = {"resourceType": "Library", "id": "x", "content": [content(document)]}
    with pytest.raises(FhirError) as error:
        policy_of(library)
    assert error.value.status == 422
    return [(issue.code, issue.text) for issue in error.value.issues]


def content(document: Any) -> dict[str, str]:
    return {"contentType": "application/json", "data": base64.b64encode(json.dumps(document).encode()).decode()}


def test_a_document_becomes_a_library_and_comes_back() -> None:
    library = library_of(policy_document())
    assert library["url"] == "https://assent.example/fhir/Library/test-policy"
    assert (library["version"], library["status"]) == ("2026.1", "active")
    assert library["effectivePeriod"] == {"start": "2026-01-01"}
    found = [(each["code"]["code"], each["valueCodeableConcept"]["coding"][0]["code"]) for each in library["useContext"]]
    assert found == [("payer", "test-payer"), ("focus", "72148")]
    policy = policy_of(loads(dumps(library)))
    assert policy.canonical == "https://assent.example/fhir/Library/test-policy|2026.1"
    assert (policy.terms.max_quantity, policy.terms.unit, policy.review.not_met) == (2, "unit", "deny")
    assert policy is policy_of(library), "compiled once"


def test_an_edit_without_a_new_version_is_seen_at_once() -> None:
    changed = library_of(policy_document(title="Another"))
    assert policy_of(library_of(policy_document())).title != policy_of(changed).title


def test_criteria_alone_are_a_policy_when_the_library_says_the_rest() -> None:
    library = library_of(policy_document())
    library["content"] = [content({"criteria": policy_document()["criteria"]})]
    policy = policy_of(library)
    assert (policy.id, policy.version, len(policy.codes), len(policy.payers)) == ("test-policy", "2026.1", 1, 1)
    assert criteria_of({"resourceType": "Library", "content": library["content"]}).rule_ids == ("weeks", "need")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"id": ""}, "policy-invalid", "id"),
        ({"version": 7}, "policy-invalid", "version"),
        ({"payer": []}, "policy-invalid", "payer"),
        ({"payer": "x"}, "policy-invalid", "payer"),
        ({"payer": [7]}, "policy-invalid", "payer[0]"),
        ({"codes": [{"system": "s"}]}, "policy-invalid", "codes[0].code"),
        ({"effective_from": None}, "policy-invalid", "effective_from"),
        ({"effective_from": "2026"}, "policy-invalid", "effective_from"),
        ({"effective_to": "2026-02-30"}, "policy-invalid", "effective_to"),
        ({"effective_to": "2025-12-31"}, "policy-invalid", "effective_to"),
        ({"state": "X"}, "policy-invalid", "state"),
        ({"state": []}, "policy-invalid", "state"),
        ({"age": {"min": "18"}}, "policy-invalid", "age.min"),
        ({"place_of_service": "11"}, "policy-invalid", "place_of_service"),
        ({"documents": [{"kind": "letter", "title": "x"}]}, "policy-invalid", "documents[0].kind"),
        ({"documents": [{"kind": "order", "title": "x", "proves": ["nothing"]}]}, "policy-invalid", "proves"),
        ({"documents": {}}, "policy-invalid", "documents"),
        ({"authorization": {"max_quantity": 3}}, "policy-invalid", "authorization.unit"),
        ({"authorization": {"days_valid": 0}}, "policy-invalid", "authorization.days_valid"),
        ({"review": {"missing": "approve"}}, "policy-invalid", "review.missing"),
        ({"risk": {"base_rate": 1}}, "policy-invalid", "risk.base_rate"),
        ({"risk": {"base_rate": 0.2, "weights": {"nothing": 1}}}, "policy-invalid", "weights"),
        ({"criteria": [{"id": "r", "requirement": {"x": {"nope": 1}}}], "documents": []}, "criteria-operator", "nope"),
        ({"criteria": None}, "criteria-invalid", "criteria"),
        ({"reviews": {}}, "policy-invalid", "Did you mean 'review'"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_exactly(change: dict[str, Any], code: str, words: str) -> None:
    assert any(found == code and words in text for found, text in refusal(policy_document(**change)))


@pytest.mark.parametrize(
    "library",
    [
        {},
        {"content": "x"},
        {"content": [{"contentType": "application/json", "url": "Binary/1"}]},
        {"content": [{"contentType": "application/json", "data": "?"}]},
        {"content": [{"contentType": "application/json", "data": base64.b64encode(b"{").decode()}]},
        {"content": [{"contentType": "application/json", "data": base64.b64encode(b"[]").decode()}]},
        {"content": [None, 7, {"contentType": ["x"]}], "useContext": [7], "effectivePeriod": "x", "url": 5},
    ],
)
def test_a_library_without_a_readable_document_is_refused(library: dict[str, Any]) -> None:
    with pytest.raises(FhirError):
        policy_of(library)
    with pytest.raises(FhirError):
        criteria_of(library)


def test_version_and_url_must_agree_with_the_document() -> None:
    for change in ({"version": "9"}, {"url": "https://assent.example/fhir/Library/other"}):
        with pytest.raises(FhirError):
            policy_of(library_of(policy_document()) | change)


async def test_policies_are_found_by_payer_and_code_and_a_broken_one_is_not_passed_over() -> None:
    library = library_of(policy_document())
    coding = {"system": "http://www.ama-assn.org/go/cpt", "code": "72148"}
    other = library_of(policy_document(id="other", payer=[{"system": PAYER["system"], "value": "other"}]))
    plain = {"resourceType": "Library", "id": "plain", "status": "active", "useContext": library["useContext"]}
    found = await policies_for(context(library, other, plain), insurer(), coding)
    assert [policy.id for policy in found] == ["test-policy"]
    assert await policies_for(context(library), insurer(identifier="x"), coding) == []
    assert await policies_for(context(library), None, coding) == []
    for bad in (None, {}, {"system": 1, "code": 2}, "72148", {"system": "http://x", "code": "72148"}):
        assert await policies_for(context(library), insurer(), bad) == []
    broken = {**library, "content": [content({"criteria": "?"})]}
    with pytest.raises(FhirError) as error:
        await policies_for(context(broken), insurer(), coding)
    assert (error.value.status, error.value.issues[0].code) == (422, "policy-broken")


async def test_special_characters_in_identifiers_are_escaped_in_the_search() -> None:
    records = FakeRecords()
    world = replace(context(), records=records)
    odd = insurer(identifier=[{"system": "urn:x", "value": "a,b|c$d\\e"}])
    await policies_for(world, odd, {"system": "http://s", "code": "1"})
    ((_, query),) = records.searches
    assert query["context"][0] == "urn:x|a\\,b\\|c\\$d\\\\e"


# -- the bundled policies ------------------------------------------------------------------------------------------------


def test_the_bundled_policies_cover_many_procedures_of_several_payers() -> None:
    policies = bundled_policies()
    payers = {token.value for policy in policies for token in policy.payers if token.system.endswith("payer-id")}
    titles = Counter(policy.title for policy in policies)
    codes = {token for policy in policies for token in policy.codes}
    assert len(payers) >= 4
    assert len(titles) >= 15
    assert {"72148", "73721", "27447", "27130", "E0601", "95810", "E1390", "J1745", "J0585", "78815"} <= {
        c.value for c in codes
    }


def test_every_bundled_policy_asks_only_for_names_of_the_vocabulary() -> None:
    for policy in bundled_policies():
        for result in policy.criteria.evaluate({}).results:
            for condition in result.all_conditions():
                assert is_known(canonical_name(condition.condition.field)), (policy.id, condition.condition.field)


def test_every_bundled_policy_names_its_source_and_gives_terms() -> None:
    canonicals = [policy.canonical for policy in bundled_policies()]
    assert len(set(canonicals)) == len(canonicals)
    for policy in bundled_policies():
        assert policy.source_id
        assert policy.source_version
        assert policy.terms.days_valid > 0
        assert 0 < policy.risk.base_rate < 0.5
        assert policy.documents


def test_every_bundled_library_is_valid_r4_and_found_as_a_policy() -> None:
    for library in bundled_libraries():
        assert carries_policy(library)
        assert [issue.text for issue in validate_resource(library) if issue.severity in ("error", "fatal")] == []
    assert len({library["id"] for library in bundled_libraries()}) == len(bundled_documents())


def evaluate(policy_id: str, version: str, document: Json) -> bool:
    policy = next(each for each in bundled_policies() if (each.id, each.version) == (policy_id, version))
    return policy.criteria.evaluate(document).all_met


def test_payers_differ_where_their_texts_differ() -> None:
    tablets = {
        "diagnosis": ["M54.50"],
        "conservative_therapy": {"nsaids": {"trialed": True, "weeks": 7}, "failed": True, "months_ago": 1},
        "exam": {"reexamined": True},
    }
    assert evaluate("blue-harbor-lumbar-mri", "2026.1", tablets)
    assert not evaluate("aurora-health-lumbar-mri", "2026.1", tablets)
    therapy = loads(dumps(tablets))
    therapy["conservative_therapy"] |= {"physical_therapy": {"completed_weeks": 6}, "months_ago": 5}
    assert evaluate("aurora-health-lumbar-mri", "2025.1", therapy)
    assert not evaluate("aurora-health-lumbar-mri", "2026.1", therapy), "the window is three months since 2026"
    sleepy = {"diagnosis": ["G47.33"], "sleep": {"evaluated": True, "ahi": 20}}
    assert evaluate("cedar-mutual-cpap", "2026.1", sleepy)
    assert not evaluate("delta-prairie-cpap", "2026.1", sleepy), "the count of events is missing"
    arthritis = {
        "diagnosis": ["M05.79"],
        "drugs": {"methotrexate": {"weeks": 30}},
        "screening": {"tuberculosis": True, "hepatitis_b": True},
    }
    assert evaluate("cedar-mutual-infliximab", "2026.1", arthritis)
    assert not evaluate("aurora-health-infliximab", "2026.1", arthritis), "the preferred drug comes first"


def test_thresholds_hold_with_their_comparators() -> None:
    def apnea(index: int, events: int, **more: Any) -> bool:
        sleep = {"evaluated": True, "ahi": index, "events": events, **more}
        return evaluate("delta-prairie-cpap", "2026.1", {"diagnosis": ["G47.33"], "sleep": sleep})

    assert apnea(15, 30)
    assert not apnea(15, 29)
    assert not apnea(14, 30)
    assert apnea(14, 10, daytime_sleepiness=True)
    assert not apnea(14, 9, daytime_sleepiness=True)
    assert not apnea(4, 40, daytime_sleepiness=True)


def state_of(policy_id: str, rule_id: str, document: Json) -> str:
    policy = next(each for each in bundled_policies() if (each.id, each.version) == (policy_id, "2026.1"))
    return next(rule.state for rule in policy.criteria.evaluate(document).results if rule.rule_id == rule_id)


@pytest.mark.parametrize("payer", ["evergreen-medicaid", "delta-prairie"])
def test_an_oxygen_value_counts_by_the_condition_that_it_was_taken_in(payer: str) -> None:
    def qualifies(**oxygen: Any) -> str:
        return state_of(f"{payer}-home-oxygen", "qualifying_value", {"oxygen": {"sao2": 86, **oxygen}})

    assert qualifies(condition="rest") == "met"
    assert qualifies(condition="sleep") == "missing"
    assert qualifies(condition="sleep", sleep_minutes=5) == "met"
    assert qualifies(condition="sleep", sleep_minutes=4) != "met"
    assert qualifies(condition="exertion") == "missing"
    assert qualifies(condition="exertion", improves_with_oxygen=True) == "met"
    assert qualifies() == "missing"


def test_preventives_count_for_sixty_days_each_and_overuse_is_addressed() -> None:
    for payer in ("aurora-health", "cedar-mutual", "delta-prairie"):
        for rule in ("preventive_length", "duration", "overuse"):
            assert state_of(f"{payer}-botulinum-migraine", rule, {"drugs": {"preventive_classes": 4}}) == "missing"
    short = {"drugs": {"preventive_classes_60_days": 2}, "migraine": {"months": 3}}
    assert state_of("cedar-mutual-botulinum-migraine", "preventive_length", short) == "not_met"
    assert state_of("cedar-mutual-botulinum-migraine", "duration", short) == "not_met", "more than three months"


def test_a_low_hba1c_is_a_value_like_any_other() -> None:
    for value in (ExactDecimal("5.9"), ExactDecimal("8.1")):
        labs = {"labs": {"hba1c": value, "hba1c_months_ago": 2}}
        assert state_of("aurora-health-glp1-diabetes", "hba1c", labs) == "met"
    assert state_of("aurora-health-glp1-diabetes", "hba1c", {}) == "missing"


def test_three_months_as_notes_say_them_meet_twelve_weeks() -> None:
    found = NoteRules().extract(
        "Methotrexate 25 mg weekly for 3 months without relief.", Source("n", "x"), date(2026, 11, 1)
    )
    weeks = next(fact.value for fact in found if fact.name == "drugs.methotrexate.weeks")
    for given in (weeks, 12):
        document = {"diagnosis": ["M05.79"], "drugs": {"methotrexate": {"weeks": given}}}
        assert state_of("cedar-mutual-infliximab", "indication", document) == "met"


@pytest.mark.parametrize("relief", ["minimal relief", "no relief", "little improvement"])
def test_care_that_brought_little_has_failed(relief: str) -> None:
    text = f"She completed 8 weeks of physical therapy with {relief}."
    found = Evidence(tuple(NoteRules().extract(text, Source("n", "x"), date(2026, 11, 1)))).document()
    policy = next(each for each in bundled_policies() if each.id == "evergreen-medicaid-lumbar-mri")
    rules = {rule.rule_id: rule for rule in policy.criteria.evaluate(found).results[1].rules}
    assert rules["conservative_care"].state == "met"
