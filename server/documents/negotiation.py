"""Whether a Binary is wanted as its content or as a resource (R4 binary.html#rest; RFC 9110 12.5.1).

A caller gets the resource who names a FHIR format, by `_format` or in Accept; everybody else gets the content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from profiles.outcome import refuse
from server.accept import weighted

_FHIR: Final = frozenset({"application/fhir+json", "application/json", "text/json", "application/fhir+xml"})


def wants_resource(headers: Mapping[str, str], query: Iterable[tuple[str, str]], content_type: str) -> bool:
    """Raises FhirError (406) where the caller takes neither. `content_type` is the content's, without parameters."""
    if any(name == "_format" for name, _ in query):
        return True
    accept = headers.get("accept", "").strip()
    if not accept:
        return False
    weights = {name: weight for name, _, weight in weighted(accept)}
    resource = max((weight for media, weight in weights.items() if media in _FHIR), default=0.0)
    ranges = (content_type, f"{content_type.partition('/')[0]}/*", "*/*")
    content = next((weights[name] for name in ranges if name in weights), 0.0)
    if resource == content == 0.0:
        raise refuse(
            "not-acceptable",
            "The content is of another type than Accept names; leave Accept out for the content, or ask for "
            "application/fhir+json.",
            "http.Accept",
        )
    return resource > 0 and resource >= content
