"""A small reader of FHIR's XML, for tests: the same resource as plain JSON (FHIR R4 2.6.0.1), by the structure tables."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from pathlib import Path
from typing import Any

from profiles.json import ExactDecimal
from profiles.structure import primitive_types, type_definition

FHIR, XHTML = "{http://hl7.org/fhir}", "{http://www.w3.org/1999/xhtml}"


def read_xml(path: Path) -> Any:
    return _resource(ElementTree.parse(path).getroot())


def _resource(element: ElementTree.Element) -> Any:
    name = element.tag.removeprefix(FHIR)
    return {"resourceType": name, **_object(element, name)}


def _object(element: ElementTree.Element, type_name: str) -> dict[str, Any]:
    definition = type_definition(type_name)
    assert definition is not None, type_name
    found: dict[str, Any] = {name: value for name, value in element.attrib.items() if name in {"id", "url"}}
    for child in element:
        if child.tag == f"{XHTML}div":
            found["div"] = ElementTree.tostring(child, encoding="unicode")
            continue
        name = child.tag.removeprefix(FHIR)
        known = definition.element(name)
        assert known is not None, (type_name, name)
        declared, type_ = known
        if type_.code == "Resource":
            value, beside = _resource(child[0]), None
        elif type_.code in primitive_types():
            value, beside = _primitive(child, type_.code)
        else:
            value, beside = _object(child, type_.code), None
        if declared.max == 1:
            found |= {k: v for k, v in ((name, value), (f"_{name}", beside)) if v is not None}
        else:
            found.setdefault(name, []).append(value)
            found.setdefault(f"_{name}", []).append(beside)
    return {k: v for k, v in found.items() if not (k[0] == "_" and type(v) is list and not any(v))}


def _primitive(element: ElementTree.Element, code: str) -> tuple[Any, Any]:
    text = element.get("value")
    beside: dict[str, Any] = {"id": element.get("id")} if element.get("id") else {}
    extensions = [_object(child, "Extension") for child in element]
    if extensions:
        beside["extension"] = extensions
    return None if text is None else _value(text, code), beside or None


def _value(text: str, code: str) -> Any:
    if code == "boolean":
        return text == "true"
    if code == "decimal":
        return int(text) if Decimal(text) == int(Decimal(text)) and text.isdigit() else ExactDecimal(text)
    return int(text) if code in {"integer", "positiveInt", "unsignedInt"} else text
