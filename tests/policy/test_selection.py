"""A rule is selected by payer, code, date of service, place and age together; none is an answer."""

from __future__ import annotations

from typing import Any

import pytest
from policy_world import CPT, NOW, PAYER, context, day, insurer, item, packet, policy, policy_document

from operations.policy.claim_item import age_on, item_codes, quantity_of, service_date
from operations.policy.code_systems import HCPCS, NDC, canonical_code, canonical_system
from operations.policy.insurer import stored_insurer
from operations.policy.item_policy import policy_for_item
from operations.policy.library import library_of
from operations.policy.policy import Token
from operations.policy.selection import default_without_policy, select_policy, version_key

CODE = Token(CPT, "72148")
PAYERS = [Token(PAYER["system"], PAYER["value"])]


def choose(*policies: Any, on: str = "2026-06-01", **more: Any) -> str | None:
    chosen = select_policy(policies, payers=PAYERS, code=CODE, on=day(on), **more).policy
    return f"{chosen.id}|{chosen.version}" if chosen else None


def test_the_version_in_force_on_the_date_of_service_is_taken() -> None:
    old = policy(version="2025.1", effective_from="2025-01-01", effective_to="2025-12-31")
    new = policy()
    assert choose(old, new, on="2025-12-31") == "test-policy|2025.1"
    assert choose(old, new, on="2026-01-01") == "test-policy|2026.1"
    assert choose(old, new, on="2024-12-31") is None


def test_of_overlapping_versions_the_highest_wins_in_any_order() -> None:
    versions = [policy(version=version) for version in ("2026.9", "2026.10", "2026.1")]
    assert choose(*versions) == choose(*reversed(versions)) == "test-policy|2026.10"
    assert version_key("2026.2") < version_key("2026.10") < version_key("2027")
    assert version_key("1.0-beta") < version_key("1.0.1")


def test_payer_code_place_and_age_all_count_and_unknown_excludes_nothing() -> None:
    limited = policy(id="limited", place_of_service=["19", "22"], age={"min": 18, "max": 64})
    assert choose(limited) == "limited|2026.1"
    assert choose(limited, place_of_service="22", age=18) == "limited|2026.1"
    assert choose(limited, place_of_service="11") is None
    assert choose(limited, age=17) is None
    assert choose(limited, age=65) is None
    assert choose(policy(), limited, place_of_service="22") == "limited|2026.1", "the more specific one precedes"
    assert choose(policy(), limited, place_of_service="11") == "test-policy|2026.1"
    assert choose(policy(payer=[{"system": "s", "value": "other"}])) is None
    assert choose(policy(codes=[{"system": CPT, "code": "72149"}])) is None


def test_what_was_passed_over_is_said() -> None:
    old = policy(effective_to="2026-03-01")
    choice = select_policy([old], payers=PAYERS, code=CODE, on=day("2026-06-01"))
    assert choice.policy is None
    assert choice.passed_over == ((old.canonical, "not in force on the date of service"),)


@pytest.mark.parametrize("extension", [None, "x", [7], [{"url": "u"}], [{"url": None, "valueCode": []}]])
def test_without_a_policy_the_payer_says_what_follows_else_a_reviewer_decides(extension: Any) -> None:
    assert default_without_policy(insurer(extension=extension)) == "manual-review"
    assert default_without_policy(None) == "manual-review"
    url = "https://assent.example/fhir/StructureDefinition/default-without-policy"
    assert default_without_policy(insurer(extension=[{"url": url, "valueCode": "nonsense"}])) == "manual-review"
    said = insurer(extension=[{"url": url, "valueCode": "no-authorization-required"}])
    assert default_without_policy(said) == "no-authorization-required"


async def test_an_item_is_looked_up_by_each_of_its_codes_and_at_its_date() -> None:
    coded = {
        "coding": [
            {"system": "http://local", "code": "MRI"},
            {"system": "https://www.ama-assn.org/go/cpt", "code": "72148"},
        ]
    }
    library = library_of(policy_document())
    found = await policy_for_item(context(library), packet(), insurer(), item(productOrService=coded))
    assert found.choice.policy is not None
    assert found.code == CODE
    past = await policy_for_item(context(library), packet(), insurer(), item(servicedDate="2020-01-01"))
    assert (past.choice.policy, past.without, past.code) == (None, "manual-review", CODE)
    assert past.choice.passed_over[0][1] == "not in force on the date of service"
    uncoded = await policy_for_item(context(library), packet(), insurer(), {"productOrService": "x"})
    assert (uncoded.choice.policy, uncoded.code) == (None, None)


async def test_the_payer_is_the_one_we_keep_not_the_copy_that_was_sent() -> None:
    url = "https://assent.example/fhir/StructureDefinition/default-without-policy"
    sent = insurer(id="sent", extension=[{"url": url, "valueCode": "no-authorization-required"}])
    kept = await stored_insurer(context(insurer()), sent)
    assert kept is not None
    assert default_without_policy(kept) == "manual-review"
    assert await stored_insurer(context(), sent) is None
    assert await stored_insurer(context(insurer()), insurer(identifier=[{"value": "test-payer"}])) is None


def test_items_of_any_shape_can_be_read() -> None:
    claim = {"billablePeriod": {"start": "2026-05-05"}}
    received = NOW.date()
    assert service_date(item(servicedDate="2026-03-01"), claim, received) == day("2026-03-01")
    assert service_date(item(servicedPeriod={"start": "2026-04-01T10:00:00Z"}), claim, received) == day("2026-04-01")
    assert service_date(item(servicedPeriod="x", servicedDate=[]), claim, received) == day("2026-05-05")
    assert service_date(item(servicedDate="2026"), {}, received) == received
    assert service_date(item(servicedDate="2026-99-99"), {"billablePeriod": []}, received) == received
    for odd in (None, "x", 7, [], [None], {"coding": "x"}, {"coding": [7, None, {"code": 1}]}):
        assert item_codes({"productOrService": odd}) == ()
    assert quantity_of({"quantity": {"value": "3"}}) is None
    assert quantity_of({"quantity": {"value": True}}) is None
    assert age_on("1970-11-23", NOW.date()) == 55
    assert age_on("1970-11-22", NOW.date()) == 56
    assert age_on("1970", NOW.date()) is None
    assert age_on("2030-01-01", NOW.date()) is None


def test_codes_are_recognized_in_the_spellings_that_senders_use() -> None:
    assert canonical_system("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets") == HCPCS
    assert canonical_code(HCPCS, " e0601 ") == "E0601"
    assert canonical_code(NDC, "0169-4525-14") == canonical_code(NDC, "00169452514") == "00169452514"
