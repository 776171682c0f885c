"""The policy for one item of a packet, from the store: what previews and the built-in payer both begin with."""

from __future__ import annotations

from dataclasses import dataclass

from operations.packet import Packet
from operations.policy.claim_item import age_on, item_codes, place_of_service, service_date
from operations.policy.insurer import followed
from operations.policy.policy import Token
from operations.policy.selection import PolicyChoice, WithoutPolicy, default_without_policy, payer_tokens, select_policy
from operations.policy.stored_policies import policies_for
from operations.ports import Context
from profiles.json import Resource


@dataclass(frozen=True, slots=True)
class ItemPolicy:
    """`code` is the coding that the policy was found by, else the item's first; `without` says what follows without one."""

    choice: PolicyChoice
    code: Token | None
    without: WithoutPolicy


async def policy_for_item(context: Context, packet: Packet, insurer: Resource | None, item: Resource) -> ItemPolicy:
    """Look up and select the policy of `insurer` for `item`. An item may be coded more than once: the first hit counts.

    `insurer` is the Organization as stored (operations/policy/insurer.py), None for a payer that is not known here.

    Raises `FhirError` (policy-broken) as `policies_for` does.
    """
    day = service_date(item, packet.claim.resource, packet.received.date())
    patient = followed(packet, "patient")
    age = age_on(patient.resource.get("birthDate"), day) if patient else None
    codes = item_codes(item)
    passed_over: list[tuple[str, str]] = []
    for code in codes:
        policies = await policies_for(context, insurer, {"system": code.system, "code": code.value})
        choice = select_policy(
            policies,
            payers=payer_tokens(insurer),
            code=code,
            on=day,
            age=age,
            place_of_service=place_of_service(item),
        )
        if choice.policy is not None:
            return ItemPolicy(choice, code, default_without_policy(insurer))
        passed_over += choice.passed_over
    choice = PolicyChoice(None, tuple(passed_over))
    return ItemPolicy(choice, codes[0] if codes else None, default_without_policy(insurer))
