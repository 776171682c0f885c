"""Why a caller asks, as the caller says: the header `X-Purpose-Of-Use`, a code of HL7's v3 PurposeOfUse.

FHIR has no header for it; IHE and SMART leave it to the token. What is said is noted with the event, and decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiles.outcome import refuse

HEADER: Final = "x-purpose-of-use"

_TEXT: Final = (
    "BIORCH BTG CAREMGT CLINTRCH CLINTRCHNPC CLINTRCHPC CLMATTCH COC COVAUTH COVERAGE DISASTER DONAT DSRCH ELIGDTRM ELIGVER "
    "ENROLLM ERTREAT ETREAT FAMRQT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HMARKT HOPERAT HOUTCOMS HPAYMT HPRGRP "
    "HQUALIMP HRESCH HSYSADMIN HTEST LABELING MEMADMIN METAMGT MILCDM MILDCRG PATADMIN PATRQT PATSFTY PERFMSR POARCH POPHLTH "
    "PRECLINTRCH PREMETH PUBHLTH PWATRNY RECORDMGT REMITADV SUPNWK SYSDEV THREAT TRAIN TRANSRCH TREAT"
)
CODES: Final = frozenset(_TEXT.split())


def stated_purpose(headers: Mapping[str, str]) -> str:
    """Raises FhirError (400) for what is no such code: a purpose that is noted wrongly is worse than none."""
    code = headers[HEADER].strip()
    if code not in CODES:
        raise refuse(
            "parameter-value", "X-Purpose-Of-Use is one code of HL7's PurposeOfUse, such as TREAT.", f"http.{HEADER}"
        )
    return code
