"""The practice's requests and the examples meet the policies as their authors meant, on any day: different states, for real."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from operations.evidence.collect import collect_evidence
from operations.pas.request import packet_of
from operations.policy.assess import assess
from operations.policy.claim_item import item_codes, place_of_service, service_date
from operations.policy.library.bundled import bundled_policies
from operations.policy.selection import default_without_policy, payer_tokens, select_policy
from profiles.json import Resource, loads
from profiles.pas_request import read_request
from server.sample.practice import practice_requests, practice_resources

BODIES = Path(__file__).parents[2] / "examples/bodies"
DAYS = [date(2026, 11, 22), date(2028, 2, 29), date(2032, 3, 31)]

EXPECTED = {
    "p01-request": "approve",
    "p02-request": "deny",
    "p03-request": "approve",
    "p05-request": "pend",
    "p07-request": "modify",
    "p06-request": "approve",
    "p10-request": "approve",
    "p11-request": "manual-review",
}


def recommended(bundle: Resource, day: date) -> str:
    """What the payer's policy says to do with the first item, or what the payer does where it has none."""
    packet = packet_of(read_request(bundle), datetime.combine(day, time(12), UTC))
    claim = packet.claim.resource
    item = claim["item"][0]
    payer_ids = {token.value for token in payer_tokens(insurer_of(bundle))}
    payer = next(one for one in practice_resources(day) if one["resourceType"] == "Organization" and one["id"] in payer_ids)
    policy = select_policy(
        bundled_policies(),
        payers=payer_tokens(payer),
        code=item_codes(item)[0],
        on=service_date(item, claim, day),
        place_of_service=place_of_service(item),
    ).policy
    if policy is None:
        return default_without_policy(payer)
    return assess(policy, collect_evidence(packet), packet, item).recommendation.action


def insurer_of(bundle: Resource) -> Resource:
    address = bundle["entry"][0]["resource"]["insurer"]["reference"]
    found: Resource = next(entry["resource"] for entry in bundle["entry"] if entry["fullUrl"].endswith(address))
    return found


@pytest.mark.parametrize("day", DAYS)
def test_the_practice_shows_every_kind_of_decision_on_any_day(day: date) -> None:
    found = {bundle["entry"][0]["resource"]["id"]: recommended(bundle, day) for bundle in practice_requests(day)}
    assert found == EXPECTED


@pytest.mark.parametrize("day", [date(2026, 11, 22), date(2031, 7, 1)])
@pytest.mark.parametrize(
    ("name", "action"), [("lumbar-mri", "approve"), ("lumbar-mri-gaps", "pend"), ("knee-replacement-urgent", "deny")]
)
def test_the_examples_do_not_age_either(name: str, action: str, day: date) -> None:
    assert recommended(loads((BODIES / f"{name}.json").read_bytes()), day) == action
