"""`ValueSet/$validate-code` and `CodeSystem/$validate-code`: from Parameters to Parameters.

FHIR R4 `valueset-operation-validate-code.html` and its sibling, with `issues` and the further outputs of R5 and of HL7's
terminology ecosystem. A code alone needs `system`, or `inferSystem`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from terminology import messages
from terminology.catalogue import Catalogue, Layers, MemoryCatalogue
from terminology.code_system import standing
from terminology.coding_check import Checked, Coding, Rules, check_coding
from terminology.elements import Resource, rows, text
from terminology.issues import TerminologyError, TxIssue, message_of, outcome
from terminology.membership import member, places, systems_of
from terminology.question import Question, read_question
from terminology.session import Session
from terminology.value_set import ValueSet, read_value_set
from terminology.versions import canonical_of


def validate_in_value_set(catalogue: Catalogue, question: Question) -> Resource:
    """Checks a code against a value set. Raises TerminologyError where there is no such set, or it is broken."""
    session = Session(catalogue, question)
    value_set = asked_value_set(session)
    session.question = question.wanting(value_set.languages)
    codings, concept = _codings(session.question)
    try:
        rests_on = session.imports(value_set)
    except TerminologyError as error:
        if error.status != 404 or error.issues[0].message_id != "Unable_to_resolve_value_Set_":
            raise
        return _answer(concept, [], error.issues, result=False, given=codings)
    rules = _rules(session.question, many=concept is not None)
    if concept is not None:
        return _concept(session, value_set, codings, concept, rules, rests_on)
    coding = codings[0]
    inferring = coding.system is None and coding.place == ""
    if inferring:
        found = _inferred(session, value_set, coding)
        if isinstance(found, TxIssue):
            outside = messages.not_in_value_set(coding.words, value_set.name, "code", one_of_many=False)
            return _answer(None, [Checked(coding)], [outside, found], result=False)
        coding = found
    checked = check_coding(session, value_set, coding, rules)
    issues = (*_standings(checked, value_set, rests_on), *checked.issues)
    result = checked.member and not _errors(issues)
    return _answer(None, [checked], issues, result=result)


def validate_in_code_system(catalogue: Catalogue, question: Question) -> Resource:
    """Checks a code against its code system. Raises TerminologyError where no code system is named."""
    session = Session(catalogue, question)
    session.need_supplements(())
    codings, concept = _codings(question, question.text("url"))
    brought = question.resource("codeSystem")
    if brought is not None:
        session.catalogue = Layers(MemoryCatalogue([brought]), session.catalogue)
        codings = [replace(one, system=one.system or text(brought, "url")) for one in codings]
    rules = _rules(question, many=concept is not None)
    checks = [check_coding(session, None, coding, rules) for coding in codings]
    issues = [issue for one in checks for issue in (*_standings(one, None, ()), *one.issues)]
    result = any(one.member for one in checks) and not _errors(issues)
    return _answer(concept, checks, issues, result=result)


def validate_many(catalogue: Catalogue, parameters: Resource, accept_language: str | None = None) -> Resource:
    """`$batch-validate-code`: each `validation` is Parameters of its own, and takes from the whole what it does not say."""
    shared = {**parameters, "parameter": [row for row in rows(parameters, "parameter") if row.get("name") != "validation"]}
    answers = []
    for row in rows(parameters, "parameter"):
        one = row.get("resource")
        if row.get("name") != "validation" or not isinstance(one, dict):
            continue
        try:
            question = read_question(one, accept_language, shared)
            in_set = question.text("url") is not None or question.resource("valueSet") is not None
            answer = (validate_in_value_set if in_set else validate_in_code_system)(catalogue, question)
        except TerminologyError as error:
            answer = outcome(error.issues)
        answers.append({"name": "validation", "resource": answer})
    return {"resourceType": "Parameters", "parameter": answers}


# -- the question -----------------------------------------------------------------------------------------------------------
def asked_value_set(session: Session) -> ValueSet:
    """The value set that a question is about: sent along, or by URL. Raises TerminologyError."""
    question = session.question
    brought = question.resource("valueSet")
    if brought is not None:
        return read_value_set(brought)
    url = question.text("url")
    if url is None:
        raise messages.bad_request("Say which value set is meant: url or valueSet.", "url", type="required")
    version = question.text("valueSetVersion")
    canonical = canonical_of(url, version) if version and "|" not in url else url
    found = session.value_set(canonical)
    if found is None:
        raise TerminologyError(messages.unknown_value_set(session.named(canonical)), 404)
    return found


def _codings(question: Question, default_system: str | None = None) -> tuple[list[Coding], Resource | None]:
    concept = question.object("codeableConcept")
    if concept is not None:
        found = [_coding(row, f"CodeableConcept.coding[{place}]") for place, row in enumerate(rows(concept, "coding"))]
        if not found:
            raise messages.bad_request("The CodeableConcept holds no coding to check.", "codeableConcept")
        return found, concept
    coding = question.object("coding")
    if coding is not None:
        return [_coding(coding, "Coding")], None
    code = question.text("code")
    system = question.text("system") or default_system
    if code is None or (system is None and not question.flag("inferSystem") and question.resource("codeSystem") is None):
        words = "Say what to check: coding, codeableConcept, code with system, or code with inferSystem."
        raise messages.bad_request(words)
    version = question.text("systemVersion") or (question.text("version") if default_system else None)
    return [Coding(system, version, code, question.text("display"), "")], None


def _coding(row: Resource, place: str) -> Coding:
    return Coding(text(row, "system"), text(row, "version"), text(row, "code") or "", text(row, "display"), place)


def _rules(question: Question, *, many: bool) -> Rules:
    return Rules(
        many=many,
        lenient=question.flag("lenient-display-validation") is True,
        membership_only=question.flag("valueset-membership-only") is True,
        abstract=question.flag("abstract") is not False,
        active_only=question.flag("activeOnly") is True,
    )


def _inferred(session: Session, value_set: ValueSet, coding: Coding) -> Coding | TxIssue:
    """The coding with the one system whose code is in the value set."""
    searched = systems_of(session, value_set)
    found = []
    for url in searched:
        for place in places(session, value_set, url, None):
            system = place.choice.system
            row = system.find(coding.code) if system is not None else None
            listed = system is None and place.rule.concepts is not None and coding.code in place.rule.concepts
            if listed or (system is not None and row is not None and member(session, value_set, system, row) is not None):
                found.append(url)
                break
    if len(found) != 1:
        return messages.cannot_infer(coding.code, value_set.name, found, searched)
    return replace(coding, system=found[0])


# -- the answer ------------------------------------------------------------------------------------------------------------
def _concept(
    session: Session,
    value_set: ValueSet,
    codings: Sequence[Coding],
    concept: Resource,
    rules: Rules,
    rests_on: Sequence[ValueSet],
) -> Resource:
    checks = [check_coding(session, value_set, coding, rules) for coding in codings]
    issues: list[TxIssue] = []
    members = [one for one in checks if one.member]
    if not members and not any(one.undecided for one in checks):
        issues.append(messages.no_coding_in_value_set(value_set.name))
    for one in checks:
        issues.extend(one.issues)
    if members:
        issues[:0] = _standings(members[0], value_set, rests_on)
    result = bool(members) and not _errors(issues)
    return _answer(concept, [*members, *(one for one in checks if not one.member)], issues, result=result)


def _standings(checked: Checked, value_set: ValueSet | None, rests_on: Sequence[ValueSet]) -> list[TxIssue]:
    """What is to be known of the code system and of imported sets: drafts, experiments, things withdrawn."""
    found = []
    if checked.system is not None and checked.row is not None:
        status = standing(checked.system.head)
        if status is not None and not _expected(status, value_set):
            found.append(messages.reference_status(status, "CodeSystem", checked.system.canonical))
    for other in [*([value_set] if value_set is not None else []), *rests_on]:
        status = standing(other.resource)
        if status is not None and status not in ("draft", "experimental"):
            found.append(messages.reference_status(status, "ValueSet", other.canonical))
    return found


def _expected(status: str, value_set: ValueSet | None) -> bool:
    """Whether a value set that is itself a draft, or experimental, says as much of what it rests on."""
    return value_set is not None and status in ("draft", "experimental") and standing(value_set.resource) == status


def _errors(issues: Sequence[TxIssue]) -> bool:
    return any(issue.severity == "error" for issue in issues)


def _answer(
    concept: Resource | None,
    checks: Sequence[Checked],
    issues: Sequence[TxIssue],
    *,
    result: bool,
    given: Sequence[Coding] = (),
) -> Resource:
    first = checks[0] if checks else None
    found: list[Resource] = [{"name": "result", "valueBoolean": result}]
    if first is not None and (concept is None or first.member):
        coding = first.coding
        found.append({"name": "code", "valueCode": coding.code})
        if coding.system is not None:
            found.append({"name": "system", "valueUri": coding.system})
        if first.system is not None and first.system.version is not None:
            found.append({"name": "version", "valueString": first.system.version})
        if first.display is not None:
            found.append({"name": "display", "valueString": first.display})
        if first.inactive:
            found.append({"name": "inactive", "valueBoolean": True})
        if first.status is not None:
            found.append({"name": "status", "valueCode": first.status})
    elif given and concept is None:
        found.append({"name": "code", "valueCode": given[0].code})
    if concept is not None:
        found.append({"name": "codeableConcept", "valueCodeableConcept": concept})
    message = message_of(issues, result)
    if message is not None:
        found.append({"name": "message", "valueString": message})
    for name, canonical in dict.fromkeys(pair for one in checks for pair in one.unknown):
        found.append({"name": name, "valueCanonical": canonical})
    if issues:
        found.append({"name": "issues", "resource": outcome(issues)})
    return {"resourceType": "Parameters", "parameter": found}
