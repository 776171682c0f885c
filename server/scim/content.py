"""What was sent, in the schema's own spelling: names of attributes in any case, kinds checked, what is unknown or read-only left out.

RFC 7643 2.1 (names), 2.5 (null and empty lists are no value), RFC 7644 3.3 and 3.5.1 (what a client may not set is ignored).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from profiles import json
from server.scim.errors import ScimError
from server.scim.schema import ATTRIBUTES, EXTENSION, Attribute, Content

MOST_VALUES: Final = 100


def parse_body(content_type: str, body: bytes) -> Content:
    """The JSON object of a body. Raises ScimError."""
    if content_type.partition(";")[0].strip().lower() not in {"application/scim+json", "application/json"}:
        raise ScimError("The body is JSON: send Content-Type application/scim+json.", status=415)
    try:
        content = json.loads(body)
    except json.JsonError as error:
        raise ScimError("The body is not JSON.", "invalidSyntax") from error
    if not isinstance(content, dict):
        raise ScimError("The body is a JSON object.", "invalidSyntax")
    return content


def members(content: Content) -> dict[str, Any]:
    """Members by their names in small letters. Raises ScimError for one that comes twice."""
    found = {name.lower(): value for name, value in content.items()}
    if len(found) != len(content):
        raise ScimError("An attribute is there twice, in different cases.", "invalidSyntax")
    return found


def read_resource(content: Content) -> Content:
    """A User as it was sent. Raises ScimError."""
    sent = members(content)
    extra = sent.get(EXTENSION.lower())
    if extra is not None and not isinstance(extra, dict):
        raise ScimError("The extension is a JSON object.", "invalidSyntax")
    read = _read(sent, (attribute for attribute in ATTRIBUTES if attribute.schema != EXTENSION))
    more = _read(members(extra or {}), (attribute for attribute in ATTRIBUTES if attribute.schema == EXTENSION))
    return {**read, EXTENSION: more} if more else read


def _read(sent: Mapping[str, Any], attributes: Iterable[Attribute]) -> Content:
    known = {attribute.name: attribute for attribute in attributes if attribute.mutability != "readOnly"}
    read = {
        name: read_value(attribute, value)
        for name, attribute in known.items()
        if (value := sent.get(name.lower())) is not None
    }
    return {name: value for name, value in read.items() if value not in ([], {})}


def read_value(attribute: Attribute, value: Any) -> Any:
    """A value of an attribute, or all of its values, checked. Raises ScimError (invalidValue)."""
    if attribute.multi:
        items = value if isinstance(value, list) else [value]
        if len(items) > MOST_VALUES:
            raise ScimError(f"{attribute.name} has at most {MOST_VALUES} values.", "invalidValue")
        return [item for item in (_read_one(attribute, item) for item in items) if item not in ({}, "")]
    return _read_one(attribute, value)


def _read_one(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "complex":
        return _read_parts(attribute, value)
    if attribute.type == "boolean":
        if isinstance(value, str) and value.lower() in {"true", "false"}:  # as some directories write it
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        raise ScimError(f"{attribute.name} is true or false.", "invalidValue")
    if not isinstance(value, str):
        raise ScimError(f"{attribute.name} is a text.", "invalidValue")
    return value


def _read_parts(attribute: Attribute, value: Any) -> Content:
    main = attribute.part("value")
    if isinstance(value, str) and attribute.multi and main is not None:  # as some directories write it
        return {main.name: value} if value else {}
    if not isinstance(value, dict):
        raise ScimError(f"{attribute.name} is an object, or several.", "invalidValue")
    sent = members(value)
    read = {
        part.name: _read_one(part, found) for part in attribute.parts if (found := sent.get(part.name.lower())) is not None
    }
    if attribute.multi and read and any(part.required and not read.get(part.name) for part in attribute.parts):
        raise ScimError(f"A value of {attribute.name} lacks a part that is needed.", "invalidValue")
    return read
