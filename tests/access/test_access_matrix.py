"""No leak by content, count, order or status: whoever asks, what is hidden from them might as well not exist.

Each caller (role, scopes, patient in context, what patients have consented to) asks two tenants. One holds all records, the other only
those that the oracle (matrix_world.py) lets this caller know of: what is hidden has never been there. The questions are made from the
route table, the resource types, the search parameters and the operations (tests/rest/test_rest_tenants_apart.py: a new route or
operation without questions fails there), and each answer must be the same byte for byte, but for moments and made-up ids. What is
visible is held against the oracle as well, so that nothing is merely shut.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from access_help import bundle, entry
from in_process import House, running_house
from matrix_held import hold_cursors, hold_rows
from matrix_tenant import World
from matrix_world import BY_NAME, RECORDS, SECRET, TYPES, Caller, Record, callers, changes
from two_engines import mongodb_environment

from server.rest.routes import ROUTES

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from test_rest_tenants_apart import CASES, Ask, Known, difference

EVERY: Final = 30
"""Each caller asks every thirtieth of the questions from the registries, other ones than the caller before."""

LEAST: Final = 10_000
SETTINGS: Final = {"ASSENT_BULK_SETTLE": "0"}


def known_of(house: House) -> Known:
    ids = {
        type_: [*(name.partition("/")[2] for name in BY_NAME if name.startswith(f"{type_}/")), "missing"] for type_ in TYPES
    }
    return Known(ids, ["missing"], tuple(sorted(house.services.operations)), TYPES)


def questions(known: Known) -> list[Ask]:
    """In the order of the routes: those that look come first."""
    return [question for case in CASES.values() for question in case(known)]


def looks(known: Known) -> Iterator[Ask]:
    """Asked by every caller: each record alone, all of a type, and everything at once in a batch."""
    asked = [f"{type_}?_sort=_lastUpdated&_total=accurate&_count=4" for type_ in TYPES if type_ != "AuditEvent"]
    asked += [f"{type_}/_history?_count=5" for type_ in TYPES if type_ != "AuditEvent"]
    asked += [
        "_history?_count=7",
        "Observation?_include=Observation:subject",
        "Coverage?_include=Coverage:beneficiary&_include=Coverage:payor",
        "Patient?_revinclude=*&_total=estimate",
        "Patient?_revinclude:iterate=Task:focus&_revinclude=Observation:subject&_include:iterate=*&_sort=-_id",
        f"?_type={','.join(type_ for type_ in TYPES if type_ != 'AuditEvent')}&_total=accurate&_count=6",
        "?_sort=_id&_count=4",
        "Patient/p1/*?_count=9&_total=accurate",
        "Patient/p2/*?_cursor=last&_count=3",
        "Patient/p2/Observation?_revinclude=Task:focus",
        "Practitioner/who/*",
        "Observation?subject:Patient.active=true&_total=accurate",
        "Observation?subject:Patient._has:Coverage:beneficiary:status=active&_total=accurate",
        "Patient?_has:Observation:subject:status=final&_total=accurate",
        "Observation?_filter=not%20(subject.active%20eq%20true)&_total=accurate",
        "Observation?_filter=subject[_id%20eq%20p1].active%20pr%20true%20or%20code%20pr%20false",
        "Coverage?beneficiary.name:contains=a&_sort=_id",
        "Patient/p1/$everything?_count=4",
        "Patient/p2/$everything?_count=5",
        "Observation?_list=li-p2&_total=accurate",
        "List?_include=List:item&_include:iterate=*&_revinclude:iterate=Coverage:beneficiary&_count=1",
    ]
    yield from (Ask("GET", path) for path in asked)
    names = [f"{type_}/{id_}" for type_ in TYPES for id_ in known.ids[type_]]
    yield Ask("POST", "", bundle("batch", *[entry("GET", name) for name in (*names, *asked)]))


async def compare(house: House, number: int, caller: Caller, known: Known, asks: Sequence[Ask], met: Counter[int]) -> int:
    """How many questions the two worlds answered alike. `met` counts what became of cursors that were had with a wider token."""
    whole, reduced = World(house, f"a{number:03}", caller, known), World(house, f"b{number:03}", caller, known)
    said = list(caller.said.consents)
    await whole.fill([*(record.resource for record in RECORDS), *said])
    await reduced.fill([*(record.resource for record in RECORDS if caller.reaches(record)), *_consents_seen(caller)])
    await hold_against_oracle(reduced, caller)
    asked = await hold_against_oracle(whole, caller)
    apart = World(house, f"c{number:03}", caller, known)  # what is asked here is in nobody else's audit trail
    await apart.fill([*(record.resource for record in RECORDS), *said])
    elsewhere = World(house, f"c{number - 1:03}" if number else "elsewhere", caller, known)
    asked += await hold_rows(apart, caller, number)
    statuses = await hold_cursors(apart, elsewhere, caller, number)
    met.update(statuses)
    asked += len(statuses) * 4
    hidden = {f"{SECRET}{who}" for who in ("p1", "p2") if not caller.reaches(BY_NAME[f"Patient/{who}"])}
    trail = Ask("GET", "AuditEvent?_count=60&_sort=-date&_total=accurate")
    for question in (*looks(known), *asks, trail):
        answers, others = await asyncio.gather(whole.ask(question), reduced.ask(question))
        one, other = whole.told(answers), reduced.told(others)
        assert one == other, f"{caller}: {question}: {difference(' '.join(one), ' '.join(other))}"
        if question.body is None:
            assert not any(name in answer.text for name in hidden for answer in answers), f"{caller}: {question}"
        asked += len(question.body.get("entry", [0])) if isinstance(question.body, dict) and question.path == "" else 1
    for method, before, after in changes():
        asked += await _write((whole, reduced), caller, method, before, after)
    return asked


async def _write(worlds: tuple[World, World], caller: Caller, method: str, before: Record | None, after: Record) -> int:
    """What is stored, or deleted, is what the oracle lets this caller; what was hidden from it was never there."""
    path = after.type if before is None else before.name
    body = {name: value for name, value in after.resource.items() if before is not None or name != "id"}
    whole, reduced = worlds
    (answer,) = await whole.ask(Ask(method, path, None if method == "DELETE" else body))
    (other,) = await reduced.ask(Ask(method, path, None if method == "DELETE" else body))
    assert whole.told([answer]) == reduced.told([other]), f"{caller}: {method} {path}"
    letter = {"PUT": "u", "POST": "c", "DELETE": "d"}[method]
    reached = before is None or caller.reaches_by(letter, before)
    allowed = reached and caller.may_leave(letter, after) and (before is None or caller.may_leave(letter, before))
    if method == "POST" and any("_id=" in scope.text for scope in caller.scopes):
        allowed = False  # a scope by ids opens no record whose id the server makes up
    assert answer.is_success == allowed, f"{caller}: {method} {path}: {answer.status_code} {answer.text[:200]}"
    return 1


def _consents_seen(caller: Caller) -> list[dict[str, Any]]:
    """A consent of a patient whose record is out of reach is itself; what it says is of records that are not there."""
    limited = (
        caller.patient if caller.role == "patient" or all(scope.reach == "patient" for scope in caller.scopes) else None
    )
    return [one for one in caller.said.consents if limited is None or one["patient"]["reference"] == f"Patient/{limited}"]


async def hold_against_oracle(world: World, caller: Caller) -> int:
    """What is visible is just what should be: by reading, by searching and by counting. How many questions that took."""
    asked = len(RECORDS)
    for type_ in {record.type for record in RECORDS}:
        own = [record for record in RECORDS if record.type == type_]
        for record in own:
            (answer,) = await world.ask(Ask("GET", record.name, headers={"Accept": "application/fhir+json"}))
            assert (answer.status_code == 200) == caller.reaches_by("r", record), (
                f"{caller}: {record.name}: {answer.status_code}"
            )
        (found,) = await world.ask(Ask("GET", f"{type_}?_count=1000&_total=accurate"))
        expected = {record.resource["id"] for record in own if caller.reaches_by("s", record)}
        if found.status_code == 200:
            if type_ == "Binary" and caller.patient is not None:  # a search does not look at what a Binary was stored for
                expected &= {item["resource"]["id"] for item in found.json().get("entry", [])} | {f"own-{caller.patient}"}
            assert {item["resource"]["id"] for item in found.json().get("entry", [])} == expected, f"{caller}: {type_}"
            assert found.json()["total"] == len(expected), f"{caller}: {type_}"
        else:
            assert (found.status_code, expected) == (403, set()), f"{caller}: {type_}: {found.text}"
        asked += 1
    return asked


@pytest.mark.slow
async def test_what_is_hidden_might_as_well_not_exist(tmp_path: Path) -> None:
    met = Counter[int]()
    async with running_house(tmp_path / "data", **SETTINGS) as house:
        known, asked = known_of(house), 0
        every = questions(known)
        for number, caller in enumerate(callers()):
            asked += await compare(house, number, caller, known, every[number % EVERY :: EVERY], met)
    assert asked >= LEAST
    assert met[200] > 20


@pytest.mark.slow
async def test_nor_on_the_other_store(tmp_path: Path) -> None:
    with mongodb_environment() as environment:
        async with running_house(tmp_path / "data", **SETTINGS, **environment) as house:
            known, asked = known_of(house), 0
            every = questions(known)
            for number, caller in enumerate(callers()[::13]):
                asked += await compare(house, number, caller, known, every[number :: EVERY * 8], Counter())
    assert asked > 600


def test_every_route_is_asked() -> None:
    assert set(CASES) == {(route.method, route.template) for route in ROUTES}
