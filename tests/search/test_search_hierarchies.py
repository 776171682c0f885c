"""`:above` and `:below` of references: up and down R4's strict hierarchies, and the versions of canonical URLs; on both stores."""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_process import House
from search_world import ref
from shared import shared_data

from profiles import json
from server.search import resolve
from server.search.hierarchies import PARENTS
from server.search.registry import offered_parameters

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from rest_help import ids, refused
from two_engines import ENGINES, house_on

MARK = "http://hl7.org/fhir/StructureDefinition/structuredefinition-hierarchy"
ELSEWHERE = "https://elsewhere.example/fhir/Location/9"


def place(id_: str, part_of: str | None = None, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Location", "id": id_, **({"partOf": ref(part_of)} if part_of else {}), **more}


def visit(id_: str, where: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter", "id": id_, "status": "finished", "class": {"code": "AMB"}, "location": [{"location": ref(where)}], **more,
    }  # fmt: skip


def plan(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": id_,
        "status": "active",
        "intent": "plan",
        "subject": ref("Patient/p"),
        **more,
    }


def answers(id_: str, url: str) -> dict[str, Any]:
    return {"resourceType": "QuestionnaireResponse", "id": id_, "status": "completed", "questionnaire": url}


URL = "http://example.org/q"
WORLD = [
    place("town", ELSEWHERE), place("site", "Location/town", status="active"), place("ward", "Location/site", status="inactive"), place("bed", "Location/ward"), place("other"),
    place("x", "Location/y"), place("y", "Location/x"), place("self", "Location/self"), place("child", "Location/gone"),
    visit("at-site", "Location/site"), visit("at-bed", "Location/bed", partOf=ref("Encounter/at-site")), visit("at-other", "Location/other"), visit("at-x", "Location/x"), visit("at-gone", "Location/gone"),
    {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}, "encounter": ref("Encounter/at-bed"), "subject": ref("Location/ward")},
    plan("whole"), plan("part", partOf=[ref("CarePlan/whole"), ref("CarePlan/second")]), plan("second", replaces=[ref("CarePlan/first")]), plan("first", replaces=[ref("CarePlan/draft")]), plan("draft"),
    answers("q", URL), answers("q1", f"{URL}|1"), answers("q10", f"{URL}|1.0"), answers("q1d", f"{URL}|1-draft"), answers("q100", f"{URL}|10"), answers("r", f"{URL}/r|1"),
]  # fmt: skip

ROWS = [
    ("Encounter?location:below=site", "at-bed at-site"), ("Encounter?location:below=Location/town", "at-bed at-site"), ("Encounter?location:below=bed", "at-bed"),
    ("Encounter?location:above=bed", "at-bed at-site"), ("Encounter?location:above=site", "at-site"), ("Encounter?location:above=nowhere", ""), ("Encounter?location:below=bed,other", "at-bed at-other"),
    ("Encounter?location:below=gone", "at-gone"), ("Encounter?location:below=y", "at-x"), ("Encounter?location:above=y", "at-x"), (f"Encounter?location:below={ELSEWHERE}", "at-bed at-site"),
    ("Location?partof:below=site", "bed ward"), ("Location?partof:above=bed", "bed site town ward"), ("Location?partof:below=x", "x y"), ("Location?partof:below=self", "self"), ("Location?partof:above=child", "child"),
    ("Location?partof:above=town", "site town"), ("Observation?encounter:below=at-site", "o"), ("Observation?encounter:above=at-site", ""), ("Observation?subject:below=site", "o"), ("Observation?subject:below=Location/bed", ""),
    ("CarePlan?part-of:below=whole", "part"), ("CarePlan?part-of:above=part", "part"), ("CarePlan?replaces:below=draft", "first second"), ("CarePlan?replaces:above=second", "first second"),
    ("Observation?encounter:Encounter.location:below=site", "o"), ("Location?_has:Encounter:location:part-of:below=at-site", "bed"), ("Encounter?location:Location.partof:below=town", "at-bed at-site"),
    ("Encounter?location:below=town&location=bed", "at-bed"),
    (f"QuestionnaireResponse?questionnaire:below={URL}", "q q1 q10 q100 q1d"), (f"QuestionnaireResponse?questionnaire:below={URL}|1", "q1 q10 q1d"), (f"QuestionnaireResponse?questionnaire:below={URL}|1.0", "q10"),
    (f"QuestionnaireResponse?questionnaire:below={URL}|1.,{URL}/r|1", "r"), (f"QuestionnaireResponse?questionnaire={URL}|1", "q1"),
]  # fmt: skip


