"""Whether a question is enabled by the answers that there are (FHIR R4 questionnaire.html, enableWhen; SDC enableWhenExpression)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from profiles import fhirpath
from profiles.conformance.context import Context
from profiles.conformance.reading import extension_value, items_in
from profiles.conformance.values import below, matches
from profiles.json import Json, Resource

_EXPRESSION: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
_OLDER: Final = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen"
"""The extension from which SDC's came, still in use; its value is the FHIRPath itself."""
_DEEPEST: Final = 40


def is_enabled(
    question: Resource, response: Resource, questionnaire: Resource, above: tuple[Resource, ...], context: Context
) -> bool | None:
    """True or False; None where it cannot be told. `above`: the response and the items in which the question would stand."""
    expression = extension_value(question, _EXPRESSION)
    text = expression.get("expression") if isinstance(expression, dict) else extension_value(question, _OLDER)
    if isinstance(text, str):
        return _by_expression(text, response, questionnaire, context)
    conditions = items_in(question, "enableWhen")
    if not conditions:
        return True
    held = [_holds(each, above) for each in conditions]
    return all(held) if question.get("enableBehavior") == "all" or len(held) == 1 else any(held)


def _by_expression(text: str, response: Resource, questionnaire: Resource, context: Context) -> bool | None:
    try:
        compiled = fhirpath.compile_expression(text, type="QuestionnaireResponse")
        constants = {"questionnaire": questionnaire, "qitem": [], "resource": response}
        return compiled.test(response, constants=constants, services=context.fhirpath_services()) is True
    except fhirpath.FhirPathError:
        return None


def _holds(condition: Resource, above: tuple[Resource, ...]) -> bool:
    answers = _answers(str(condition.get("question")), above)
    operator = condition.get("operator")
    wanted = next((value for key, value in condition.items() if key.startswith("answer")), None)
    if operator == "exists":
        return bool(answers) == (wanted is True)
    if operator == "!=":
        return bool(answers) and not any(_compared("=", each, wanted) for each in answers)
    return any(_compared(str(operator), each, wanted) for each in answers)


def _answers(link: str, above: tuple[Resource, ...]) -> list[Json]:
    """The answers to a question: those nearest to where it is asked for, outwards."""
    for holder in reversed(above):
        found = [value for item in _items(holder, 0) if item.get("linkId") == link for value in _values(item)]
        if found:
            return found
    return []


def _items(holder: Resource, depth: int) -> Iterator[Resource]:
    if depth > _DEEPEST:
        return
    for each in items_in(holder, "item"):
        yield each
        yield from _items(each, depth + 1)
        for answer in items_in(each, "answer"):
            yield from _items(answer, depth + 1)


def _values(item: Resource) -> Iterator[Any]:
    for answer in items_in(item, "answer"):
        for key, value in answer.items():
            if key.startswith("value"):
                yield value


def _compared(operator: str, value: Json, wanted: Json) -> bool:
    if operator == "=":
        return _is_same(value, wanted)
    if operator in (">", "<="):
        over = below(wanted, value)
        return over is True if operator == ">" else over is False
    under = below(value, wanted)
    return under is True if operator == "<" else under is False if operator == ">=" else False


def _is_same(value: Json, wanted: Json) -> bool:
    if isinstance(wanted, dict) and "code" in wanted and isinstance(value, dict):
        return value.get("code") == wanted.get("code") and value.get("system") == wanted.get("system")
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, int | Decimal) and isinstance(wanted, int | Decimal):
        return Decimal(value) == Decimal(wanted)
    return matches(value, wanted)
