"""Whether coded elements are of the value sets that they are bound to, by the strength of the binding (FHIR R4 4.1.5).

What the terminology does not know is a warning for a required binding and nothing otherwise. So X12 and NUBC content, which
nobody may ship, never refuses a request.
"""

from __future__ import annotations

from typing import Final

from profiles.conformance.bindings import Membership
from profiles.conformance.context import Context, Item
from profiles.conformance.nodes import Binding, short_name
from profiles.conformance.uri_rules import check_system
from profiles.json import Json, Resource
from profiles.outcome import Severity

UNLISTED: Final = (
    "https://codesystem.x12.org",
    "https://www.nubc.org/",
    "http://codesystem.x12.org",
    "http://www.nubc.org/",
)
"""Code systems whose content is licensed: errors about them are warnings, as in Inferno's kits."""

_UCUM: Final = "http://unitsofmeasure.org"


def check_binding(binding: Binding, item: Item, context: Context) -> None:
    """Hold one element against a binding; elements that carry no code are left alone."""
    if binding.strength in ("required", "extensible"):
        severity: Severity = "error" if binding.strength == "required" else "warning"
        _check(binding.value_set, severity, item, context)
    if binding.maximum:
        _check(binding.maximum, "error", item, context)


def _check(value_set: str, severity: Severity, item: Item, context: Context) -> None:
    codings = _codings(item)
    if codings is None:
        return
    if not codings:
        if severity == "error" and item.type == "CodeableConcept" and not _has_extension(item.value):
            text = f"A code of the value set {short_name(value_set)} is required here; a text alone is not enough."
            context.add("code-invalid", text, item.path, severity, rule=value_set)
        return
    answers = [_ask(value_set, each, item, context) for each in codings]
    if any(answer.member for answer in answers):
        return
    if any(answer.member is None for answer in answers):
        if severity == "error":
            text = f"The value set {short_name(value_set)} is required and not known here: the code was not checked."
            context.add("code-unknown", text, item.path, "warning", rule=value_set)
        return
    if any(str(each.get("system", "")).startswith(UNLISTED) for each in codings):
        severity = "warning"
    name = short_name(value_set)
    text = (
        f"None of the element's codes is in the value set {name}, which is required here."
        if severity == "error"
        else f"None of the element's codes is in the value set {name}; use one of its codes where one fits."
    )
    context.add("code-invalid", text, item.path, severity, rule=value_set)


def _ask(value_set: str, coding: Resource, item: Item, context: Context) -> Membership:
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(code, str):
        return Membership(False)
    if system is None and item.type not in ("code", "string", "uri", "Quantity"):
        return Membership(False)
    display = coding.get("display")
    key = (value_set, system if type(system) is str else None, code, display if type(display) is str else None)
    answers = context.run.answers
    if key not in answers:
        answers[key] = context.run.terminology.validate_code(*key)
    return answers[key]


def _codings(item: Item) -> list[Resource] | None:
    """The codes of an element; None where it is no coded type, or has no value at all."""
    value = item.value
    if isinstance(value, str):
        return [{"code": value}] if item.type in ("code", "string", "uri", "id", "canonical", "url") else None
    if not isinstance(value, dict):
        return None
    if item.type == "CodeableConcept":
        codings = value.get("coding")
        return [each for each in codings if isinstance(each, dict)] if isinstance(codings, list) else []
    if item.type == "Coding":
        return [value] if "code" in value or not _has_extension(value) else []
    if item.type in ("Quantity", "Money", "Age", "Duration", "Count", "Distance") and "code" in value:
        return [value]
    return None


def _has_extension(value: Json) -> bool:
    return isinstance(value, dict) and "extension" in value


def check_coding(item: Item, context: Context) -> None:
    """A Coding's own sense: a code that its (wholly known) system does not have, and a display that is another code's."""
    value = item.value
    system, code, display = value.get("system"), value.get("code"), value.get("display")
    if not check_system(item, context) or not isinstance(code, str) or str(system).startswith(UNLISTED):
        return
    system = str(system)
    answer = context.run.terminology.code_exists(system, code, display if isinstance(display, str) else None)
    if answer.member is False:
        text = "The code does not exist in its code system: correct the code, or the system that it is said to be of."
        context.add("code-invalid", text, (item.path, "code", -1), rule=system)
    elif answer.right_display is not None:
        fix = ({"op": "replace", "path": pointer((item.path, "display", -1)), "value": answer.right_display},)
        text = "The display is none of the code's; the suggested patch has the right one."
        context.add(
            "display-invalid", text, (item.path, "display", -1), context.run.options.wrong_display, rule=system, fix=fix
        )


def pointer(path: object) -> str:
    """The JSON Pointer of a place. Steps of choices are turned into their JSON names (`value.ofType(Coding)`: valueCoding)."""
    steps: list[str] = []
    place = path
    while isinstance(place, tuple):
        above, name, index = place
        if above is None:
            break
        stem, _, of_type = str(name).partition(".ofType(")
        code = of_type.rstrip(")")
        steps.append(f"{stem}{code[:1].upper()}{code[1:]}" + (f"/{index}" if index >= 0 else ""))
        place = above
    return "".join(f"/{step}" for step in reversed(steps))
