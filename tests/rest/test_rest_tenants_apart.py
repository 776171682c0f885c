"""Whatever one tenant asks, the answers are the same whether or not another tenant has data.

The same questions, made from the route table, the resource types and the operations, are put by tenant `north` to two servers.
On one, tenant `default` holds a practice, a resource of every type and all that they left behind: versions, uniqueness keys, jobs,
contents, submitted claims. On the other it holds nothing. North names the ids, identifiers and addresses of the first. Each answer
must be the same byte for byte, in status, headers and body, but for moments and made-up ids. So nothing tells: not content, not
counts, not order, not numbers. A new route, or a new operation, has no questions yet, and fails the test until it has.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from in_process import House, running_house
from minimal_resources import minimal
from rest_help import bundle, entry, observation, patient
from tokens import bearer
from two_engines import mongodb_environment

from profiles.structure import resource_types, type_definition
from server.rest.routes import ROUTES
from server.search.registry import indexed_parameters

sys.path.append(str(Path(__file__).parents[1] / "pas"))
from pas_examples import request as pas_request  # the folder of another area

SECRET: Final = "Zyzzyva"
SYSTEM: Final = "urn:foreign"
FEW: Final = ("Patient", "Observation", "Binary", "Claim", "AuditEvent")
"""Types that are asked after in every way."""
FHIR: Final = {"Content-Type": "application/fhir+json"}
PLAIN: Final = {"Accept-Encoding": "identity"}
"""How long a compressed answer is depends on made-up ids."""
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}


@dataclass(frozen=True)
class Ask:
    """One question. `path` follows the FHIR base."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.headers or ''} {str(self.body or '')[:200]}"


@dataclass(frozen=True)
class Known:
    """What north knows of the other tenant: ids by type, the names of its jobs, and the operations of the server."""

    ids: dict[str, list[str]]
    jobs: list[str]
    operations: tuple[tuple[str, str, str], ...]
    types: tuple[str, ...]

    def of_few(self) -> Known:
        return replace(self, types=tuple(type_ for type_ in self.types if type_ in FEW))


Case = Callable[[Known], Iterator[Ask]]


