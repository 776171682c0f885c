"""A checked request with all that is read off it once."""

from __future__ import annotations

from dataclasses import dataclass

from operations.packet import Packet
from operations.pas.claim_view import RequestedItem, requested_items
from operations.pas.identity import RequestIdentity, content_digest, identity_of
from operations.pas.request import packet_of
from operations.pas.updates import is_update
from operations.ports import Context
from profiles.pas_request import PasRequest


@dataclass(frozen=True, slots=True)
class Intake:
    """One `$submit` as it came. `scenario` is the one that a tester asked for."""

    request: PasRequest
    packet: Packet
    identity: RequestIdentity
    digest: str
    items: tuple[RequestedItem, ...]
    scenario: str | None
    update: bool

    @property
    def sequences(self) -> tuple[int, ...]:
        return tuple(item.sequence for item in self.items)


def intake(request: PasRequest, scenario: str | None, context: Context) -> Intake:
    packet = packet_of(request, context.now())
    items = requested_items(request.claim.resource)
    return Intake(request, packet, identity_of(packet), content_digest(request), items, scenario, is_update(request))
