"""A QuestionnaireResponse against its Questionnaire: items, order of levels, occurrence (FHIR R4 questionnaireresponse.html).

The answers' values are held in answers.py; which items are enabled is found in enablement.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiles.conformance import answers
from profiles.conformance.context import Context, Item
from profiles.conformance.enablement import is_enabled
from profiles.conformance.reading import extension_value, items_in, places_of
from profiles.json import Resource
from profiles.validation.run import Path

_FINISHED: Final = frozenset({"completed", "amended"})
_LONGEST_LINK: Final = 80


def check_response(item: Item, context: Context) -> None:
    """Check the answers of a QuestionnaireResponse where its Questionnaire is at hand; where not, a warning says so."""
    response: Resource = item.value
    canonical = response.get("questionnaire")
    if not isinstance(canonical, str):
        return
    where = (item.path, "questionnaire", -1)
    questionnaire = _questionnaire(canonical, context)
    if questionnaire is None:
        if any(context.run.definitions.find(kind, canonical) for kind in ("ValueSet", "CodeSystem", "StructureDefinition")):
            context.add("answer-invalid", "The canonical is that of a resource which is no Questionnaire.", where)
        else:
            context.add(
                "questionnaire-unknown", "The Questionnaire is not known, so the answers are not checked.", where, "warning"
            )
        return
    _Check(response, questionnaire, context).level(response, questionnaire, item.path, ())


def _questionnaire(canonical: str, context: Context) -> Resource | None:
    if canonical.startswith("#"):
        found = context.resolve(canonical)
        resource = None if found is None else found[0]
        return resource if resource is not None and resource.get("resourceType") == "Questionnaire" else None
    return context.run.definitions.find("Questionnaire", canonical)


class _Check:
    """One response and its questionnaire."""

    def __init__(self, response: Resource, questionnaire: Resource, context: Context) -> None:
        self._response = response
        self._questionnaire = questionnaire
        self._context = context
        status = response.get("status")
        self._finished = isinstance(status, str) and status in _FINISHED
        self._known = {str(each.get("linkId")) for each in _all_items(questionnaire)}

    def level(self, given: Resource, asked: Resource, path: Path, above: tuple[Resource, ...]) -> None:
        """Items of one level: `given` holds those of the response, `asked` the questions; `above` the response's items around."""
        context = self._context
        context.work()
        questions = {str(each.get("linkId")): (place, each) for place, each in enumerate(items_in(asked, "item"))}
        groups: dict[str, list[tuple[Resource, Path]]] = {}
        latest = -1
        for each, where in places_of(given, "item", path):
            link = str(each.get("linkId"))
            if link not in questions:
                what = "stands at another place in" if link in self._known else "does not exist in"
                context.add("answer-invalid", f"The item's linkId {what} the Questionnaire.", where)
                continue
            place = questions[link][0]
            if place < latest:
                context.add("answer-invalid", "The items stand in another order than the questions.", where)
            latest = max(latest, place)
            groups.setdefault(link, []).append((each, where))
        for link, (_, question) in questions.items():
            self._question(question, groups.get(link, []), path, (*above, given))

    def _question(
        self, question: Resource, found: list[tuple[Resource, Path]], path: Path, above: tuple[Resource, ...]
    ) -> None:
        context = self._context
        enabled = is_enabled(question, self._response, self._questionnaire, above, context)
        if enabled is False:
            for each, where in found:
                if "answer" in each or question.get("type") == "group":
                    context.add("answer-invalid", "The item is answered although it is not enabled.", where)
            return
        if not found:
            if (
                question.get("required") is True
                and self._finished
                and enabled is True
                and question.get("type") != "display"
            ):
                text = f"The required question {_named(question)} has no answer, and no item."
                context.add("required-element", text, (path, "item", -1))
            return
        if len(found) > 1 and not (question.get("type") == "group" and question.get("repeats") is True):
            context.add("answer-invalid", "The item may stand only once; its answers repeat inside it.", found[1][1])
        for each, where in found:
            self._item(question, each, where, above)

    def _item(self, question: Resource, given: Resource, path: Path, above: tuple[Resource, ...]) -> None:
        kind, context = question.get("type"), self._context
        has_answers = "answer" in given
        if kind in ("group", "display"):
            if has_answers:
                context.add("answer-invalid", "Groups and displays have no answers.", path)
            if kind == "group":
                self.level(given, question, path, above)
            return
        if "item" in given:
            context.add("answer-invalid", "Items under a question stand inside its answer.", path)
        found = list(places_of(given, "answer", path))
        self._count(question, len(found), path)
        for answer, where in found:
            answers.check_answer(question, answer, where, self._questionnaire, context)
            self.level(answer, question, where, (*above, given))

    def _count(self, question: Resource, count: int, path: Path) -> None:
        most = extension_value(question, "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs")
        least = extension_value(question, "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs")
        if count == 0 and question.get("required") is True and self._finished:
            self._context.add("required-element", f"The required question {_named(question)} has no answer.", path)
        if count > 1 and question.get("repeats") is not True:
            self._context.add("answer-invalid", "The question may have one answer only.", path)
        if isinstance(most, int) and count > most:
            self._context.add("answer-invalid", f"The question may have {most} answers at most.", path)
        if isinstance(least, int) and count < least and self._finished:
            self._context.add("answer-invalid", f"The question needs {least} answers at least.", path)


def _named(question: Resource) -> str:
    """By its linkId, which is the Questionnaire's."""
    return str(question.get("linkId"))[:_LONGEST_LINK]


def _all_items(holder: Mapping[str, object]) -> list[Resource]:
    found: list[Resource] = []
    waiting = items_in(holder, "item")
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += items_in(each, "item")
    return found
