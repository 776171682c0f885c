"""What R4's text asks of URIs beyond their form: absolute code systems and canonicals, well-formed urn:uuid and urn:oid.

FHIR R4 datatypes.html (uri, Coding, Identifier), valueset.html, codesystem.html.
"""

from __future__ import annotations

import re
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.conformance.definitions import Definitions
from profiles.conformance.reading import items_in
from profiles.validation.run import Path

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OID: Final = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
_URI_SYSTEM: Final = "urn:ietf:rfc:3986"


def is_absolute(text: str) -> bool:
    return _ABSOLUTE.fullmatch(text) is not None


def check_urn(item: Item, context: Context) -> None:
    """A uri that is a UUID or an OID must be a right one."""
    text = item.value
    if type(text) is str and text[:4] == "urn:":
        if text.startswith("urn:uuid:") and not _UUID.fullmatch(text.partition("#")[0].partition("|")[0]):
            context.add("primitive-format", "A UUID has 32 lower-case hexadecimal digits in five groups.", item.path)
        elif text.startswith("urn:oid:") and not _OID.fullmatch(text.partition("#")[0].partition("|")[0]):
            context.add("primitive-format", "An OID is numbers with dots between, without leading zeros.", item.path)


def check_system(item: Item, context: Context) -> bool:
    """A Coding's system must be absolute, and no value set nor supplement; whether it is."""
    system = item.value.get("system")
    if not isinstance(system, str):
        return False
    systems = context.run.systems
    if system not in systems:
        systems[system] = _fault_of(system, context.run.definitions)
    fault = systems[system]
    if fault is not None:
        context.add("code-invalid", fault, (item.path, "system", -1))
    return fault is None


def _fault_of(system: str, definitions: Definitions) -> str | None:
    """What is wrong with naming a code system so; None for nothing."""
    found = definitions.find("CodeSystem", system)
    if not is_absolute(system):
        return "The code system must be named by an absolute URI."
    if found is not None and (found.get("content") == "supplement" or "supplements" in found):
        return "The system is a supplement: codes are named by the system that it adds to."
    if found is None and definitions.find("ValueSet", system) is not None:
        return "The system is a value set, and no code system."
    return None


def check_identifier(item: Item, context: Context) -> None:
    """An identifier of the system of URIs must have a whole URI as its value."""
    value = item.value.get("value")
    if item.value.get("system") == _URI_SYSTEM and isinstance(value, str) and not is_absolute(value):
        context.add("primitive-format", "An identifier of this system must be a whole URI.", (item.path, "value", -1))


def check_canonical_resource(item: Item, context: Context) -> None:
    """The url of a conformance resource must be absolute, and so the systems of a value set; what a CodeSystem says it holds."""
    url = item.value.get("url")
    if isinstance(url, str) and not is_absolute(url):
        context.add("primitive-format", "A canonical URL must be absolute.", (item.path, "url", -1))
    if item.type == "ValueSet":
        _check_includes(item, context)
    elif item.type == "CodeSystem":
        _check_content(item, context)


def _check_includes(item: Item, context: Context) -> None:
    compose = item.value.get("compose")
    for name in ("include", "exclude"):
        for index, each in enumerate(items_in(compose, name) if isinstance(compose, dict) else []):
            system = each.get("system")
            if isinstance(system, str) and not is_absolute(system):
                where: Path = ((((item.path, "compose", -1), name, index)), "system", -1)
                context.add("primitive-format", "The code system must be named by an absolute URI.", where)


def _check_content(item: Item, context: Context) -> None:
    content = item.value.get("content")
    if content == "not-present" and "concept" in item.value:
        context.add(
            "invariant", "The code system says that its concepts are not present, but has some.", (item.path, "concept", -1)
        )
    if "supplements" in item.value and content != "supplement":
        context.add("invariant", "What supplements a code system has the content supplement.", (item.path, "content", -1))
