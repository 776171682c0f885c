"""Purposes of use, as far as consents are decided by them: which may be stated by whom, and which lie within which.

The codes are HL7's v3 PurposeOfUse (v3-ActReason). A purpose within another is covered by what a consent says of the wider one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles.outcome import refuse
from server.auth.principal import Principal
from server.auth.roles import ROLES

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
USUAL: Final = "HPAYMT"
EMERGENCY: Final = "BTG"
"""Breaking the glass."""

WITHIN: Final = {
    **dict.fromkeys(("CLINTRCH", "COC", "ETREAT", "POPHLTH", "CAREMGT"), "TREAT"),
    **dict.fromkeys(("BTG", "ERTREAT"), "ETREAT"),
    **dict.fromkeys(("CLMATTCH", "COVAUTH", "COVERAGE", "REMITADV"), "HPAYMT"),
    **dict.fromkeys(("ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG"), "COVERAGE"),
    **dict.fromkeys(
        (
            "DONAT", "FRAUD", "GOV", "HACCRED", "HCOMPL", "HDECD", "HDIRECT", "HDM", "HLEGAL", "HOUTCOMS", "HPRGRP", "HQUALIMP",
            "HSYSADMIN", "LABELING", "MEMADMIN", "METAMGT", "MILCDM", "PATADMIN", "PATSFTY", "PERFMSR", "RECORDMGT", "SYSDEV", "TRAIN",
        ),
        "HOPERAT",
    ),
    "HTEST": "SYSDEV",
    **dict.fromkeys(("FAMRQT", "PWATRNY", "SUPNWK"), "PATRQT"),
    **dict.fromkeys(("DISASTER", "THREAT"), "PUBHLTH"),
    **dict.fromkeys(("BIORCH", "CLINTRCHNPC", "CLINTRCHPC", "DSRCH", "POARCH", "PRECLINTRCH", "PREMETH", "TRANSRCH"), "HRESCH"),
}  # fmt: skip
"""Purpose -> the one that it is part of."""


def covering(code: str) -> Iterator[str]:
    """A purpose, and those that it lies within."""
    found: str | None = code
    while found is not None:
        yield found
        found = WITHIN.get(found)


def settled_purpose(principal: Principal, stated: str) -> str:
    """What a request is for. `stated` is what its header says, or nothing.

    A token that names purposes is good for those alone; any other for those of the caller's roles. Raises FhirError (403).
    """
    if principal.purposes is None and not stated:
        return USUAL
    allowed = principal.purposes
    if allowed is None:
        allowed = tuple(code for role in principal.roles if role in ROLES for code in ROLES[role].purposes)
    asked = stated or (USUAL if USUAL in allowed else next(iter(allowed), USUAL))
    if set(allowed).isdisjoint(covering(asked)):
        raise refuse("forbidden", "The token does not allow to ask for that purpose.", "http.X-Purpose-Of-Use")
    return asked
