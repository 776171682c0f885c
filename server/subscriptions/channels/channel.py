"""What a channel has in common with others: the form of a notification, and how a failure is told."""

from __future__ import annotations

from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.xml.events import XmlError
from profiles.xml.writing import to_xml

_XML: Final = frozenset({"application/fhir+xml", "application/xml"})


class NotTakenError(Exception):
    """The endpoint did not take it: it is sent again. The message is a sentence of ours, without anything that the endpoint said."""


def encoded(bundle: Resource, media: str) -> bytes:
    """A notification in the form that was asked for; what XML cannot say is named and not sent."""
    if media not in _XML:
        return json.dumps(bundle)
    try:
        return to_xml(bundle)
    except XmlError:
        first, *rest = bundle["entry"]
        named = [{name: value for name, value in entry.items() if name != "resource"} for entry in rest]
        return to_xml({**bundle, "entry": [first, *named]})
