"""Rules of what a payer asks with: PAS CommunicationRequest and PAS Task (2.2.1 profile-communicationrequest, profile-task)."""

from __future__ import annotations

from collections.abc import Iterator

from operations.pas.response_fault import Fault
from profiles.json import Resource
from profiles.pas_names import PAS_TEMP, SERVICE_LINE_NUMBER
from profiles.reading import child, extension, has_code, identifiers, numbered, objects, text, whole


def communication_faults(request: Resource, at: str) -> Iterator[Fault]:
    if request.get("status") != "active":
        yield Fault("a CommunicationRequest is active", f"{at}.status")
    by_voice = any(has_code(each, "VO") for each in objects(request.get("medium")))
    if not by_voice and len(identifiers(request)) != 1:
        yield Fault("a CommunicationRequest has one identifier, except by voice", f"{at}.identifier")
    for name in ("category", "medium", "payload"):
        if len(objects(request.get(name))) > 1:
            yield Fault(f"a CommunicationRequest has at most one {name}", f"{at}.{name}")
    for place, payload in numbered(request.get("payload")):
        if text(payload.get("contentString")) is None:
            yield Fault("the payload is the code of what is asked for", f"{at}.payload[{place}]")


def task_faults(task: Resource, at: str) -> Iterator[Fault]:
    for name in ("status", "code", "for", "reasonCode", "reasonReference"):
        if not task.get(name):
            yield Fault(f"a Task has {name}", f"{at}.{name}")
    if not objects(task.get("identifier")):
        yield Fault("a Task has an identifier", f"{at}.identifier")
    if task.get("intent") != "order":
        yield Fault("a Task's intent is order", f"{at}.intent")
    for name in ("requester", "owner"):
        if not child(task, name, "identifier"):
            yield Fault(f"a Task's {name} is named by identifier", f"{at}.{name}.identifier")
    if not has_code(task.get("reasonCode"), "priorAuthorization", PAS_TEMP):
        yield Fault("a Task's reason is prior authorization", f"{at}.reasonCode")
    yield from _input_faults(task, at)


def _input_faults(task: Resource, at: str) -> Iterator[Fault]:
    inputs = objects(task.get("input"))
    of = {
        code: [each for each in inputs if has_code(each.get("type"), code, PAS_TEMP)]
        for code in ("payer-url", "attachments-needed", "questionnaire-context")
    }
    if len(inputs) < 2:
        yield Fault("a Task has at least two inputs", f"{at}.input")
    if len(of["payer-url"]) != 1 or text(of["payer-url"][0].get("valueUrl")) is None:
        yield Fault("a Task has one payer URL", f"{at}.input")
    for each in (*of["attachments-needed"], *of["questionnaire-context"]):
        if whole(extension(each, SERVICE_LINE_NUMBER).get("valuePositiveInt")) is None:
            yield Fault("what is asked for names its service line", f"{at}.input")
    needs = {
        "attachment-request-code": "attachments-needed",
        "attachment-request-questionnaire": "questionnaire-context",
    }
    for code, need in needs.items():
        if has_code(task.get("code"), code) and not of[need]:
            yield Fault(f"a Task with code {code} has an input {need}", f"{at}.input")
