"""Who installed or removed a package, as a Provenance (R4 provenance.html) in the same commit."""

from __future__ import annotations

from datetime import UTC
from typing import Final, Literal

from operations.packages.contents import GUIDE
from operations.packages.package_name import SYSTEM, PackageName
from operations.ports import Context, Write
from profiles.json import Resource

_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def provenance(context: Context, package: PackageName, sha256: str, activity: Literal["CREATE", "DELETE"]) -> Write:
    """Its target is the package's record; what the record lists is of the same moment."""
    caller = context.caller
    who: Resource = {"reference": caller.fhir_user} if caller.fhir_user else {"display": caller.subject}
    return Write(
        {
            "resourceType": "Provenance",
            "id": context.new_id(),
            "target": [{"reference": f"{GUIDE}/{package.record_id}"}],
            "recorded": context.now().astimezone(UTC).isoformat(timespec="milliseconds"),
            "activity": {"coding": [{"system": _OPERATION, "code": activity}]},
            "agent": [{"type": {"coding": [{"system": _AGENT, "code": "performer"}]}, "who": who}],
            "entity": [
                {
                    "role": "source",
                    "what": {"identifier": {"system": SYSTEM, "value": str(package)}, "display": f"sha256:{sha256}"},
                }
            ],
        }
    )
