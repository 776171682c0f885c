"""One world of the oracle on a store: filled without the checks of writing, so that it may hold anything; asked over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from urllib.parse import quote, urlsplit

from in_process import House
from oracle import Oracle
from oracle_queries import Pair
from oracle_world import ACTS, LOINC, Resource
from tokens import bearer

from profiles.json import dumps, loads
from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.repository import Repository
from server.store.store import Commit

TERMS: Final[tuple[Resource, ...]] = (
    {
        "resourceType": "CodeSystem", "id": "acts", "status": "active", "url": ACTS, "content": "complete", "hierarchyMeaning": "is-a",
        "concept": [{"code": "root", "concept": [{"code": "branch", "concept": [{"code": "leaf"}]}]}],
    },
    {
        "resourceType": "ValueSet", "id": "some", "status": "active", "url": "http://example.org/vs/some",
        "compose": {"include": [{"system": LOINC, "concept": [{"code": "8480-6"}]}, {"system": ACTS, "concept": [{"code": "leaf"}, {"code": "branch"}]}]},
    },
)  # fmt: skip
_BEGAN: Final = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
"""Every store gets the same times."""
_SOME: Final = frozenset({(LOINC, "8480-6"), (ACTS, "leaf"), (ACTS, "branch")})
_LINE: Final = ("root", "branch", "leaf")


@dataclass(frozen=True)
class Answer:
    """Of all pages together: the names of the matches in order, of what came along with each page, and the total."""

    status: int
    matches: tuple[str, ...] = ()
    along: tuple[frozenset[str], ...] = ()
    pages: tuple[tuple[str, ...], ...] = ()
    total: int | None = None
    text: str = ""


class Stored:
    """A tenant of a house that holds a world."""

    def __init__(self, house: House, tenant: str) -> None:
        self.house, self.tenant = house, tenant
        self.path = f"/t/{tenant}/fhir"
        self.base = f"{house.root}{self.path}"
        grant = Grant(tenant, "who", "oracle", ["administrator"], "user/*.cruds", "Practitioner/who", None)
        self._headers = [
            (name.lower().encode(), value.encode())
            for name, value in bearer(issue_token(load_or_create(house.data), grant, lifetime=36_000)).items()
        ]

    async def fill(self, resources: Sequence[Resource]) -> None:
        services = self.house.services
        tenant = await services.keyring.make(self.tenant)
        ticks = count()
        repository = Repository(services.store, tenant, self.base, lambda: _BEGAN + timedelta(seconds=next(ticks)))
        for one in TERMS:
            status, _ = await self.call("PUT", f"{self.path}/{one['resourceType']}/{one['id']}", dumps(one))
            assert status == 201
        await services.commit(Commit(tenant.number, [repository.prepare(one, one["id"], None).put for one in resources]))

    async def known(self, resources: Sequence[Resource]) -> Oracle:
        """The oracle of what is stored: as it was stored, with its times."""
        stored = [loads((await self.call("GET", f"{self.path}/{one['resourceType']}/{one['id']}"))[1]) for one in resources]
        below = {(ACTS, code): frozenset((ACTS, lower) for lower in _LINE[number:]) for number, code in enumerate(_LINE)}
        return Oracle(self.base, stored, {"http://example.org/vs/some": _SOME, "some": _SOME}, below)

    async def search(self, where: str, pairs: Sequence[Pair]) -> Answer:
        """Along the links to the next page until there is none."""
        query = "&".join(f"{quote(name, safe=':')}={quote(value, safe='')}" for name, value in pairs)
        status, body = await self.call("GET", f"{self.path}/{where}?{query}")
        if status != 200:
            return Answer(status, text=body.decode())
        bundle = loads(body)
        total, matches, along, pages = bundle.get("total"), [], [], []
        while True:
            entries = bundle.get("entry", ())
            page = tuple(_name(one) for one in entries if one["search"]["mode"] == "match")
            matches += page
            pages.append(page)
            along.append(frozenset(_name(one) for one in entries if one["search"]["mode"] == "include"))
            url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
            if url is None:
                return Answer(200, tuple(matches), tuple(along), tuple(pages), total)
            parts = urlsplit(url)
            status, body = await self.call("GET", f"{parts.path}?{parts.query}")
            assert status == 200, body
            bundle = loads(body)

    async def call(self, method: str, address: str, content: bytes = b"") -> tuple[int, bytes]:
        path, _, query = address.partition("?")
        headers = [*self._headers, *([(b"content-type", b"application/fhir+json")] if content else [])]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "client": ("10.0.0.1", 1), "headers": headers,
        }  # fmt: skip
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
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _name(entry: Resource) -> str:
    return f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
