"""A FHIR request, parsed once: everything an interaction needs of it, and nothing of the transport."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal
from urllib.parse import parse_qsl

from profiles import json
from profiles.json import Json, JsonError, Resource
from profiles.outcome import FhirError, refuse
from server.auth.principal import Principal
from server.rest.upload import Upload

FHIR_JSON: Final = "application/fhir+json"
JSON_TYPES: Final = frozenset({FHIR_JSON, "application/json", "text/json"})
_FORM: Final = "application/x-www-form-urlencoded"
_ETAG: Final = re.compile(r'W/"(\d{1,9})"\Z')
FORMAT_PARAMETERS: Final = frozenset({"_format", "_pretty"})
MAX_QUERY: Final = 64 * 1024

Return = Literal["representation", "minimal", "OperationOutcome"]


@dataclass(frozen=True, slots=True)
class Base:
    """The base an address belongs to. `url` has no trailing slash."""

    tenant: str
    url: str
    pas_version: Literal["2.2.1", "2.0.1"] = "2.2.1"


@dataclass(frozen=True, slots=True)
class Request:
    """`segments` are what follows the base: ("Patient", "1"). Header names are lower case."""

    method: str
    base: Base
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    template: str
    """The shape of the segments (server/rest/routes.py)."""
    address: str = ""
    inside_bundle: bool = False
    fault: FhirError | None = None
    """Why the request could not be read to its end: it is refused with this, once it is known who asks."""
    upload: Upload | None = None
    """The raw body of a Binary, which nobody has read yet; `body` is empty then."""
    caller: Principal | None = None
    """Who asks, by the token that came with the request, where the front has looked at it."""
    principal: Principal | None = None
    """Who asks, where that is known already: a job does later what somebody was let in for."""

    @property
    def pretty(self) -> bool:
        return any(name == "_pretty" and value == "true" for name, value in self.query)

    @property
    def prefer(self) -> dict[str, str]:
        """The Prefer header's preferences (RFC 7240), lower-case names."""
        pairs = (part.strip().partition("=") for part in re.split("[,;]", self.headers.get("prefer", "")))
        return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if name.strip()}

    @property
    def responds_async(self) -> bool:
        """Whether the caller would rather ask later for the answer (RFC 7240 4.1)."""
        able = not self.inside_bundle and self.upload is None and self.method != "HEAD"
        return "prefer" in self.headers and able and "respond-async" in self.prefer

    @property
    def returns(self) -> Return:
        wanted = self.prefer.get("return", "representation")
        for value in ("minimal", "OperationOutcome"):
            if wanted == value:
                return value
        return "representation"

    @property
    def lenient(self) -> bool:
        return self.prefer.get("handling") == "lenient"

    def if_match(self) -> int | None:
        """The version that If-Match asks for; None without the header."""
        value = self.headers.get("if-match")
        if value is None:
            return None
        match = _ETAG.match(value.strip())
        if match is None:
            raise refuse("if-match-format", 'If-Match must name one version, as in W/"3".', "http.If-Match")
        return int(match[1])

    def json(self) -> Json:
        """The parsed body. Raises FhirError when there is none, or it is not JSON."""
        if not self.body:
            raise refuse("body-missing", "This interaction needs a JSON body.", "http.body")
        check_content_type(self.headers.get("content-type"))
        return self.parsed()

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return media_type(self.headers.get("content-type", ""))

    def parsed(self) -> Json:
        """The body as JSON, whatever its Content-Type is. Raises FhirError (400)."""
        if not self.body:
            raise refuse("body-missing", "This interaction needs a JSON body.", "http.body")
        try:
            content = json.loads(self.body)
        except JsonError as error:
            raise refuse("body-not-json", str(error), "http.body") from error
        if json.repeats_a_name(self.body, content):
            raise refuse("structure", "An object in the body has two members of the same name.", "http.body")
        return content

    def resource(self) -> Resource:
        """The body as an object with a resourceType."""
        content = self.json()
        if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
            raise refuse("structure", "The body must be a FHIR resource: a JSON object with a resourceType.", "http.body")
        return content

    def form(self) -> tuple[tuple[str, str], ...]:
        """The parameters of a POST _search."""
        if not self.body:
            return ()
        if self.media_type != _FORM:
            raise refuse("content-type", f"A POST _search has a body of type {_FORM}.", "http.Content-Type")
        return parse_pairs(self.body)


def check_content_type(value: str | None) -> None:
    """Raises FhirError (415) for a body that does not say it is JSON, or says it is not UTF-8."""
    if value is None or media_type(value) not in JSON_TYPES:
        raise refuse("content-type", f"The body must be JSON or XML: send Content-Type: {FHIR_JSON}.", "http.Content-Type")
    if not is_r4(value):
        raise refuse("content-type", "Bodies are FHIR 4.0; the Content-Type names another version.", "http.Content-Type")
    charset = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]+)", value, re.IGNORECASE)
    if charset is not None and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise refuse("content-type", "JSON bodies must be in UTF-8.", "http.Content-Type")


def is_r4(value: str) -> bool:
    """Whether a media type names FHIR 4.0, or no version at all (R4 http.html#version-parameter)."""
    version = re.search(r"fhirVersion\s*=\s*\"?([0-9.]+)", value)
    return version is None or version[1] in {"4.0", "4.0.1"}


def refuse_unknown(query: Collection[tuple[str, str]], known: Iterable[str] = ()) -> None:
    """Raises FhirError (400) for parameters that the interaction does not take: to ignore one could change an answer."""
    if not query:
        return
    names = {*known, *FORMAT_PARAMETERS}
    for name, _ in query:
        if name not in names:
            near = get_close_matches(name, sorted(names), n=1)
            hint = f" Did you mean {near[0]}?" if near else f" It takes: {', '.join(sorted(names))}."
            raise refuse("unknown-parameter", f"This interaction does not take that parameter.{hint}", "http.query")


def parse_pairs(text: bytes) -> tuple[tuple[str, str], ...]:
    """Query or form parameters in their order. Raises FhirError for more than the server reads, or broken encoding."""
    if len(text) > MAX_QUERY:
        raise refuse("search-too-costly", f"A query may be at most {MAX_QUERY // 1024} KiB long.", status=414)
    try:
        return tuple(parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=500))
    except (UnicodeDecodeError, ValueError) as error:
        raise refuse("parameter-value", "The query is not percent-encoded UTF-8, or has too many parameters.") from error


def media_type(value: str) -> str:
    """A Content-Type without its parameters, in lower case."""
    return value.partition(";")[0].strip().lower()
