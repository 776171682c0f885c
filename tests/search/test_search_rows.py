"""Every type of parameter with every modifier, chains and filters: the same answers on both stores, over HTTP.

Among the rows are the examples of values that R4's search page gives for each type.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import pytest
from search_world import ACTS, LOINC, UCUM, V2_TYPES, WORLD

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import ENGINES, house_on

GENDERS: Final = "http://hl7.org/fhir/ValueSet/administrative-gender"
EVERYBODY: Final = "ann bob cy"

ROWS: Final[Sequence[tuple[str, str, str]]] = [
    # strings
    ("Patient", "family=ang", "ann"), ("Patient", "family=cruz", "cy"), ("Patient", "name=rup", "ann"), ("Patient", "name=ob", ""),
    ("Patient", "family:exact=Ångström", "ann"), ("Patient", "family:exact=angstrom", ""), ("Patient", "family:contains=gstr", "ann"),
    ("Patient", "name:contains=b s", "bob"), ("Patient", "name:contains=UPER,mYt", "ann bob"), ("Patient", "name:text=smyth bob", "bob"),
    ("Patient", "name:text=ob", ""), ("Patient", "phonetic=smith", "bob"), ("Patient", "phonetic=angstrum", "ann"),
    ("Patient", "phonetic=jones", ""), ("Organization", "phonetic=nord", "lab"), ("Organization", "phonetic=south", ""), ("Organization", "phonetic=north laboratori", "lab"),
    ("Patient", "address:missing=false", "cy"), ("Patient", "family:missing=true", "bob"), ("Patient", "name=ann,smy", "ann bob"),
    # tokens
    ("Patient", "identifier=A1", "ann bob"), ("Patient", "identifier=http://example.org/mrn|A1", "ann"), ("Patient", "identifier=|A1", "bob"),
    ("Patient", "identifier=http://example.org/mrn|", "ann"), ("Patient", f"identifier:of-type={V2_TYPES}|MR|A1", "ann"),
    ("Patient", f"identifier:of-type={V2_TYPES}|MR|M-9", ""), ("Patient", "identifier:text=member", "ann"), ("Patient", "identifier:missing=true", "cy"),
    ("Patient", "identifier:not=http://example.org/mrn|A1", "bob cy"), ("Patient", "gender=http://hl7.org/fhir/administrative-gender|male", "bob"), ("Patient", "gender=http://hl7.org/fhir/administrative-gender|", "ann bob"),
    ("Patient", "gender=http://example.org|male", ""), ("Encounter", "status:not=http://hl7.org/fhir/encounter-status|finished", ""), ("Patient", "gender:not=male", "ann cy"), ("Patient", "gender:not=male,female", "cy"),
    ("Patient", "telecom=phone|555 0100", "ann"), ("Patient", "telecom=phone|", "ann"), ("Patient", "telecom=email|555 0100", ""), ("Patient", "active=true", "ann"),
    ("Patient", "active:missing=true", "bob cy"), ("Patient", "_id=ann,cy", "ann cy"), ("Patient", "_id:not=ann", "bob cy"), ("Patient", "_tag=http://example.org/t|vip", "bob"),
    ("Patient", "_tag=http://example.org/t|", "bob"), ("Patient", "_source=http://example.org/feed", "bob"), ("Observation", "code:text=migraine", "word"),
    ("Observation", "code:text=head", "word"), ("Observation", "code:in=http://example.org/vs/acute", "bp heat"), ("Observation", "code:in=acute", "bp heat"),
    ("Observation", "code:in=ValueSet/acute&subject=ann", "bp"), ("Observation", "code:not-in=acute", "dose dose2 tablets word"), ("Patient", f"gender:in={GENDERS}", "ann bob"),
    ("Patient", f"gender:not-in={GENDERS}", "cy"), ("Condition", f"code:above={ACTS}|leaf", "gout"), ("Condition", f"code:below={ACTS}|branch", "gout"),
    ("Condition", f"code:below={ACTS}|twig", ""), ("Condition", f"code:above={ACTS}|branch", ""), ("Condition", f"code={ACTS}|leaf", "gout"), ("Patient", "deceased=true", "bob"),
    # references
    ("Observation", "subject=Patient/cy", "word"), ("Observation", "subject:Patient=cy", "word"), ("Observation", "patient=cy", "word"), ("Observation", "subject=cy,bob&date=ge2026-03", "heat tablets word"),
    ("Observation", "performer:missing=false", "bp"), ("Organization", "partof=clinic", "lab"), ("Patient", "general-practitioner:Practitioner=doc", "ann"), ("Patient", "organization:missing=true", "cy"),
    # dates
    ("Patient", "birthdate=1970", "ann"), ("Patient", "birthdate=eq1970-05-17", "ann"), ("Patient", "birthdate=lt1980", "ann"), ("Patient", "birthdate=ap1985-06", "bob"),
    ("Patient", "birthdate=ne1985", "ann"), ("Patient", "birthdate:missing=true", "cy"), ("Patient", "death-date=sa2019", "bob"), ("Observation", "date=2026-01", "bp dose"),
    ("Observation", "date=gt2026-03-01", "tablets word"), ("Observation", "date=ge2026-03-01", "heat tablets word"), ("Observation", "date=eb2026-01-11", "bp"), ("Observation", "date=sa2026-02", "heat tablets word"),
    ("Observation", "date=ap2026-03-01", "dose2 heat tablets"), ("Observation", "date=ne2026-01", "dose2 heat tablets word"), ("Observation", "date=2026-01-11T10:30", "dose"), ("Observation", "date=le2026-01-10", "bp"),
    ("Encounter", "date=2026-01-10", ""), ("Encounter", "date=gt2026-01-10&date=lt2026-01-11", "visit"), ("Condition", "onset-date:missing=true", "gout"), ("Patient", "_lastUpdated=gt2020", EVERYBODY),
    ("Patient", "_lastUpdated:missing=true", ""),
    # numbers and quantities
    ("RiskAssessment", "probability=0.8", "risk"), ("RiskAssessment", "probability=gt0.8", ""), ("RiskAssessment", "probability=ge0.8", "risk"), ("RiskAssessment", "probability=8e-1", "risk"),
    ("RiskAssessment", "probability=ap0.85", "risk"), ("RiskAssessment", "probability=ne0.8", ""), ("RiskAssessment", "probability:missing=false", "risk"), ("Observation", f"value-quantity=5.4|{UCUM}|mg", "dose dose2"),
    ("Observation", f"value-quantity=5.40e-3|{UCUM}|g", "dose dose2"), ("Observation", f"value-quantity=5400|{UCUM}|ug", "dose dose2"), ("Observation", f"value-quantity=5.40|{UCUM}|ug", ""), ("Observation", "value-quantity=5.4||mg", "dose"),
    ("Observation", "value-quantity=lt1||grams", "dose2"), ("Observation", "value-quantity=5.4", "dose"), ("Observation", "value-quantity=gt3", "dose heat"), ("Observation", "value-quantity=sa3", "dose heat"),
    ("Observation", "value-quantity=3||tablet", "tablets"), ("Observation", f"value-quantity=38.2|{UCUM}|Cel", "heat"), ("Observation", f"value-quantity=38|{UCUM}|Cel", "heat"), ("Observation", "value-quantity=38.2|http://example.org|Cel", ""),
    ("Observation", f"component-value-quantity=ge140|{UCUM}|mm[Hg]", "bp"), ("Observation", f"combo-value-quantity=le80|{UCUM}|mm[Hg]", "bp"), ("Observation", "value-quantity:missing=true", "bp word"), ("Observation", f"value-quantity=gt5|{UCUM}|mg,3||tablet", "dose dose2 tablets"),
    # URIs
    ("ValueSet", "url=http://example.org/vs/acute", "acute"), ("ValueSet", "url:below=http://example.org/vs", "acute"), ("ValueSet", "url:below=http://example.org/v", ""), ("ValueSet", "url:above=http://example.org/vs/acute/more", "acute"),
    ("ValueSet", "url:above=http://example.org/vs", ""), ("ValueSet", "url:below=http://example.org/vs/acute/", "acute"), ("Patient", "_profile:below=http://example.org/fhir", "bob"), ("Patient", "_profile:missing=true", "ann cy"),
    # composites
    ("Observation", f"component-code-value-quantity={LOINC}|8480-6$140", "bp"), ("Observation", "component-code-value-quantity=8480-6$80", ""), ("Observation", f"combo-code-value-quantity=8462-4$lt90|{UCUM}|mm[Hg]", "bp"), ("Observation", "combo-code-value-quantity=29463-7$gt5", "dose"),
    ("Observation", "code-value-quantity=29463-7$5.4,30000-0$3", "dose tablets"), ("Observation", "code-value-string=1234-5$not det", "word"), ("Observation", "code-value-string=8310-5$not det", ""), ("Group", "characteristic-value=age$old", "cohort"),
    ("Group", "characteristic-value=age$any", ""), ("Group", f"characteristic-value={ACTS}|sex${ACTS}|any", "cohort"),
    # near
    ("Location", "near=42.25|-83.69|11.20|km", "here"), ("Location", "near=42.25|-83.69", "here"), ("Location", "near=42.25|-83.69|10|m", ""), ("Location", "near=42.25|-83.69|7|[mi_us]", "here"), ("Location", "near=42.25|-83.69|9000|km", "far here"),
    # words
    ("Patient", "_text=liver", "ann"), ("Patient", "_text=(bone OR lung) and metastases", "ann"), ("Patient", "_text=(bone OR liver) and not metast", ""), ("Patient", '_text="liver metastases"', "ann"), ("Patient", '_text="metastases liver"', ""), ("Patient", "_text=div", ""),
    ("Observation", "_content=fasting", "word"), ("Observation", "_content=fasting,tablet", "tablets word"), ("Patient", "_content=springf", "cy"), ("Patient", "_content=iver", ""),
    # lists
    ("Patient", "_list=mine", "ann"), ("Condition", "_list=List/mine", "flu"), ("Patient", "_list=other", ""), ("Patient", "_list=mine&gender=male", ""),
    # chains
    ("Observation", "subject:Patient.name=smyth", "dose2 heat tablets"), ("Observation", "patient.name=smyth&date=2026-02", "dose2"), ("Observation", "subject.gender=female", "bp dose"), ("Observation", "subject.organization.name=river", "bp dose"),
    ("Observation", "subject:Patient.organization.partof.name=river", "dose2 heat tablets"), ("Observation", "subject:Patient.birthdate:missing=true", "word"), ("Observation", "subject:Patient.name:contains=yt", "dose2 heat tablets"), ("Observation", "subject:Patient.identifier=http://example.org/mrn|A1", "bp dose"),
    ("Observation", "performer:Practitioner.name=rob", "bp"), ("Observation", "subject:Patient.name=nobody", ""), ("Patient", "general-practitioner.identifier=55", "ann"), ("QuestionnaireResponse", "questionnaire.title=sleep", "answers"), ("Observation", "subject._id=cy", "word"),
    # reverse chains
    ("Patient", "_has:Observation:patient:code=29463-7", "ann bob"), ("Patient", "_has:Observation:subject:value-quantity=gt10", "bob"), ("Patient", "_has:Group:member:_id=cohort", "bob"), ("Practitioner", "_has:Patient:general-practitioner:gender=female", "doc"),
    ("Organization", "_has:Patient:organization:_has:Observation:patient:code=8310-5", "lab"), ("Patient", "_has:Observation:patient:performer.name=rob", "ann"), ("Observation", "subject:Patient._has:Condition:patient:code:text=influ", "bp dose"), ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:subject=ann", "form"),
    ("Patient", "_has:Observation:patient:code=nothing", ""), ("Patient", "_has:Condition:patient:onset-date:missing=true", "bob"),
    # filters
    ("Patient", '_filter=name co "gst"', "ann"), ("Patient", '_filter=given eq "ann" and birthdate ge 1970-05-01', "ann"), ("Patient", "_filter=given eq an", ""), ("Patient", "_filter=family ew cruz", "cy"), ("Patient", '_filter=family sw "de la"', "cy"), ("Patient", "_filter=family sw cruz", ""),
    ("Patient", "_filter=gender ne male", "ann"), ("Patient", "_filter=not (gender eq male)", "ann cy"), ("Patient", "_filter=gender eq male or birthdate lt 1980", "ann bob"), ("Patient", "_filter=gender eq male or (gender eq female and active eq true)", "ann bob"), ("Patient", "_filter=gender pr false", "cy"), ("Patient", "_filter=gender pr true and not (identifier eq A1)", ""),
    ("Patient", "_filter=not (gender eq male or gender eq female)", "cy"), ("Patient", "_filter=not (name co ann and gender eq female)", "bob cy"), ("Observation", '_filter=subject.name co "pet" or subject.name co "myt"', "dose2 heat tablets"), ("Observation", "_filter=subject[gender eq female].name sw ang", "bp dose"), ("Observation", "_filter=subject[gender eq male].name sw ang", ""), ("Observation", "_filter=not (subject.gender eq male)", "bp dose word"),
    ("Observation", f"_filter=code eq {LOINC}|8310-5 or value-quantity lt 4", "dose2 heat tablets"), ("Observation", "_filter=code in http://example.org/vs/acute", "bp heat"), ("Observation", "_filter=code ni acute", "dose dose2 tablets word"), ("Condition", f"_filter=code ss {ACTS}|root", "gout"), ("Condition", f"_filter=code sb {ACTS}|leaf", "gout"), ("Encounter", "_filter=date po 2026-01-10", "visit"), ("Encounter", "_filter=date po 2026-01-13", ""),
    ("Patient", "_filter=birthdate po 1970-05", "ann"), ("Observation", "_filter=subject re Patient/cy", "word"), ("Observation", "_filter=subject ne Patient/cy and date sa 2026-03-01", "tablets"), ("ValueSet", '_filter=url sw "http://example.org"', "acute"), ("RiskAssessment", "_filter=probability gt 0.5 and probability le 0.8", "risk"), ("Observation", f"_filter=value-quantity eq 5.4|{UCUM}|mg", "dose dose2"), ("Patient", r'_filter=name eq "bob smyth"', "bob"),
]  # fmt: skip


async def rows_that_fail(client: httpx.AsyncClient) -> list[str]:
    failed: list[str] = []
    for type_, query, wanted in ROWS:
        name, _, value = query.partition("=")
        text = "&".join("=".join(quote(part, safe="") for part in pair.split("=", 1)) for pair in query.split("&"))
        if query.startswith(("_filter", "_text", "_content")):
            text = f"{name}={quote(value, safe='')}"
        answer = await client.get(f"/{type_}?{text}&_count=100")
        body = answer.json()
        found = {entry["resource"]["id"] for entry in body.get("entry", ()) if entry["search"]["mode"] == "match"}
        if answer.status_code != 200:
            failed.append(f"{type_}?{query}: {answer.status_code} {body['issue'][0]['details']['text']}")
        elif found != set(wanted.split()):
            failed.append(f"{type_}?{query}: {sorted(found)}, not {wanted}")
        elif body.get("total", len(found)) != len(found):
            failed.append(f"{type_}?{query}: total {body['total']} of {len(found)}")
    return failed


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_row(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        await fill(client)
        failed = await rows_that_fail(client)
        assert not failed, "\n".join(failed)


async def fill(client: httpx.AsyncClient) -> None:
    for resource in WORLD:
        answer = await client.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
        assert answer.status_code == 201, answer.text
