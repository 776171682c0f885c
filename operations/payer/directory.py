"""Which payer answers: the one behind the insurer's Endpoint, the built-in one, or nobody.

An insurer is registered when an Organization with its identifier is kept here that did not merely come along with a request
(those are tagged). What happens to insurers that are not is a setting (docs/decisions/0008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operations.packet import Packet
from operations.pas.known_resources import candidates, contradicts, escaped
from operations.pas.paths import entry_path
from operations.payer.determination import BusinessError
from operations.payer.payer import Payer, RemoteConnector
from operations.payer.settings import PayerSettings
from operations.ports import Context
from profiles.json import Resource
from profiles.pas_names import ALLOWS_SCENARIOS, FROM_A_REQUEST, ORIGIN_SYSTEM, PAYER_ID_SYSTEM
from profiles.reading import child, extension, identifiers, objects, text

_REST: Final = "hl7-fhir-rest"


@dataclass(frozen=True, slots=True)
class Choice:
    """`payer` is None with `refused`. `endpoint` is the address of a remote payer. `note` is said in the answer."""

    payer: Payer | None
    insurer: Resource | None = None
    endpoint: str | None = None
    refused: BusinessError | None = None
    note: str | None = None
    allows_scenarios: bool = False


@dataclass(frozen=True, slots=True)
class PayerDirectory:
    """The payers that we have. `remote` is None where no connector is installed: then all are answered by the built-in."""

    builtin: Payer
    remote: RemoteConnector | None
    settings: PayerSettings

    async def choose(self, packet: Packet, context: Context) -> Choice:
        party = packet.follow("insurer")
        if party is None or not identifiers(party.resource):
            path = f"{entry_path(packet, party)}.identifier" if party is not None else None
            sentence = "The payer cannot be identified: its Organization has no identifier."
            return Choice(None, refused=BusinessError("T4", "C", "required-element", sentence, path, "2010A-NM109"))
        insurer = await registered_insurer(party.resource, context)
        if insurer is not None:
            endpoint = await _endpoint(insurer, context)
            scenarios = self._scenarios(extension(insurer, ALLOWS_SCENARIOS).get("valueBoolean") is True)
            if endpoint is not None and self.remote is not None:
                return Choice(self.remote, insurer, endpoint, allows_scenarios=scenarios)
            return Choice(self.builtin, insurer, allows_scenarios=scenarios)
        path = f"{entry_path(packet, party)}.identifier"
        return await self._unknown(party.resource, path, packet, context)

    def _scenarios(self, marked: bool) -> bool:
        return marked if self.settings.scenarios == "auto" else self.settings.scenarios == "on"

    async def _unknown(self, insurer: Resource, path: str, packet: Packet, context: Context) -> Choice:
        sentence = None
        if any(system == PAYER_ID_SYSTEM for system, _ in identifiers(insurer)):
            sentence = "The payer's identifier is of our own register, and no such payer is registered."
        elif await _covered_by_another(packet, context):
            sentence = "The member's active coverage known here is of another payer."
        elif self.settings.unknown_payer == "refuse":
            sentence = "The payer is not registered here."
        if sentence is not None:
            return Choice(None, refused=BusinessError("79", "N", "not-found", sentence, path, "2010A-NM109"))
        note = "The payer is not registered here; the request is reviewed without policies of its own."
        return Choice(self.builtin, note=note, allows_scenarios=self._scenarios(False))


async def registered_insurer(insurer: Resource, context: Context) -> Resource | None:
    """The Organization kept here for this insurer: an identifier in common, and none that contradicts."""
    for system, value in identifiers(insurer):
        if not system:
            continue
        found = await candidates(context, "Organization", {"identifier": f"{escaped(system)}|{escaped(value)}"})
        for each in found:
            if not came_with_a_request(each) and not contradicts(insurer, each):
                return each
    return None


def came_with_a_request(resource: Resource) -> bool:
    return any(
        tag.get("system") == ORIGIN_SYSTEM and tag.get("code") == FROM_A_REQUEST
        for tag in objects(child(resource, "meta").get("tag"))
    )


async def _endpoint(insurer: Resource, context: Context) -> str | None:
    """The PAS address of an insurer: its first active Endpoint for FHIR REST."""
    for reference in objects(insurer.get("endpoint")):
        endpoint = await _stored(reference, "Endpoint", context)
        if endpoint is None or endpoint.get("status") != "active":
            continue
        connection = child(endpoint, "connectionType")
        address = text(endpoint.get("address"))
        if connection.get("code") == _REST and address is not None:
            return address.rstrip("/")
    return None


async def _covered_by_another(packet: Packet, context: Context) -> bool:
    """True when the member is known here and every active coverage known is of a registered payer: not of this one."""
    patient = packet.follow("patient")
    if patient is None:
        return False
    for system, value in identifiers(patient.resource):
        if not system:
            continue
        found = await candidates(context, "Patient", {"identifier": f"{escaped(system)}|{escaped(value)}"})
        for member in found:
            if contradicts(patient.resource, member):
                continue
            covered = await candidates(context, "Coverage", {"beneficiary": f"Patient/{member['id']}"})
            for coverage in covered:
                told = coverage.get("status") == "active" and not came_with_a_request(coverage)
                if told and await _of_registered_payer(coverage, context):
                    return True
    return False


async def _of_registered_payer(coverage: Resource, context: Context) -> bool:
    for payor in objects(coverage.get("payor")):
        organization = await _stored(payor, "Organization", context)
        if organization is not None and not came_with_a_request(organization):
            return True
    return False


async def _stored(reference: Resource, kind: str, context: Context) -> Resource | None:
    named, _, logical_id = (text(reference.get("reference")) or "").partition("/_history/")[0].partition("/")
    return await context.records.read(kind, logical_id) if named == kind and logical_id else None
