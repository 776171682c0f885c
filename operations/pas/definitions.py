"""The PAS operations, as this server does them (PAS 2.2.1 Claim-submit, Claim-inquiry)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed
from profiles.pas_names import PAS

_REQUEST: Final = needed(
    "resource", "Bundle", "The request Bundle, the Claim first. Sent as the body itself, or as this parameter."
)
_RESPONSE: Final = "A response Bundle, the ClaimResponse first."

SUBMIT_DEFINITION: Final = Definition(
    id="Claim-submit",
    code="submit",
    title="Submit a prior authorization request",
    text="Takes in a prior authorization request, an update or a cancellation, and answers for every item of it.",
    levels=("type",),
    on=("Claim",),
    takes=(_REQUEST,),
    gives=(needed("return", "Bundle", _RESPONSE),),
    affects_state=True,
    url=f"{PAS}/OperationDefinition/Claim-submit",
    version="2.2.1",
    body="resource",
)
INQUIRE_DEFINITION: Final = Definition(
    id="Claim-inquiry",
    code="inquire",
    title="Inquire about prior authorizations",
    text="Finds the authorizations in force that match an example Claim, for who asked for them or can name the member and a provider.",
    levels=("type",),
    on=("Claim",),
    takes=(_REQUEST,),
    gives=(Parameter("return", "Bundle", _RESPONSE, most=None),),
    url=f"{PAS}/OperationDefinition/Claim-inquiry",
    version="2.2.1",
    body="resource",
)
