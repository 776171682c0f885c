"""Who installed or removed a package, as a Provenance (R4 provenance.html) in the same commit."""

from __future__ import annotations

from typing import Literal

from operations.packages.contents import GUIDE
from operations.packages.package_name import SYSTEM, PackageName
from operations.ports import Context, Write
from profiles import provenance as told


def provenance(context: Context, package: PackageName, sha256: str, activity: Literal["CREATE", "DELETE"]) -> Write:
    """Its target is the package's record; what the record lists is of the same moment."""
    caller = context.caller
    archive = told.source({"identifier": {"system": SYSTEM, "value": str(package)}, "display": f"sha256:{sha256}"})
    return Write(
        told.provenance(
            context.new_id(),
            [f"{GUIDE}/{package.record_id}"],
            context.now(),
            activity,
            [told.agent("performer", told.caller(caller.fhir_user, caller.subject))],
            [archive],
        )
    )
