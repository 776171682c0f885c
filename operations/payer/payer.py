"""The payer that decides: one interface, two implementations (builtin.py, remote.py), chosen by directory.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from operations.packet import Packet
from operations.pas.claim_view import RequestedItem
from operations.payer.determination import Determination
from operations.payer.settings import PayerSettings
from operations.ports import Context
from profiles.json import Resource


@dataclass(frozen=True, slots=True)
class Case:
    """A request before a payer. `items` are those to be decided, `bundle` the request as received.

    `insurer` is the Organization as registered here, None for a payer that is not. `waited` is True when the case comes
    back after the time that was given for review or for documents: then it must be decided. `attempt` counts from 1.
    `endpoint` is the address of a remote payer's PAS service.
    """

    packet: Packet
    items: tuple[RequestedItem, ...]
    bundle: Resource
    insurer: Resource | None
    context: Context
    settings: PayerSettings
    scenario: str | None = None
    endpoint: str | None = None
    waited: bool = False
    attempt: int = 1

    def of(self, items: tuple[RequestedItem, ...]) -> Case:
        return replace(self, items=items)


class Payer(Protocol):
    """Decides about a case."""

    async def review(self, case: Case) -> Determination:
        """Decide. Raises `FhirError` (503, pas-payer-unavailable) when that is impossible now and nothing was taken in."""


class RemoteConnector(Payer, Protocol):
    """A payer elsewhere: its answer to a request comes as a Bundle, and it can be asked again."""

    async def ask(self, case: Case, inquiry: Resource) -> list[Resource]:
        """The response Bundles to a PAS inquiry. Raises `FhirError` as `review` does."""
