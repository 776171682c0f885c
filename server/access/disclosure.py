"""What patients' consents say of disclosing records to a recipient (`operations.ports.Disclosure`): the action disclose, for payment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from profiles.json import Resource
from server.access.consent_decision import Asking, decision
from server.access.consent_rules import EXEMPT
from server.access.consent_view import Held
from server.access.purposes import covering
from server.reach import personal_types

PURPOSE: Final = "HPAYMT"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A resource that is about to be sent."""

    type: str
    id: str
    patients: tuple[str, ...]
    content: Resource

    def resource(self) -> Resource:
        return self.content


@dataclass(frozen=True, slots=True)
class ConsentedDisclosure:
    """At one moment (`now` in microseconds)."""

    held: Held
    now: int

    def withheld(self, patient: str | None, recipients: Collection[str], resources: Sequence[Resource]) -> list[int]:
        """The places of those that may not be sent. A patient without an id here has said nothing."""
        asking = Asking(frozenset(recipients), frozenset(covering(PURPOSE)), "disclose")
        rules = self.held.rules.get(patient, ()) if patient is not None else ()
        found: list[int] = []
        for place, resource in enumerate(resources):
            type_ = str(resource["resourceType"])
            if type_ not in personal_types() or type_ in EXEMPT:
                continue
            sent = _Sent(type_, str(resource.get("id", "")), (patient,) if patient is not None else (), resource)
            answer = decision(rules, asking, self.now, type_, sent)
            if answer == "deny" or self.held.unreadable or (answer is None and self.held.opt_in):
                found.append(place)
        return found
