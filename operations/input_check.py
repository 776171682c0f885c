"""What a caller sends to an operation, held against its Definition before the operation sees it (FHIR R4 operations.html).

Names, how often, and types; what a value means is for the operation. In an address everything is text, so only simple types can
stand there. Types that are written alike are taken for each other: a client that sends a valueString where the definition says uri
means no harm, and everybody's clients do it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from operations.definition import Definition, Parameter
from operations.policy.fhir_parameters import unknown_parameter
from profiles.json import Json, Resource
from profiles.outcome import FhirError, refuse
from profiles.primitives import primitive_check

_TEXTS: Final = frozenset({"string", "code", "uri", "url", "canonical", "id", "markdown", "oid", "uuid"})
_NUMBERS: Final = frozenset({"integer", "positiveInt", "unsignedInt", "decimal"})
_TIMES: Final = frozenset({"date", "dateTime", "instant"})
_WHOLE: Final = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_OWN: Final = "_"
"""Begins the names of parameters that belong to the server (_format), unless the definition has them."""


def check_input(definition: Definition, body: Resource | None, query: Mapping[str, Sequence[str]]) -> None:
    """Raises FhirError (400): unknown-parameter, required-element, parameter-value, structure."""
    seen: Counter[str] = Counter()
    for name, values in query.items():
        known = definition.parameter(name)
        if known is None:
            if name.startswith(_OWN):
                continue
            raise _unknown(name, definition.takes, "http.query")
        seen[name] += len(values)
        for value in values:
            _check_text(known, value)
    _check_body(definition, body, seen)
    _check_counts(definition.takes, seen, "Parameters.parameter" if body is not None else "http.query")


def _check_body(definition: Definition, body: Resource | None, seen: Counter[str]) -> None:
    if body is None:
        return
    if body.get("resourceType") == "Parameters" and not _stands_for_itself(definition, body):
        seen.update(_check_entries(definition.takes, body.get("parameter", []), "Parameters.parameter"))
        return
    known = definition.parameter(definition.body) if definition.body else None
    if known is None:
        raise refuse("structure", "The body must be a Parameters resource.", "Parameters")
    seen[known.name] += 1


def _stands_for_itself(definition: Definition, body: Resource) -> bool:
    """A Parameters resource that carries none of our parameters, where any resource may be the body."""
    known = definition.parameter(definition.body) if definition.body else None
    entries = body.get("parameter")
    if known is None or known.type != "Resource" or not isinstance(entries, list) or not entries:
        return False
    return not any(isinstance(each, dict) and definition.parameter(str(each.get("name"))) for each in entries)


def _check_entries(known: Sequence[Parameter], entries: Json, at: str) -> Counter[str]:
    """How often each parameter of a list is there."""
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise refuse("structure", "Parameters are a list of objects.", at)
    seen: Counter[str] = Counter()
    for index, entry in enumerate(entries):
        place, name = f"{at}[{index}]", entry.get("name")
        if not isinstance(name, str):
            raise refuse("required-element", "A parameter needs a name.", f"{place}.name")
        parameter = next((each for each in known if each.name == name), None)
        if parameter is None:
            raise _unknown(name, known, f"{place}.name")
        seen[name] += 1
        _check_entry(parameter, entry, place)
    return seen


def _check_entry(parameter: Parameter, entry: Resource, at: str) -> None:
    if parameter.parts:
        parts = entry.get("part", [])
        _check_counts(parameter.parts, _check_entries(parameter.parts, parts, f"{at}.part"), f"{at}.part")
        return
    if isinstance(entry.get("resource"), dict):
        if not (parameter.is_resource or parameter.type == "Element") or not _is_of(parameter, entry["resource"]):
            raise refuse("parameter-value", f"'{parameter.name}' is {_described(parameter)}.", f"{at}.resource")
        return
    values = [key for key in entry if key.startswith("value")]
    if len(values) != 1 or entry[values[0]] is None:
        raise refuse("parameter-value", f"'{parameter.name}' needs one value.", at)
    if not _fits(parameter, values[0][5:], entry[values[0]]):
        raise refuse("parameter-value", f"'{parameter.name}' is {_described(parameter)}.", f"{at}.{values[0]}")


def _is_of(parameter: Parameter, resource: Resource) -> bool:
    return parameter.type in ("Resource", "Element") or resource.get("resourceType") in (parameter.type, *parameter.also)


def _fits(parameter: Parameter, suffix: str, value: Json) -> bool:
    """Whether value[x] with this suffix may stand for the parameter."""
    if parameter.type == "Element":
        return True
    for wanted in (parameter.type, *parameter.also):
        if wanted[:1].isupper():
            if suffix == wanted and isinstance(value, dict):
                return True
            continue
        came = suffix[:1].lower() + suffix[1:]
        if any(came in family and wanted in family for family in (_TEXTS, _NUMBERS, _TIMES, frozenset({wanted}))):
            return primitive_check(wanted)(value)
        if came == "string" and wanted in _TIMES:
            return primitive_check(wanted)(value)
    return False


def _check_text(parameter: Parameter, value: str) -> None:
    """A value in the address."""
    at = f"http.{parameter.name}"
    if not parameter.is_simple:
        raise refuse("parameter-value", f"'{parameter.name}' is {_described(parameter)}: send it in a body.", at)
    if not value or not any(_reads_as(type_, value) for type_ in (parameter.type, *parameter.also) if type_[:1].islower()):
        raise refuse("parameter-value", f"'{parameter.name}' is {_described(parameter)}.", at)


def _reads_as(type_: str, text: str) -> bool:
    if type_ == "boolean":
        return text in ("true", "false")
    if type_ in _WHOLE:
        digits = text[1:] if text.startswith("-") else text
        whole = digits.isascii() and digits.isdigit() and len(digits) <= 10
        return whole and _WHOLE[type_] <= int(text) < 2**31
    if type_ == "decimal":
        return text.replace(".", "", 1).removeprefix("-").isdigit() and text.isascii()
    return primitive_check(type_)(text)


def _check_counts(known: Iterable[Parameter], seen: Counter[str], at: str) -> None:
    for parameter in known:
        if seen[parameter.name] < parameter.least:
            raise refuse("required-element", f"The parameter '{parameter.name}' is missing.", at)
        if parameter.most is not None and seen[parameter.name] > parameter.most:
            times = "once" if parameter.most == 1 else f"{parameter.most} times"
            raise refuse("parameter-value", f"'{parameter.name}' may be given {times}.", at)


def _described(parameter: Parameter) -> str:
    if parameter.type in ("Resource", "Element"):
        return "a resource" if parameter.type == "Resource" else "a value"
    return f"of type {' or '.join((parameter.type, *parameter.also))}"


def _unknown(name: str, known: Iterable[Parameter], at: str) -> FhirError:
    return unknown_parameter(name, tuple(each.name for each in known), at)
