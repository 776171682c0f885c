"""One answer of a QuestionnaireResponse against its question: type, options, bounds (FHIR R4 questionnaire.html, SDC extensions)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from profiles.conformance.attachments import byte_size
from profiles.conformance.context import Context
from profiles.conformance.reading import extension_value, extension_values, items_in
from profiles.conformance.values import below, matches
from profiles.fhirpath import regex
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.model import is_fhir_type
from profiles.json import Json, Resource
from profiles.references import parse_reference
from profiles.validation.run import Path

_EXTENSIONS: Final = "http://hl7.org/fhir/StructureDefinition/"
_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
_TYPES: Final = {
    "boolean": ("Boolean",),
    "decimal": ("Decimal", "Integer"),
    "integer": ("Integer",),
    "date": ("Date",),
    "dateTime": ("DateTime",),
    "time": ("Time",),
    "string": ("String",),
    "text": ("String",),
    "url": ("Uri",),
    "choice": ("Coding", "String", "Date", "Time", "Integer", "Reference"),
    "open-choice": ("Coding", "String", "Date", "Time", "Integer", "Reference"),
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
}


def check_answer(question: Resource, answer: Resource, path: Path, questionnaire: Resource, context: Context) -> None:
    """Hold an answer's value against its question. Questions of an unknown type take any value."""
    found = [(key[5:], value) for key, value in answer.items() if key.startswith("value")]
    if not found:
        return
    suffix, value = found[0]
    kind = str(question.get("type"))
    where = (path, f"value.ofType({suffix if suffix in _COMPLEX else suffix[:1].lower() + suffix[1:]})", -1)
    if suffix not in _TYPES.get(kind, (suffix,)):
        context.add("answer-invalid", f"The answer's type does not fit a question of type {kind}.", where)
    else:
        _check_options(question, kind, suffix, value, where, questionnaire, context)
        _check_bounds(question, value, where, context)
        _check_text(question, value, where, context)
        _check_special(question, suffix, value, where, context)


_COMPLEX: Final = frozenset({"Coding", "Quantity", "Reference", "Attachment"})


def _check_options(
    question: Resource, kind: str, suffix: str, value: Json, where: Path, questionnaire: Resource, context: Context
) -> None:
    options = items_in(question, "answerOption")
    wanted = [option for each in options for key, option in each.items() if key == f"value{suffix}"]
    if (
        options
        and not any(_is_option(value, each) for each in wanted)
        and not (kind == "open-choice" and suffix == "String")
    ):
        context.add("answer-invalid", "The answer is none of the question's options.", where)
    value_set = question.get("answerValueSet")
    if isinstance(value_set, str) and (suffix == "Coding" or kind not in ("choice", "open-choice")):
        _check_value_set(value_set, value, where, questionnaire, context)


def _is_option(value: Json, option: Json) -> bool:
    if isinstance(option, dict) and isinstance(value, dict) and "code" in option:
        return value.get("code") == option["code"] and value.get("system") == option.get("system")
    return matches(value, option)


def _check_value_set(value_set: str, value: Json, where: Path, questionnaire: Resource, context: Context) -> None:
    if value_set.startswith("#"):
        codes = _contained_codes(questionnaire, value_set[1:])
        if codes is not None and isinstance(value, dict) and (value.get("system"), value.get("code")) not in codes:
            context.add("answer-invalid", "The answer is none of the question's value set.", where)
        return
    if isinstance(value, str):
        context.add("answer-invalid", "The answer is a text where a code of the value set is wanted.", where)
        return
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        return
    system, display = value.get("system"), value.get("display")
    answer = context.run.terminology.validate_code(
        value_set,
        system if isinstance(system, str) else "",
        value["code"],
        display if isinstance(display, str) else None,
    )
    if answer.member is False:
        context.add("answer-invalid", "The answer is none of the question's value set.", where, rule=value_set)
    elif answer.right_display is not None:
        context.add("answer-invalid", "The answer's display is none of its code's.", where, rule=value_set)


def _contained_codes(questionnaire: Resource, id: str) -> set[tuple[Any, Any]] | None:
    """The codes of a contained value set, where it lists them one by one."""
    value_set = next((each for each in items_in(questionnaire, "contained") if each.get("id") == id), None)
    compose = value_set.get("compose") if value_set is not None else None
    if not isinstance(compose, dict):
        return None
    includes = items_in(compose, "include")
    if not includes or any("concept" not in each for each in includes) or "exclude" in compose:
        return None
    return {(each.get("system"), concept.get("code")) for each in includes for concept in items_in(each, "concept")}


