"""`$import` asked for: the files and their types, checked, made a job, answered with 202 (as the Bulk Data import proposals have it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from operations.given_values import text
from operations.ports import Context, JobRequest, Operation, OperationInput, OperationOutput
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.structure import resource_types
from server.bulk.asked import FORMATS
from server.bulk.definitions import IMPORT
from server.bulk.kick_off import accepted, later_wishes
from server.rest.exchange import AUDIT_TYPE, is_id

KIND: Final = "import"
MOST_FILES: Final = 1000
_WHERE: Final = "Parameters.parameter.where(name = 'input')"


class Input(msgspec.Struct, frozen=True):
    """A file: `binary` is the id of a Binary here, or `url` an address of https, or `upload` what came with the request (BlobName)."""

    type: str
    binary: str = ""
    url: str = ""
    upload: str = ""


async def _run(given: OperationInput, context: Context) -> OperationOutput:
    """Raises FhirError: 400, 429."""
    later_wishes(given)
    if text(given, "inputFormat") not in FORMATS:
        raise refuse(
            "parameter-value", "The input is NDJSON: application/fhir+ndjson.", _WHERE.replace("input", "inputFormat")
        )
    entries = [entry for entry in (given.resource or {}).get("parameter", ()) if isinstance(entry, dict)]
    for entry in entries:
        if entry.get("name") == "storageDetail" and _part(entry, "type") != "https":
            raise refuse("not-supported", "Files are fetched by https, or are Binaries here.", _WHERE, status=400)
    inputs = [_input(entry, context.base_url) for entry in entries if entry.get("name") == "input"]
    if len(inputs) > MOST_FILES:
        raise too_many_files()
    return await import_accepted(inputs, context)


IMPORT_OPERATION: Final = Operation(
    IMPORT, _run, "u", header_names=("prefer",), roles=frozenset({"administrator"}), every_type=True, makes_job=True
)


def inputs_in(work: Resource) -> list[Input]:
    """What `_run` made."""
    return msgspec.convert(work["inputs"], list[Input])


def _input(entry: Resource, base_url: str) -> Input:
    type_, url = _part(entry, "type"), _part(entry, "url")
    check_file_type(type_, _WHERE)
    if not isinstance(url, str):
        raise _no_address()
    local = url.removeprefix(f"{base_url}/")
    if local.startswith("Binary/"):
        id_ = local.removeprefix("Binary/")
        if not is_id(id_):
            raise _no_address()
        return Input(str(type_), binary=id_)
    if not url.startswith(("https://", "http://")) or len(url) > 2000:
        raise _no_address()
    return Input(str(type_), url=url)


def check_file_type(type_: Json, where: str) -> None:
    """Raises FhirError (400)."""
    if type_ not in resource_types() - {AUDIT_TYPE}:
        raise refuse(
            "parameter-value", "The type of a file is that of the resources in it; AuditEvents are not imported.", where
        )


def too_many_files() -> FhirError:
    return refuse("parameter-value", f"There may be {MOST_FILES} files.", _WHERE)


async def import_accepted(inputs: Sequence[Input], context: Context) -> OperationOutput:
    """The job stored. Raises FhirError (429)."""
    work: Resource = {"inputs": msgspec.to_builtins(inputs)}
    return await accepted(JobRequest(KIND, context.now(), work, context.new_id()), context)


def _no_address() -> FhirError:
    return refuse("parameter-value", "A file is Binary/[id], or an address of https.", _WHERE)


def _part(entry: Resource, name: str) -> Json:
    for part in entry.get("part", ()):
        if isinstance(part, dict) and part.get("name") == name:
            return next((value for key, value in part.items() if key.startswith("value")), None)
    return None
