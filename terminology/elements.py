"""Reading JSON elements that may have any shape: what is not of the expected form counts as absent.

Definitions come from the store, from packages and from callers (`tx-resource`); nothing here trusts them. FHIR R4 datatypes
and the extension notation of R4 `extensibility.html`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Resource = dict[str, Any]
"""A resource or an element, as parsed from JSON."""

STANDARDS_STATUS: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"


def rows(element: Resource, name: str) -> list[Resource]:
    """The objects of a repeating element."""
    value = element.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def text(element: Resource, name: str) -> str | None:
    """A string element with content."""
    value = element.get(name)
    return value if isinstance(value, str) and value else None


def texts(element: Resource, name: str) -> list[str]:
    """The strings of a repeating element."""
    value = element.get(name)
    return [row for row in value if isinstance(row, str)] if isinstance(value, list) else []


def flag(element: Resource, name: str) -> bool | None:
    """A boolean element; the strings `true` and `false` count too, since queries carry them."""
    value = element.get(name)
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def value_of(element: Resource) -> tuple[str, Any] | None:
    """The `value[x]` of an element: its JSON name and its value."""
    for name, value in element.items():
        if name.startswith("value") and len(name) > 5:
            return name, value
    return None


def extension_values(element: Resource, url: str) -> Iterator[Any]:
    """The values of an element's extensions of that URL."""
    for extension in rows(element, "extension"):
        if extension.get("url") == url:
            found = value_of(extension)
            if found is not None:
                yield found[1]


def extension_text(element: Resource, url: str) -> str | None:
    """The first value of an extension that is a string."""
    return next((value for value in extension_values(element, url) if isinstance(value, str)), None)


def is_true(element: Resource, url: str) -> bool:
    """Whether an extension says true."""
    return any(value is True or value == "true" for value in extension_values(element, url))


def withdrawn_or_deprecated(element: Resource) -> str | None:
    """`deprecated` or `withdrawn`, where the standards status says so."""
    status = extension_text(element, STANDARDS_STATUS)
    return status if status in ("deprecated", "withdrawn") else None