def _check_bounds(question: Resource, value: Json, where: Path, context: Context) -> None:
    low = extension_value(question, f"{_EXTENSIONS}minValue")
    high = extension_value(question, f"{_EXTENSIONS}maxValue")
    if (low is not None and below(value, low)) or (high is not None and below(high, value)):
        context.add("value-bounds", "The answer lies outside of the question's bounds.", where)
    low, high = (extension_value(question, f"{_SDC}sdc-questionnaire-{name}Quantity") for name in ("min", "max"))
    for bound in (low, high):
        if isinstance(bound, dict) and isinstance(value, dict) and not (bound.get("code") and value.get("code")):
            context.add("value-bounds", "The answer cannot be compared with the question's bounds: no coded unit.", where)
    if (low is not None and below(value, low)) or (high is not None and below(high, value)):
        context.add("value-bounds", "The answer lies outside of the question's bounds.", where)
    places = extension_value(question, f"{_EXTENSIONS}maxDecimalPlaces")
    if isinstance(places, int) and isinstance(value, Decimal) and not isinstance(value, bool):
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > places:
            context.add("value-bounds", f"The answer has more than {places} decimal places.", where)


def _check_text(question: Resource, value: Json, where: Path, context: Context) -> None:
    if not isinstance(value, str):
        return
    most, least = question.get("maxLength"), extension_value(question, f"{_EXTENSIONS}minLength")
    if isinstance(most, int) and len(value) > most:
        context.add("value-bounds", f"The answer is longer than {most} characters.", where)
    if isinstance(least, int) and len(value) < least:
        context.add("value-bounds", f"The answer is shorter than {least} characters.", where)
    for pattern in extension_values(question, f"{_EXTENSIONS}regex"):
        if isinstance(pattern, str) and _departs(value, pattern):
            context.add("value-bounds", "The answer has not the form that the question asks for.", where)


def _departs(value: str, pattern: str) -> bool:
    """Matched in linear time (profiles/fhirpath/regex.py); a pattern that cannot be is not applied."""
    try:
        return not regex.matched_fully(pattern, value, "", 0)
    except FhirPathError:
        return False


def _check_special(question: Resource, suffix: str, value: Json, where: Path, context: Context) -> None:
    if not isinstance(value, dict):
        return
    if suffix == "Quantity":
        _check_unit(question, value, where, context)
    elif suffix == "Reference":
        _check_target(question, value, where, context)
    elif suffix == "Attachment":
        limit = extension_value(question, f"{_EXTENSIONS}maxSize")
        size = byte_size(value)
        if isinstance(limit, int | Decimal) and size is not None and size > limit:
            context.add("value-bounds", "The attachment is larger than the question allows.", where)


def _check_unit(question: Resource, value: Resource, where: Path, context: Context) -> None:
    options = [
        each for each in extension_values(question, f"{_EXTENSIONS}questionnaire-unitOption") if isinstance(each, dict)
    ]
    unit = (value.get("system"), value.get("code"))
    if options and unit not in [(each.get("system"), each.get("code")) for each in options]:
        context.add("answer-invalid", "The answer's unit is none of those that the question allows.", where)
    for value_set in extension_values(question, f"{_EXTENSIONS}questionnaire-unitValueSet"):
        system, code = unit
        known = isinstance(value_set, str) and isinstance(code, str)
        if not known or context.run.terminology.validate_code(str(value_set), str(system), str(code)).member is False:
            context.add("answer-invalid", "The answer's unit is not in the question's value set.", where)


def _check_target(question: Resource, value: Resource, where: Path, context: Context) -> None:
    text = value.get("reference")
    if not isinstance(text, str):
        return
    parsed = parse_reference(text)
    kinds = extension_values(question, f"{_EXTENSIONS}questionnaire-referenceResource")
    name = parsed.type if parsed is not None else None
    if name is None and text.startswith("http") and text.count("/") > 3:
        guess = text.rstrip("/").split("/")[-2]
        if guess[:1].isupper() and guess.isalpha() and not is_fhir_type(guess):
            context.add("reference-target", "The reference names a resource type that does not exist.", where)
    if kinds and name is not None and name not in kinds:
        context.add("reference-target", "The reference points at a type that the question does not allow.", where)
