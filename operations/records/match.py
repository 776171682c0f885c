"""`Patient/$match`: which of the Patients here may be the person who is described (FHIR R4 patient-operation-match.html).

Candidates come from the index by numbers, birth date, names and contact points, so many as `MOST_CANDIDATES`; each is judged feature by
feature, and the answer says what spoke for and against it. Only Patients that the caller may see are candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from operations.definition import Definition, Parameter, needed
from operations.given_values import flag, resource, whole
from operations.policy.fhir_parameters import exact
from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.records.match_score import Match, judge
from profiles.base_validation import validate_resource
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.pas_names import ASSENT_SD
from profiles.reading import identifiers, objects

USUAL: Final = 10
MOST: Final = 100
MOST_CANDIDATES: Final = 500
_GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
EXPLANATION: Final = f"{ASSENT_SD}match-explanation"
_MOST_VALUES: Final = 10
"""Numbers, names and contact points of a kind that are looked up."""

MATCH: Final = Definition(
    id="Patient-match",
    code="match",
    title="Find the records of a person",
    text="Patients who may be the person that the given Patient describes, the likeliest first, each with a score, a grade and what "
    "spoke for and against it.",
    levels=("type",),
    on=("Patient",),
    takes=(
        needed("resource", "Patient", "What is known of the person: as much as there is."),
        Parameter("onlyCertainMatches", "boolean", "One certain match or none. Default: false."),
        Parameter("count", "positiveInt", f"How many at most: {USUAL} unless said otherwise, {MOST} at most."),
    ),
    gives=(needed("return", "Bundle", "A searchset."),),
    url="http://hl7.org/fhir/OperationDefinition/Patient-match",
    version="4.0.1",
    body="resource",
)


async def _run(given: OperationInput, context: Context) -> OperationOutput:
    asked = _asked(given)
    matches = [judge(asked, candidate) for candidate in (await _candidates(asked, context)).values()]
    likely = sorted(
        (each for each in matches if each.grade != "certainly-not"), key=lambda each: (-each.score, each.patient["id"])
    )
    if flag(given, "onlyCertainMatches"):
        others = [each for each in likely if each.grade in ("certain", "probable")]
        likely = others if len(others) == 1 and others[0].grade == "certain" else []
    shown = likely[: min(whole(given, "count", USUAL), MOST)]
    for match in shown:
        context.note_entity(f"Patient/{match.patient['id']}")
    made: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(likely)}
    return OperationOutput({**made, "entry": [_entry(match, context) for match in shown]} if shown else made)


def _asked(given: OperationInput) -> Resource:
    """Raises FhirError (400): what is no Patient, or says nothing that could be compared."""
    asked = resource(given, "resource") or {}
    if asked.get("resourceType") != "Patient":
        raise refuse("structure", "The body is a Patient, or Parameters with one as 'resource'.", "Parameters")
    faults = [issue for issue in validate_resource(asked) if issue.severity in ("error", "fatal")]
    if faults:
        raise FhirError(faults, 400)
    if not any(_queries(asked)):
        raise refuse("required-element", "Give an identifier, a birth date, a name or a contact point.", "Patient")
    return asked


async def _candidates(asked: Resource, context: Context) -> dict[str, Resource]:
    """By id. Those of the first questions, which tell most, come first."""
    found: dict[str, Resource] = {}
    for query in _queries(asked):
        async for each in context.records.find("Patient", query):
            found.setdefault(each.id, each.resource())
            if len(found) >= MOST_CANDIDATES:
                return found
    return found


def _queries(asked: Resource) -> Iterator[dict[str, str | Sequence[str]]]:
    for one in identifiers(asked)[:_MOST_VALUES]:
        yield {"identifier": f"{_escaped(one.system)}|{_escaped(one.code)}" if one.system else _escaped(one.code)}
    names = objects(asked.get("name"))[:_MOST_VALUES]
    families = [name["family"] for name in names if isinstance(name.get("family"), str)]
    givens = [each for name in names for each in name.get("given", ())[:3]]
    born = asked.get("birthDate")
    if isinstance(born, str):
        yield {"birthdate": born}
    for point in objects(asked.get("telecom"))[:_MOST_VALUES]:
        if isinstance(point.get("value"), str):
            yield {"telecom": _escaped(point["value"])}
    for family in families:
        for given in givens:
            yield {"family": _escaped(family), "given": _escaped(given[:1])}
        if not givens:
            yield {"family": _escaped(family)}
    if not families:
        for given in givens:
            yield {"given": _escaped(given)}


def _escaped(text: str) -> str:
    """For a search value (R4 3.1.1.5)."""
    for sign in "\\,$|":
        text = text.replace(sign, f"\\{sign}")
    return text


def _entry(match: Match, context: Context) -> Resource:
    features = [
        {
            "url": "feature",
            "extension": [
                {"url": "name", "valueCode": each.name},
                {"url": "agreement", "valueCode": each.agreement},
                {"url": "weight", "valueDecimal": exact(each.weight)},
            ],
        }
        for each in match.features
    ]
    extensions: list[Resource] = [{"url": _GRADE, "valueCode": match.grade}]
    if features:
        extensions.append({"url": EXPLANATION, "extension": features})
    return {
        "fullUrl": f"{context.base_url}/Patient/{match.patient['id']}",
        "resource": match.patient,
        "search": {"extension": extensions, "mode": "match", "score": exact(match.score)},
    }


MATCH_OPERATION: Final = Operation(MATCH, _run, "s", discloses=True)
