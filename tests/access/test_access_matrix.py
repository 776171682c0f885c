"""No leak by content, count, order or status: whoever asks, what is hidden from them might as well not exist.

Each caller (role, scopes, patient in context, what patients have consented to) asks two tenants. One holds all records, the other only
those that the oracle (matrix_world.py) lets this caller know of: what is hidden has never been there. The questions are made from the
route table, the resource types, the search parameters and the operations (tests/rest/test_rest_tenants_apart.py: a new route or
operation without questions fails there), and each answer must be the same byte for byte, but for moments and made-up ids. What is
visible is held against the oracle as well, so that nothing is merely shut.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from access_help import bundle, entry
from in_process import House, running_house
from matrix_world import BY_NAME, RECORDS, SECRET, TYPES, Caller, Record, callers, changes
from two_engines import mongodb_environment

from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.repository import Repository
from server.rest.routes import ROUTES
from server.store.store import Commit

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from test_rest_tenants_apart import CASES, Ask, Known, Reader, difference

EVERY: Final = 30
"""Each caller asks every thirtieth of the questions from the registries, other ones than the caller before."""

LEAST: Final = 10_000


class World:
    """One tenant, and the caller in it."""

    def __init__(self, house: House, tenant: str, caller: Caller, known: Known) -> None:
        self.house = house
        self.tenant = tenant
        self.reader = Reader(known)
        self.path = f"/t/{tenant}/fhir"
        scope = " ".join(item.text for item in caller.scopes) or "openid"
        user = f"Patient/{caller.patient or 'p1'}" if caller.role == "patient" else "Practitioner/who"
        grant = Grant(tenant, "who", "matrix", [caller.role], scope, user, caller.patient)
        token = issue_token(load_or_create(house.data), grant, lifetime=36_000)
        self._headers = {"authorization": f"Bearer {token}", "x-request-id": "matrix"}

    async def fill(self, records: list[dict[str, Any]]) -> None:
        """Straight into the store: no audit event tells of it. Some have an earlier version."""
        services = self.house.services
        tenant = await services.keyring.make(self.tenant)
        repository = Repository(services.store, tenant, f"{self.house.root}{self.path}", lambda: datetime.now(UTC))
        for again in (False, True):
            puts = []
            for resource in records:
                if again and len(resource["id"]) % 2:
                    continue
                before = repository.prepare(resource, resource["id"], None) if again else None
                puts.append(repository.prepare(resource, resource["id"], before.version if before else None).put)
            await services.commit(Commit(tenant.number, puts))

    async def ask(self, question: Ask) -> list[httpx.Response]:
        """The answer, and the pages behind it."""
        base = f"{self.house.root}{self.path}"
        body = question.body
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        content = text.replace(House.base, base).encode()
        headers = {**({"content-type": "application/fhir+json"} if content else {}), **question.headers}
        path = question.path.replace(House.base, base)
        answers = [await self._call(question.method, f"{self.path}/{path}".rstrip("/"), headers, content)]
        while len(answers) < 3 and question.method == "GET" and '"relation":"next"' in answers[-1].text:
            links = answers[-1].json().get("link", [])
            url = urlsplit(next(link["url"] for link in links if link["relation"] == "next"))
            answers.append(await self._call("GET", f"{url.path}?{url.query}", headers, b""))
        return answers

    def told(self, answers: list[httpx.Response]) -> list[str]:
        """What two worlds must have in common."""
        return [self.reader.comparable(answer).replace(self.tenant, "....") for answer in answers]

    async def _call(self, method: str, address: str, headers: dict[str, str], content: bytes) -> httpx.Response:
        path, _, query = address.partition("?")
        given = {name.lower(): value for name, value in {**self._headers, **headers}.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "client": ("10.0.0.1", 1),
        }
        scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
        messages = iter([{"type": "http.request", "body": content, "more_body": False}])
        sent: list[Any] = []

        async def receive() -> Any:
            message = next(messages, None)
            if message is None:  # the caller is there until the answer is
                await asyncio.Event().wait()
            return message

        async def send(message: Any) -> None:
            sent.append(message)

        await self.house.application(scope, receive, send)
        return httpx.Response(
            sent[0]["status"],
            headers=sent[0]["headers"],
            content=b"".join(message.get("body", b"") for message in sent[1:]),
        )


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
    ]
    yield from (Ask("GET", path) for path in asked)
    names = [f"{type_}/{id_}" for type_ in TYPES for id_ in known.ids[type_]]
    yield Ask("POST", "", bundle("batch", *[entry("GET", name) for name in (*names, *asked)]))


async def compare(house: House, number: int, caller: Caller, known: Known, asks: Sequence[Ask]) -> int:
    """How many questions the two worlds answered alike."""
    whole, reduced = World(house, f"a{number:03}", caller, known), World(house, f"b{number:03}", caller, known)
    said = list(caller.said.consents)
    await whole.fill([*(record.resource for record in RECORDS), *said])
    await reduced.fill([*(record.resource for record in RECORDS if caller.reaches(record)), *_consents_seen(caller)])
    await hold_against_oracle(reduced, caller)
    asked = await hold_against_oracle(whole, caller)
    hidden = {f"{SECRET}{who}" for who in ("p1", "p2") if not caller.reaches(BY_NAME[f"Patient/{who}"])}
    trail = Ask("GET", "AuditEvent?_count=60&_sort=-date&_total=accurate")
    for question in (*looks(known), *asks, trail):
        answers = await whole.ask(question)
        one, other = whole.told(answers), reduced.told(await reduced.ask(question))
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
    async with running_house(tmp_path / "data") as house:
        known, asked = known_of(house), 0
        every = questions(known)
        for number, caller in enumerate(callers()):
            asked += await compare(house, number, caller, known, every[number % EVERY :: EVERY])
    assert asked >= LEAST


@pytest.mark.slow
async def test_nor_on_the_other_store(tmp_path: Path) -> None:
    with mongodb_environment() as environment:
        async with running_house(tmp_path / "data", **environment) as house:
            known, asked = known_of(house), 0
            every = questions(known)
            for number, caller in enumerate(callers()[::13]):
                asked += await compare(house, number, caller, known, every[number :: EVERY * 8])
    assert asked > 600


def test_every_route_is_asked() -> None:
    assert set(CASES) == {(route.method, route.template) for route in ROUTES}
