"""What each FHIR interaction is, in words and shapes, for the OpenAPI document (FHIR R4 http.html).

The addresses are those of the route table; here is what it does not say: what goes in, what comes out, and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SEARCH: Final = ("_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total", "_lastUpdated", "_id")


@dataclass(frozen=True, slots=True)
class Told:
    """`answers`: what succeeds, by status, as the name of a schema; empty for no body. `body`: the media types of what is sent."""

    summary: str
    text: str
    answers: Mapping[int, str]
    body: Sequence[str] = ()
    body_schema: str = "Resource"
    query: Sequence[str] = ()
    headers: Sequence[str] = ()


FHIR: Final = "application/fhir+json"
_PATCHES: Final = (FHIR, "application/json-patch+json", "application/merge-patch+json")
FORM: Final = "application/x-www-form-urlencoded"
_FORM: Final = (FORM,)
_WRITTEN: Final = {200: "Resource", 201: "Resource"}
_SEARCHED: Final = (
    "Matching resources a page at a time; every search parameter of the type is taken besides those listed here."
)

INTERACTIONS: Final[Mapping[tuple[str, str], Told]] = {
    ("POST", ""): Told("Batch or transaction", "Does the entries of a Bundle: each by itself, or all or none.", {200: "Bundle"}, (FHIR,), "Bundle"),
    ("GET", ""): Told("Search all types", _SEARCHED, {200: "Bundle"}, query=("_type", *SEARCH)),
    ("POST", "_search"): Told("Search all types", _SEARCHED, {200: "Bundle"}, _FORM),
    ("GET", "{type}"): Told("Search", _SEARCHED, {200: "Bundle"}, query=SEARCH),
    ("POST", "{type}/_search"): Told("Search by a form", _SEARCHED, {200: "Bundle"}, _FORM),
    ("POST", "{type}"): Told("Create", "Stores a new resource under an id of the server's.", _WRITTEN, (FHIR,), headers=("If-None-Exist",)),
    ("PUT", "{type}"): Told("Update what matches", "The resource is named by search criteria.", _WRITTEN, (FHIR,), query=("_id", "identifier")),
    ("PATCH", "{type}"): Told("Patch what matches", "The resource is named by search criteria.", {200: "Resource"}, _PATCHES, query=("_id", "identifier")),
    ("DELETE", "{type}"): Told("Delete what matches", "The resource is named by search criteria.", {204: ""}, query=("_id", "identifier")),
    ("GET", "{type}/{id}"): Told("Read", "The current version.", {200: "Resource", 304: ""}, query=("_summary", "_elements"), headers=("If-None-Match",)),
    ("PUT", "{type}/{id}"): Told("Update", "The next version, or a new resource under this id.", _WRITTEN, (FHIR,), headers=("If-Match",)),
    ("PATCH", "{type}/{id}"): Told("Patch", "JSON Patch, merge patch, or FHIRPath Patch as Parameters.", {200: "Resource"}, _PATCHES, headers=("If-Match",)),
    ("DELETE", "{type}/{id}"): Told(
        "Delete",
        "The history stays. With `_cascade=delete` (or `X-Cascade: delete`) what refers to the resource is deleted with it, and the answer says what.",
        {200: "OperationOutcome", 204: ""},
        query=("_cascade",),
        headers=("If-Match", "X-Cascade"),
    ),
    ("GET", "{type}/{id}/{member}"): Told("Search a compartment", _SEARCHED, {200: "Bundle"}, query=SEARCH),
    ("POST", "{type}/{id}/{member}/_search"): Told("Search a compartment by a form", _SEARCHED, {200: "Bundle"}, _FORM),
    ("POST", "{type}/{id}/_search"): Told("Search a whole compartment by a form", _SEARCHED, {200: "Bundle"}, _FORM),
    ("GET", "_history"): Told("History of everything", "Versions, the newest first.", {200: "Bundle"}, query=("_count", "_since", "_at", "_sort")),
    ("GET", "{type}/_history"): Told("History of a type", "Versions, the newest first.", {200: "Bundle"}, query=("_count", "_since", "_at", "_sort")),
    ("GET", "{type}/{id}/_history"): Told("History of a resource", "Versions, the newest first.", {200: "Bundle"}, query=("_count", "_since", "_at", "_sort")),
    ("DELETE", "{type}/{id}/_history"): Told("Erase the history", "Earlier versions go for good; the answer is the receipt. For administrators.", {200: "Parameters"}),
    ("GET", "{type}/{id}/_history/{version}"): Told("Read a version", "As it was.", {200: "Resource"}),
    ("GET", "_async/{id}"): Told("Status of a request done later", "202 while it is under way.", {200: "Bundle", 202: "OperationOutcome"}),
    ("GET", "_async/{id}/{member}"): Told("A file of an export", "NDJSON; whole, or the range that is asked for.", {200: "Binary", 206: "Binary"}),
    ("DELETE", "_async/{id}"): Told("Cancel a request done later", "What was done stays.", {202: "OperationOutcome"}),
}  # fmt: skip