async def fill(client: httpx.AsyncClient) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in WORLD
    ]
    answer = await client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert {item["response"]["status"] for item in answer.json()["entry"]} == {"201"}, answer.text


@pytest.mark.parametrize("engine", ENGINES)
async def test_up_and_down_hierarchies_and_versions(engine: str, tmp_path: Path) -> None:
    async with house_on(engine, tmp_path / "data") as house, house.client() as client:
        await fill(client)
        for address, wanted in ROWS:
            found = sorted(ids(await client.get(f"/{address}")))
            assert found == sorted(wanted.split()), address


@pytest.fixture
async def filled(app: House, client: httpx.AsyncClient) -> House:
    await fill(client)
    return app


async def test_what_may_not_be_seen_opens_no_way(filled: House) -> None:
    async with filled.client(scope="user/Encounter.rs") as client:  # no Location at all: as a plain search
        assert ids(await client.get("/Encounter?location:below=site")) == ["at-site"]
        assert ids(await client.get("/Encounter?location:above=bed")) == ["at-bed"]
    async with filled.client(scope="user/Encounter.rs user/Location.rs?status=active,inactive") as client:  # not the bed
        assert ids(await client.get("/Encounter?location:below=town")) == ["at-site"]
        assert ids(await client.get("/Encounter?location:above=bed")) == ["at-bed"]
        assert ids(await client.get("/Location?partof:above=ward")) == ["ward", "site"]
    async with filled.client(
        scope="user/Encounter.rs user/Location.rs?status=inactive"
    ) as client:  # the ward, and its parent's name
        assert ids(await client.get("/Encounter?location:above=ward")) == ["at-site"]
        assert ids(await client.get("/Encounter?location:below=town")) == []


async def test_a_hierarchy_that_is_too_deep_or_too_wide_is_refused(
    filled: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(resolve, "MOST_LEVELS", 2)
        assert ids(await client.get("/Location?partof:below=bed")) == []
        refused(await client.get("/Location?partof:below=town"), 400, "search-too-costly", "http.partof")
        refused(await client.get("/Location?partof:above=bed"), 400, "search-too-costly", "http.partof")
    monkeypatch.setattr(resolve, "FEW", 1)
    refused(await client.get("/Encounter?location:below=site"), 400, "search-too-costly", "http.location")


@pytest.mark.parametrize(
    ("address", "code"),
    [("Observation?subject:below=Patient/1", "parameter-value"), ("Patient?link:below=1", "parameter-modifier"), ("QuestionnaireResponse?questionnaire:below=q", "parameter-value"), ("Encounter?location:below=a b", "parameter-value")],
)  # fmt: skip
async def test_what_has_no_hierarchy_is_told(client: httpx.AsyncClient, address: str, code: str) -> None:
    refused(await client.get(f"/{address}"), 400, code)


def test_the_hierarchies_are_those_that_r4_marks() -> None:
    """But for StructureDefinition.baseDefinition, which is canonical."""
    marked: set[tuple[str, str]] = set()
    with tarfile.open(shared_data() / "ig" / "hl7.fhir.r4.core-4.0.1.tgz") as package:
        for name in package.getnames():
            if re.fullmatch(r"package/StructureDefinition-[A-Z]\w+\.json", name):
                text = package.extractfile(name).read()
                marked |= _marked(json.loads(text)) if MARK.encode() in text else set()
    known = {
        (type_, path)
        for type_, codes in PARENTS.items()
        for code in codes
        for path in offered_parameters(type_)[code].paths
    }
    assert known == marked - {("StructureDefinition", "baseDefinition")}


def _marked(definition: dict[str, Any]) -> set[tuple[str, str]]:
    found = set()
    for element in definition["snapshot"]["element"]:
        for kind in element.get("type", ()):
            if {"url": MARK, "valueBoolean": True} in kind.get("extension", ()):
                type_, path = element["path"].split(".", 1)
                found.add((type_, path))
    return found
