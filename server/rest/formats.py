"""JSON or XML (R4 http.html#mime-type): which of them the caller wants, and what comes in or goes out as XML.

Inside the server everything is JSON: XML is turned into it before an interaction sees it, and the answer into XML after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, Literal

from profiles import json
from profiles.outcome import FhirError, refuse
from profiles.xml.events import XmlError
from profiles.xml.reading import from_xml
from profiles.xml.writing import to_xml
from server.accept import weighted
from server.rest.request import FHIR_JSON, JSON_TYPES, Request, is_r4, media_type
from server.rest.response import CONTENT_TYPE, Response

FHIR_XML: Final = "application/fhir+xml"
XML_CONTENT_TYPE: Final = f"{FHIR_XML}; charset=utf-8"
MAX_READ: Final = 8 * 2**20
MAX_WRITTEN: Final = 8 * 2**20
"""Bytes of JSON that are written as XML; more stays JSON, as its Content-Type says."""

Format = Literal["json", "xml"]
_XML_TYPES: Final = frozenset({FHIR_XML, "application/xml", "text/xml"})
_SMALL: Final = 16 * 1024
"""Bytes that are converted at once; more is done beside the other requests."""


def wanted_format(headers: Mapping[str, str], query: Iterable[tuple[str, str]]) -> Format:
    """`_format` goes before Accept; JSON where both would do. Raises FhirError (406) when the caller can read neither."""
    asked = next((value for name, value in query if name == "_format"), None)
    if asked is not None:
        name = asked.replace(" ", "+")
        if name in {"json", *JSON_TYPES}:
            return "json"
        if name in {"xml", *_XML_TYPES}:
            return "xml"
        raise refuse("not-acceptable", "JSON and XML can be written: use _format=json or _format=xml.", "http._format")
    accept = headers.get("accept")
    if accept is None or accept in {FHIR_JSON, "*/*"}:
        return "json"
    return _accepted(accept)


def _accepted(accept: str) -> Format:
    weights = {name: weight for name, parameters, weight in weighted(accept) if is_r4(parameters)}
    json_weight = max((weights.get(name, 0.0) for name in {"*/*", "application/*", *JSON_TYPES}), default=0.0)
    browser = "text/html" in weights  # asks for any XML only so that pages of XHTML come as such
    xml_types = {FHIR_XML} if browser else _XML_TYPES
    xml_weight = max((weights.get(name, 0.0) for name in xml_types), default=0.0)
    if json_weight == xml_weight == 0.0:
        text = f"{FHIR_JSON} and {FHIR_XML} can be written; the Accept header takes neither."
        raise refuse("not-acceptable", text, "http.Accept")
    return "xml" if xml_weight > json_weight else "json"


async def read_as_json(request: Request) -> Request:
    """The request with a body of JSON, where it came with XML. Raises FhirError (400, 413, 415)."""
    if not request.body or media_type(request.headers.get("content-type", "")) not in _XML_TYPES:
        return request
    if not is_r4(request.headers["content-type"]):
        raise refuse("content-type", "Bodies are FHIR 4.0; the Content-Type names another version.", "http.Content-Type")
    if len(request.body) > MAX_READ:
        raise refuse("body-too-large", f"A body of XML may have at most {MAX_READ} bytes; send JSON.", "http.body")
    try:
        body = _json_of(request.body) if len(request.body) <= _SMALL else await asyncio.to_thread(_json_of, request.body)
    except XmlError as error:
        raise refuse("body-not-xml", f"The body is no resource in XML: {error}", "http.body") from error
    return replace(request, body=body, headers={**request.headers, "content-type": FHIR_JSON})


def _json_of(body: bytes) -> bytes:
    return json.dumps(from_xml(body))


async def written(request: Request, response: Response) -> Response:
    """The response in the format that the request asks for. One that XML cannot hold, or is too large, stays as it is."""
    if not response.body or response.content_type != CONTENT_TYPE or not _asks_for_xml(request):
        return response
    if len(response.body) > MAX_WRITTEN:
        return response
    try:
        if len(response.body) <= _SMALL:
            body = _xml_of(response.body, request.pretty)
        else:
            body = await asyncio.to_thread(_xml_of, response.body, request.pretty)
    except XmlError:
        return response
    return replace(response, body=body, content_type=XML_CONTENT_TYPE)


def _asks_for_xml(request: Request) -> bool:
    """Quickly no for nearly everybody; what cannot be had has been refused, and the refusal is JSON."""
    if "xml" not in request.headers.get("accept", "") and not any(name == "_format" for name, _ in request.query):
        return False
    try:
        return wanted_format(request.headers, request.query) == "xml"
    except FhirError:
        return False


def _xml_of(body: bytes, pretty: bool) -> bytes:
    return to_xml(json.loads(body), pretty=pretty)
