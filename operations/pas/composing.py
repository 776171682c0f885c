"""Putting an answer together: the Bundle that goes out, and everything of it that is stored beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import uuid4

from operations.packet import Entry
from operations.pas.claim_response import Frame, Verdict, claim_response
from operations.pas.identity import number_key
from operations.pas.information_request import asks_in, information_request, with_carried
from operations.pas.response import response_bundle, stored_form
from operations.pas.response_rules import Expectation, response_faults
from operations.ports import Context, UniqueKey, Write
from profiles.json import Resource
from profiles.outcome import FhirError, Issue


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the stored ClaimResponse keeps beside what was sent; `local` are stored references by fullUrl."""

    local: Mapping[str, str]
    extensions: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a remote payer sent beside its ClaimResponse: `asking` is kept here under ids of ours, `entries` may be echoed."""

    asking: Sequence[Resource] = ()
    entries: Sequence[Entry] = ()


NOTHING_FOREIGN: Final = Foreign()


@dataclass(frozen=True, slots=True)
class Answer:
    """`bundle` is what goes out and is stored; `response` the stored ClaimResponse; `beside` what the payer asks with."""

    bundle: Resource
    response: Resource
    beside: tuple[Resource, ...]
    numbers: frozenset[str]

    def writes(self, response_version: int | None = None, bundle_version: int | None = None) -> list[Write]:
        """What to store: new resources, or new versions of the ClaimResponse and its Bundle."""
        return [
            Write(self.response, response_version),
            Write(self.bundle, bundle_version),
            *(Write(each) for each in self.beside),
        ]

    def number_keys(self, known: frozenset[str] = frozenset(), issuer: str = "") -> dict[UniqueKey, str]:
        """Keys for the numbers that this answer gives out for the first time."""
        holder = f"ClaimResponse/{self.response['id']}"
        return {number_key(number, issuer): holder for number in sorted(self.numbers - known)}


def compose(
    frame: Frame,
    verdict: Verdict,
    context: Context,
    remembered: Remembered,
    expected: Expectation,
    answer_by: date | None = None,
    carried: Sequence[Resource] = (),
    foreign: Foreign = NOTHING_FOREIGN,
) -> Answer:
    """The answer, checked against the rules of PAS responses.

    `carried` are requests for information that were sent before and still stand, as they were sent. `foreign` is what a remote payer sent along. Raises `FhirError` (500, pas-response) when it breaks one: a wrong answer must not leave the house.
    """
    now = context.now()
    count = asks_in(verdict.answers)
    asked = information_request(frame, verdict.answers, now, answer_by, [context.new_id() for _ in range(count + 1)])
    asked = with_carried(asked, [*carried, *foreign.asking])
    urls = [f"{frame.base_url}/CommunicationRequest/{each['id']}" for each in asked.communications]
    response = claim_response(frame, verdict, now, urls)
    bundle = response_bundle(frame, response, asked, str(uuid4()), now, foreign.entries)
    faults = response_faults(bundle, expected)
    if faults:
        issues = [Issue("pas-response", f"The answer breaks a rule: {each.rule}.", each.expression) for each in faults[:20]]
        raise FhirError(issues, 500)
    local = dict(remembered.local)
    stored = stored_form(response, local, frame.base_url, remembered.extensions)
    fresh = [each for each in (*asked.communications, *asked.tasks) if each not in carried]
    beside = tuple(stored_form(each, local, frame.base_url) for each in fresh)
    numbers = frozenset(number for each in verdict.answers for number in each.numbers)
    return Answer(bundle, stored, beside, numbers)


def expectation(frame: Frame, sequences: Sequence[int]) -> Expectation:
    sent = {entry.reference: entry.resource for entry in frame.packet.entries}
    return Expectation(frame.version, "submit", tuple(sequences), sent)