def named(type_: str, id_: str | None = None) -> dict[str, Any]:
    """A resource of the type with an identifier, as far as the type has one."""
    definition = type_definition(type_)
    assert definition is not None
    more: dict[str, Any] = {"id": id_} if id_ else {}
    element = definition.elements.get("identifier")
    if element is not None and element.types[0].code == "Identifier":
        value = {"system": SYSTEM, "value": type_}
        more["identifier"] = value if element.max == 1 else [value]
    if "text" in definition.elements:
        more["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{SECRET}</div>'}
    if type_ == "SearchParameter":  # one that is applied: what cannot be is refused
        more |= {
            "code": "of-the-tenant",
            "base": ["Patient"],
            "type": "token",
            "expression": "Patient.active",
            "status": "active",
        }
    return minimal(type_, **more)


def own(type_: str, id_: str | None = None) -> dict[str, Any]:
    """What north writes itself: without the other's secret."""
    resource = named(type_, id_)
    resource.pop("text", None)
    return resource


def identifier(type_: str) -> str:
    return f"identifier={SYSTEM}|{type_}" if "identifier" in indexed_parameters(type_) else "_id=foreign-1"


def by_id(method: str, suffix: str = "", **headers: str) -> Case:
    def asks(known: Known) -> Iterator[Ask]:
        for type_ in known.types:
            for id_ in known.ids[type_]:
                yield Ask(method, f"{type_}/{id_}{suffix}", headers=headers)

    return asks


def reads(known: Known) -> Iterator[Ask]:
    yield from by_id("GET")(known)
    few = known.of_few()
    yield from by_id("HEAD")(few)
    yield from by_id("GET", **{"If-None-Match": 'W/"1"'})(few)


def searches(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        for query in queries(type_):
            yield Ask("GET", f"{type_}?{query}")


def queries(type_: str) -> Iterator[str]:
    yield from ("_count=3", "_summary=count", identifier(type_))
    if type_ not in FEW:
        return
    yield from ("_total=accurate&_count=1", "_total=estimate&_count=1", "_cursor=last&_count=2")
    yield from (
        "_revinclude=*&_count=2",
        "_include:iterate=*&_count=2",
        "_summary=true&_count=1",
        "_elements=id&_sort=_lastUpdated,-_id&_count=2",
    )
    yield from ("_sort=-_lastUpdated&_count=3", "_id=foreign-1&_lastUpdated=gt2020")
    yield from (
        "_content=riverbend&_count=1",
        "_filter=_id%20pr%20true%20or%20_id%20eq%20foreign-1&_count=2",
        "_list=foreign-1",
    )
    yield from ("_profile:missing=true&_count=1", "_id:missing=false&_id:not=foreign-1&_count=2&_total=accurate")
    for code, parameter in indexed_parameters(type_).items():
        if code in {"patient", "subject"}:
            yield f"{code}:Patient._id:not=foreign-1&_count=1&_total=accurate"
            yield f"{code}:Patient._has:{type_}:{code}:_id=foreign-1&_total=accurate"
            yield f"{code}=Patient/p01&_count=1&_include={type_}:{code}"
            yield f"{code}={quote(f'{House.base}/Patient/p01')}&_count=1"
        if parameter.type == "string":
            yield f"{code}=a&_count=1"


def system_searches(known: Known) -> Iterator[Ask]:
    few = [type_ for type_ in known.types if type_ in FEW and type_ != "AuditEvent"]
    yield Ask("GET", "?_count=5&_total=accurate")
    for query in (
        "_id=foreign-1",
        "_summary=count",
        "_sort=_lastUpdated,_id&_count=2",
        "_sort=-_lastUpdated&_count=3&_include=*",
        "_lastUpdated=gt2020",
    ):
        yield Ask("GET", f"?_type={','.join(few)}&{query}")
        yield Ask("POST", "_search", f"_type={few[0]}&{query}", {"Content-Type": "application/x-www-form-urlencoded"})


def compartment_searches(known: Known) -> Iterator[Ask]:
    for owner in ("Patient", "Practitioner"):
        for id_ in known.ids.get(owner, ["foreign-1"]):
            yield Ask("GET", f"{owner}/{id_}/*?_count=3&_total=accurate")
            for member in known.of_few().types:
                yield Ask("GET", f"{owner}/{id_}/{member}?_revinclude=*&_count=2")


def posted_compartment_searches(suffix: str) -> Case:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return lambda known: (
        Ask("POST", f"Patient/{id_}/{suffix}", "_count=2", form) for id_ in known.ids.get("Patient", ["foreign-1"])
    )


def form_searches(known: Known) -> Iterator[Ask]:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for type_ in known.types:
        yield Ask("POST", f"{type_}/_search", "_id=foreign-1", form)
        yield Ask("POST", f"{type_}/_search", "_total=accurate&_count=2", form)


def creates(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        yield Ask("POST", type_, own(type_))
        yield Ask("POST", type_, own(type_), {"If-None-Exist": identifier(type_)})
        yield Ask("POST", type_, own(type_), {"If-None-Exist": "_id=foreign-1"})


def updates(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        for id_ in known.ids[type_]:
            yield Ask("PUT", f"{type_}/{id_}", own(type_, id_), {"If-Match": 'W/"1"'})
        yield Ask("PUT", f"{type_}/foreign-1", own(type_, "foreign-1"), {"If-None-Match": "*"})
        yield Ask("PUT", f"{type_}/foreign-1", own(type_, "foreign-1"))
        yield Ask("GET", f"{type_}/foreign-1")


def conditional_updates(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        yield Ask("PUT", f"{type_}?_id=foreign-1", own(type_))
        yield Ask("PUT", f"{type_}?_id=foreign-2", own(type_, "foreign-2"))


def patches(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        for id_ in known.ids[type_]:
            yield Ask("PATCH", f"{type_}/{id_}", [{"op": "test", "path": "/id", "value": id_}], JSON_PATCH)


def conditional_patches(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        yield Ask("PATCH", f"{type_}?_id=foreign-1", [], JSON_PATCH)
        yield Ask("PATCH", f"{type_}?{identifier(type_)}", [], JSON_PATCH)


def conditional_deletes(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        yield Ask("DELETE", f"{type_}?_id=foreign-1")
        yield Ask("DELETE", f"{type_}?{identifier(type_)}")


def histories(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        for id_ in known.ids[type_]:
            yield Ask("GET", f"{type_}/{id_}/_history")


UNHURRIED: Final = {"ASSENT_REVIEW_OUTCOME": "person"}
"""The synthetic practice has a payer who answers after half a minute: in one house alone, and in the middle of the questions."""

HISTORIES: Final = ("_count=2", "_at=2999&_count=20", "_since=2020&_count=20", "_sort=_lastUpdated&_count=2")


def type_histories(known: Known) -> Iterator[Ask]:
    for type_ in known.types:
        for query in HISTORIES if type_ in FEW else HISTORIES[:1]:
            yield Ask("GET", f"{type_}/_history?{query}")


def system_history(known: Known) -> Iterator[Ask]:
    for query in HISTORIES:
        yield Ask("GET", f"_history?{query}")


def patch_entry(url: str) -> dict[str, Any]:
    data = base64.b64encode(b"[]").decode()
    return entry("PATCH", url, {"resourceType": "Binary", "contentType": JSON_PATCH["Content-Type"], "data": data})


def bundles(known: Known) -> Iterator[Ask]:
    """Each kind of entry, in a batch together, in a transaction alone; references of all kinds to what the other has."""
    for type_ in known.types:
        name, condition = f"{type_}/{known.ids[type_][0]}", identifier(type_)
        entries = [
            entry("GET", name), entry("GET", f"{type_}?{condition}"), entry("GET", f"{name}/_history"), entry("GET", f"{type_}/_history"),
            entry("POST", type_, own(type_), ifNoneExist=condition), entry("PUT", name, own(type_, name.partition("/")[2]), ifMatch='W/"1"'),
            entry("PUT", f"{type_}?{condition}", own(type_)), entry("DELETE", f"{type_}?_id=foreign-1"), patch_entry(name), entry("DELETE", name),
        ]  # fmt: skip
        yield Ask("POST", "", bundle("batch", *entries))
        for item in entries if type_ in FEW else ():
            yield Ask("POST", "", bundle("transaction", item))
    for reference in (
        "Patient/p01",
        f"{House.base}/Patient/p01",
        f"Patient?identifier={SYSTEM}|Patient",
        "Patient?_id=p01",
        "Patient/foreign-1",
    ):
        yield Ask("POST", "", bundle("transaction", entry("POST", "Observation", observation(subject=reference))))
    yield Ask("GET", "Observation?_include=Observation:subject&_total=accurate&_sort=_lastUpdated")


def job_asks(method: str, behind: str = "") -> Case:
    return lambda known: (Ask(method, f"_async/{name}{behind}") for name in known.jobs)


def parameters(**references: str) -> dict[str, Any]:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, "valueReference": {"reference": text}} for name, text in references.items()],
    }


def about_code(canonical: str) -> dict[str, Any]:
    """A terminology question about content that only the other tenant can have stored."""
    named = [{"name": name, "valueUri": canonical} for name in ("url", "system")]
    return {"resourceType": "Parameters", "parameter": [*named, {"name": "code", "valueCode": "a"}]}


def by_foreign_profile() -> dict[str, Any]:
    """A question whether something conforms to what only the other tenant can have stored."""
    url = "https://example.org/foreign"
    claiming = {"resourceType": "Patient", "meta": {"profile": [url]}, "extension": [{"url": url, "valueString": "a"}]}
    parts = [{"name": "resource", "resource": claiming}, {"name": "profile", "valueUri": url}]
    return {"resourceType": "Parameters", "parameter": parts}


def dry_run(what: str) -> dict[str, Any]:
    """What goes for good would be missed by the questions behind it (tests/operations/test_erasing.py)."""
    parts = [{"name": "what", "valueCode": what}, {"name": "dryRun", "valueBoolean": True}]
    return {"resourceType": "Parameters", "parameter": parts}


def labels() -> dict[str, Any]:
    tag = {"tag": [{"system": SYSTEM, "code": "a"}]}
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": tag}]}


NO_BODY: Final[list[Any]] = [None, {"resourceType": "Parameters"}]
TERMINOLOGY: Final[list[Any]] = [about_code("https://example.org/foreign"), *NO_BODY]

OPERATION_BODIES: Final[dict[str, list[Any]]] = {
    "submit": [pas_request(), *NO_BODY],
    "inquire": [pas_request(), *NO_BODY],
    "preview-risk": [
        parameters(claim="Claim/foreign-1"),
        parameters(claim=f"{House.base}/Claim/foreign-1"),
        pas_request(),
        *NO_BODY,
    ],
    "evaluate": NO_BODY,
    "signed-link": NO_BODY,
    "install": [parameters(package="Binary/foreign-1"), {"resourceType": "Binary", "data": "AAAA"}, *NO_BODY],
    "uninstall": [
        {"resourceType": "Parameters", "parameter": [{"name": "name", "valueString": "acme.policies"}]},
        *NO_BODY,
    ],
    "installed": NO_BODY,
    "validate": [by_foreign_profile(), *NO_BODY],
    **dict.fromkeys(("verify", "export-trail", "tail"), NO_BODY),
    "disclosures": [parameters(patient="foreign-1"), *NO_BODY],
    "everything": NO_BODY,
    "meta": NO_BODY,
    "reindex": [{"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": "Foreign"}]}],
    **dict.fromkeys(("export", "import"), NO_BODY),  # and tests/bulk
    **{code: [labels(), *NO_BODY] for code in ("meta-add", "meta-delete")},
    "diff": [parameters(**{"from": "Patient/p01", "to": "Patient/p02"}), *NO_BODY],
    "lastn": [{"resourceType": "Parameters", "parameter": [{"name": "patient", "valueString": "Patient/p01"}]}, *NO_BODY],
    "match": [{"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": "Patient"}]}, *NO_BODY],
    "purge": [dry_run(what) for what in ("history", "record", "everything")],
    "status": [parameters(id="foreign-1"), *NO_BODY],
    "get-ws-binding-token": [parameters(id="foreign-1"), *NO_BODY],
    "events": [parameters(eventsSinceNumber="1"), *NO_BODY],
    "replay": [parameters(eventsSinceNumber="1"), *NO_BODY],
    **dict.fromkeys(("undelivered", "topics"), NO_BODY),
    "closure": [parameters(name="foreign"), parameters(name="foreign", version="1"), *NO_BODY],
    **dict.fromkeys(("lookup", "validate-code", "batch-validate-code", "expand", "subsumes", "translate"), TERMINOLOGY),
}
"""What each operation is asked with, by its code."""


ON_EVERY_TYPE: Final = frozenset({"meta", "meta-add", "meta-delete", "diff", "purge"})
"""The same function for all types: a few are asked."""


def operation_asks(template: str, method: str) -> Case:
    level = {1: "system", 2: "type", 3: "instance"}[len(template.split("/"))]

    def asks(known: Known) -> Iterator[Ask]:
        for found, type_, code in known.operations:
            few = FEW if code in ON_EVERY_TYPE else known.types
            if found != level or (code in {"validate", *ON_EVERY_TYPE} and type_ not in ("", *few)):
                continue
            for id_ in known.ids.get(type_, ["foreign-1"]) if level == "instance" else [""]:
                path = "/".join(part for part in (type_, id_, f"${code}") if part)
                for body in OPERATION_BODIES[code] if method == "POST" else [None]:
                    yield Ask(method, path, body)
                if code == "everything" and method == "GET":
                    yield Ask(method, f"{path}?_count=1")  # and its pages
                if code == "tail":
                    yield from foreign_places(method, path, known)

    return asks


def foreign_places(method: str, path: str, known: Known) -> Iterator[Ask]:
    """To go on behind an event of the other tenant: no stream begins."""
    for id_ in known.ids["AuditEvent"]:
        yield Ask(method, path, headers={"Accept": "text/event-stream", "Last-Event-ID": id_})


CASES: Final[dict[tuple[str, str], Case]] = {
    ("GET", "{type}/{id}"): reads,
    ("GET", "{type}/{id}/_history/{version}"): by_id("GET", "/_history/1"),
    ("GET", "{type}/{id}/_history"): histories,
    ("DELETE", "{type}/{id}/_history"): by_id("DELETE", "/_history"),
    ("GET", "{type}/_history"): type_histories,
    ("GET", "_history"): system_history,
    ("GET", "{type}"): searches,
    ("POST", "{type}/_search"): form_searches,
    ("GET", ""): system_searches,
    ("POST", "_search"): lambda known: (ask for ask in system_searches(known) if ask.method == "POST"),
    ("GET", "{type}/{id}/{member}"): compartment_searches,
    ("POST", "{type}/{id}/{member}/_search"): posted_compartment_searches("Observation/_search"),
    ("POST", "{type}/{id}/_search"): posted_compartment_searches("_search"),
    ("GET", "_async/{id}"): job_asks("GET"),
    ("GET", "_async/{id}/{member}"): job_asks("GET", "/Patient.1.ndjson"),
    ("DELETE", "_async/{id}"): job_asks("DELETE"),
    ("PATCH", "{type}/{id}"): patches,
    ("PATCH", "{type}"): conditional_patches,
    ("DELETE", "{type}"): conditional_deletes,
    ("DELETE", "{type}/{id}"): by_id("DELETE"),
    ("POST", "{type}/{id}/${operation}"): operation_asks("{type}/{id}/${operation}", "POST"),
    ("GET", "{type}/{id}/${operation}"): operation_asks("{type}/{id}/${operation}", "GET"),
    ("POST", "{type}/${operation}"): operation_asks("{type}/${operation}", "POST"),
    ("GET", "{type}/${operation}"): operation_asks("{type}/${operation}", "GET"),
    ("POST", "${operation}"): operation_asks("${operation}", "POST"),
    ("GET", "${operation}"): operation_asks("${operation}", "GET"),
    ("POST", ""): bundles,
    ("POST", "{type}"): creates,
    ("PUT", "{type}"): conditional_updates,
    ("PUT", "{type}/{id}"): updates,
}
"""The questions for each route, in an order in which those that look come before those that write."""

AFTERWARDS: Final = (reads, searches, histories, type_histories, system_history)
"""Asked once more when north has resources of its own under the same ids and identifiers."""


def test_every_route_and_every_operation_has_questions(app: House) -> None:
    assert set(CASES) == {(route.method, route.template) for route in ROUTES}
    assert set(OPERATION_BODIES) == {code for _, _, code in app.services.operations}


# -- the two servers ---------------------------------------------------------------------------------------------------------


async def fill(house: House, types: tuple[str, ...]) -> Known:
    """The default tenant gets something of everything."""
    ids: dict[str, list[str]] = {type_: ["foreign-1"] for type_ in types}
    async with house.client() as client:
        for type_ in types:
            if type_ == "AuditEvent":
                continue
            assert (await client.put(f"/{type_}/foreign-1", json=named(type_, "foreign-1"))).status_code == 201, type_
            assert (await client.put(f"/{type_}/foreign-1", json=named(type_, "foreign-1"))).status_code == 200
            if type_ in FEW:
                made = await client.post(f"/{type_}", json=named(type_), headers={"If-None-Exist": "_id=none"})
                ids[type_].append(made.json()["id"])
        ids["Patient"].append("p01")
        large = base64.b64encode(SECRET.encode() * 100_000).decode()
        await client.put(
            "/Binary/large", json={"resourceType": "Binary", "id": "large", "contentType": "text/plain", "data": large}
        )
        ids["Binary"].append("large")
        gone = (await client.post("/Patient", json=named("Patient"))).json()["id"]
        await client.delete(f"/Patient/{gone}")
        ids["Patient"].append(gone)
        assert (await client.post("/Claim/$submit", json=pas_request())).status_code == 200
        asked = await client.post("", json=bundle("batch", entry("GET", "Patient")), headers={"Prefer": "respond-async"})
        assert asked.status_code == 202
        ids["AuditEvent"] = [(await client.get("/AuditEvent?_count=1")).json()["entry"][0]["resource"]["id"]]
    job = asked.headers["content-location"].rpartition("/")[2]
    return Known(ids, [job], tuple(sorted(house.services.operations)), types)


_MOMENT: Final = re.compile(
    r"[0-9A-Z](?:(?<=[0-9])\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
    r"|(?<=[A-Z])[a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)"
)
_MADE: Final = re.compile(
    r"[0-9a-fA-Z](?:(?<=[0-9a-f])[0-9a-f]{7}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?<=\b[0-9a-f])[0-9a-f]{31}\b|(?<=\b[A-Z])[A-Z]{3}-[A-Z0-9]{12}\b)"
)
"""Both begin with a set of characters, which `re` looks for fast: most of the time went into these two."""

_SEALED: Final = re.compile(r"(_cursor=(?:[A-Z]\w+-\d+\.)?|/documents/|sha256:)([\w-]+)")
_TAG: Final = re.compile(r'W/"[0-9a-f]{24}"')
"""Of a page of results: made of the names of what is on it, some of which are made up."""

_QUERY: Final = re.compile(r'(?<="query":) ?"([A-Za-z0-9+/]+=*)"')
_UNLIKE: Final = frozenset({"x-request-id", "date", "ratelimit"})


class Reader:
    """Makes the answers of a server comparable: ids are numbered as they come, moments and sealed texts are taken out."""

    def __init__(self, known: Known) -> None:
        self._names: dict[str, str] = {}
        for id_ in (*(id_ for ids in known.ids.values() for id_ in ids), *known.jobs):
            self._names[id_] = id_

    def comparable(self, answer: httpx.Response) -> str:
        headers = sorted((name, value) for name, value in answer.headers.items() if name not in _UNLIKE)
        audit = "AuditEvent" in answer.text
        text = f"{answer.status_code} {headers} {_sorted_entities(answer) if audit else answer.text}"
        text = _QUERY.sub(_without_seals, text)
        text = _blank(_MOMENT.sub("<moment>", _TAG.sub("<tag>", text)))
        return _MADE.sub(
            lambda match: "<id>" if audit else self._names.setdefault(match[0], f"<id {len(self._names)}>"), text
        )


def _without_seals(match: re.Match[str]) -> str:
    """A query as it is in the trail, read. A receipt is a digest of sealed bytes, and so never the same; nor is a cursor."""
    text = base64.b64decode(match[1]).decode()
    told = _blank(text.partition("receipt=")[0])
    return json.dumps(told) if told != text else match[0]


def _blank(text: str) -> str:
    return _SEALED.sub(lambda match: f"{match[1]}<{len(match[2])}>", text)


def _sorted_entities(answer: httpx.Response) -> str:
    """An audit record names what it tells of in the order of made-up ids, which is none."""

    def anonymous(text: str) -> str:
        return _MADE.sub("<id>", text)

    def sort(value: Any) -> Any:
        if isinstance(value, dict):
            members = {name: sort(member) for name, member in value.items()}
            if isinstance(members.get("entity"), list):
                members["entity"].sort(key=lambda entity: anonymous(json.dumps(entity)))
            return members
        return [sort(item) for item in value] if isinstance(value, list) else value

    lines = answer.text.splitlines() if "ndjson" in answer.headers.get("content-type", "") else [answer.text]
    return "\n".join(json.dumps(sort(json.loads(line))) for line in lines)


async def ask(client: httpx.AsyncClient, base: str, question: Ask) -> httpx.Response:
    content = question.body if isinstance(question.body, str) or question.body is None else json.dumps(question.body)
    headers = {**(FHIR if content is not None else {}), **PLAIN, **question.headers}
    return await client.request(question.method, f"{base}/{question.path}", content=content, headers=headers)


async def follow(client: httpx.AsyncClient, base: str, question: Ask) -> list[httpx.Response]:
    """The answer, and the pages behind it."""
    answers = [await ask(client, base, question)]
    while len(answers) < 3 and question.method == "GET" and '"relation":"next"' in answers[-1].text:
        links = answers[-1].json().get("link", [])
        url = next((link["url"] for link in links if link["relation"] == "next"), None)
        if url is None:
            break
        answers.append(await client.get(url, headers=PLAIN))
    return answers


def questions(known: Known) -> Iterator[Ask]:
    for case in CASES.values():
        yield from case(known)
    for case in AFTERWARDS:
        yield from case(known.of_few())
    yield Ask("GET", "AuditEvent?_count=300&_sort=date&_total=accurate")


def difference(one: str, other: str) -> str:
    """Where two answers part."""
    place = next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    return f"{one[max(0, place - 150) : place + 80]} <> {other[max(0, place - 20) : place + 80]}"


async def compare(stack: AsyncExitStack, houses: tuple[House, House], types: tuple[str, ...]) -> int:
    """Ask both; how many questions that were."""
    known = await fill(houses[0], types)
    readers = [Reader(known), Reader(known)]
    base = f"{House.root}/t/north/fhir"
    clients: list[httpx.AsyncClient] = []
    for house in houses:
        client = await stack.enter_async_context(house.client(tenant="north", lifetime=36_000))
        client.headers["X-Request-Id"] = "north-asks"  # audit records repeat it
        clients.append(client)
        for resource in (patient("b1", active=True), observation("b2", subject="Patient/b1")):
            assert (
                await client.put(f"{base}/{resource['resourceType']}/{resource['id']}", json=resource)
            ).status_code == 201
    asked = 0
    for question in questions(known):
        asked += 1
        # At the other's own address a token of north is worth nothing, whatever is there.
        for place in (base, House.base) if asked % 7 == 0 else (base,):
            seen = await asyncio.gather(*(follow(client, place, question) for client in clients))
            told = [
                [reader.comparable(answer) for answer in answers] for reader, answers in zip(readers, seen, strict=True)
            ]
            assert told[0] == told[1], f"{question}: {difference(*map(str, told))}"
            assert all(SECRET not in answer.text for answer in seen[0]), str(question)
            assert all(answer.status_code < 500 for answer in seen[0]), str(question)
    return asked


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.mark.slow
async def test_two_types_on_the_embedded_store(stack: AsyncExitStack, practice_data: Path, tmp_path: Path) -> None:
    shutil.copytree(practice_data, tmp_path / "full")
    full = await stack.enter_async_context(running_house(tmp_path / "full", **UNHURRIED))
    bare = await stack.enter_async_context(running_house(tmp_path / "bare", **UNHURRIED))
    assert await compare(stack, (full, bare), ("Binary", "Patient")) > 200


@pytest.mark.slow
async def test_every_type_on_the_embedded_store(stack: AsyncExitStack, practice_data: Path, tmp_path: Path) -> None:
    shutil.copytree(practice_data, tmp_path / "full")
    full = await stack.enter_async_context(running_house(tmp_path / "full", **UNHURRIED))
    bare = await stack.enter_async_context(running_house(tmp_path / "bare", **UNHURRIED))
    assert await compare(stack, (full, bare), tuple(sorted(resource_types()))) > 3000


@pytest.mark.slow
async def test_few_types_on_mongodb(stack: AsyncExitStack, tmp_path: Path) -> None:
    houses = []
    for name, sample in (("full", "1"), ("bare", "0")):
        environment = stack.enter_context(mongodb_environment())
        house = running_house(tmp_path / name, ASSENT_SAMPLE=sample, **UNHURRIED, **environment)
        houses.append(await stack.enter_async_context(house))
    assert await compare(stack, (houses[0], houses[1]), FEW) > 400


async def test_made_up_ids_follow_no_order(app: House) -> None:
    """Neither a count nor a time is in them, and nothing of another tenant's."""
    found: list[UUID] = []
    for tenant, base in (("default", app.base), ("north", f"{app.root}/t/north/fhir")):
        async with app.client(tenant=tenant) as client:
            for _ in range(20):
                made = await client.post(f"{base}/Patient", json=patient(), headers=bearer(app.token(tenant=tenant)))
                found.append(UUID(made.json()["id"]))
    assert {id_.version for id_ in found} == {4}
    assert len(set(found)) == 40
    assert found != sorted(found)
