"""What `$export` is, at its three places (Bulk Data Access 2.0, 3.0), and `$import` (ours, as the proposals have it)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter, needed, rows

GUIDE: Final = "http://hl7.org/fhir/uv/bulkdata"
VERSION: Final = "2.0.0"
CAPABILITIES: Final = f"{GUIDE}/CapabilityStatement/bulk-data"

_TEXTS: Final = {
    "_outputFormat": "application/fhir+ndjson, application/ndjson or ndjson: there is one format.",
    "_since": "Only what was changed after this moment, and what was deleted after it.",
    "_until": "The state of this moment instead of that of the request.",
    "_type": "Types of resources, with commas between them; it may be repeated. Default: all that the caller may read.",
    "_elements": "Elements to show, with commas between them: `id`, or `Patient.name` for one type alone.",
    "_typeFilter": "`Type?criteria`: of that type, only what this search finds; several of a type are joined by or.",
    "includeAssociatedData": "Not supported: refused, or ignored with `Prefer: handling=lenient`.",
    "organizeOutputBy": "Not supported: refused, or ignored with `Prefer: handling=lenient`.",
    "allowPartialManifests": "Taken, and without effect: there is one manifest, when all is done.",
    "patient": "Only these patients; in a body.",
}
_TAKES: Final = rows(
    "_outputFormat:string _since:instant _until:instant _type:string* _elements:string* _typeFilter:string* "
    "includeAssociatedData:string* organizeOutputBy:string allowPartialManifests:boolean",
    _TEXTS,
)
_OF_PATIENTS: Final = (
    *_TAKES,
    Parameter("patient", "Reference", _TEXTS["patient"], most=None, targets=("Patient",)),
)
_DONE_LATER: Final = "Needs `Prefer: respond-async`; the answer is 202 with the address of the status, and that in the end a manifest of NDJSON files."

_TOLD: Final = (
    needed(
        "return", "OperationOutcome", "That it was accepted. (In the end the status address answers with the manifest.)"
    ),
)

EXPORT: Final = Definition(
    id="export",
    code="export",
    title="Export everything",
    text=f"All resources that the caller may read, as they were at one moment. {_DONE_LATER}",
    levels=("system",),
    takes=_TAKES,
    gives=_TOLD,
    url=f"{GUIDE}/OperationDefinition/export",
    version=VERSION,
)
PATIENT_EXPORT: Final = Definition(
    id="patient-export",
    code="export",
    title="Export the records of patients",
    text=f"What is part of the records of all patients, or of those that are named. {_DONE_LATER}",
    levels=("type",),
    on=("Patient",),
    takes=_OF_PATIENTS,
    gives=_TOLD,
    url=f"{GUIDE}/OperationDefinition/patient-export",
    version=VERSION,
)
GROUP_EXPORT: Final = Definition(
    id="group-export",
    code="export",
    title="Export the records of a group",
    text=f"What is part of the records of the group's members at that moment. {_DONE_LATER}",
    levels=("instance",),
    on=("Group",),
    takes=_OF_PATIENTS,
    gives=_TOLD,
    url=f"{GUIDE}/OperationDefinition/group-export",
    version=VERSION,
)

IMPORT: Final = Definition(
    id="system-import",
    code="import",
    title="Import NDJSON",
    text="Stores each line of NDJSON files once, whatever happens to the server meanwhile. For administrators. Needs "
    "`Prefer: respond-async`; the answer is 202 with the address of the status, and that in the end counts and the lines not taken. "
    "The files are named in Parameters, or are themselves the parts of a `multipart/form-data` body, each named by its type.",
    levels=("system",),
    takes=(
        needed("inputFormat", "code", "application/fhir+ndjson (or application/ndjson, ndjson)."),
        Parameter("inputSource", "uri", "Where the resources come from; kept with the job."),
        Parameter(
            "storageDetail",
            text="How the files are kept. `type` is https.",
            parts=(needed("type", "code", "https: addresses are fetched by the server."),),
        ),
        needed(
            "input",
            text="A file. It may be repeated.",
            parts=(
                needed("type", "code", "The type of every resource in it."),
                needed("url", "uri", "A Binary of this server (`Binary/[id]`), or a public address of https."),
            ),
            most=None,
        ),
    ),
    gives=_TOLD,
    affects_state=True,
)
