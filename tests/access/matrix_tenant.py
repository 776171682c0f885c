"""A tenant of the matrix and a caller in it, asked inside the test's own process."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from in_process import House
from matrix_world import Caller

from server.auth.access_token import Grant, issue_token
from server.auth.signing_key import load_or_create
from server.repository import Repository
from server.store.store import Commit

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from test_rest_tenants_apart import Ask, Known, Reader  # the folder of another area


def next_of(answer: httpx.Response) -> str:
    """The address of the page behind an answer; empty where there is none."""
    links = answer.json().get("link", []) if answer.is_success else []
    return next((str(link["url"]) for link in links if link["relation"] == "next"), "")


class World:
    """One tenant, and the caller in it, under a name."""

    def __init__(self, house: House, tenant: str, caller: Caller, known: Known, subject: str = "who") -> None:
        self.house = house
        self.tenant = tenant
        self.reader = Reader(known)
        self.known = known
        self.path = f"/t/{tenant}/fhir"
        scope = " ".join(item.text for item in caller.scopes) or "openid"
        user = f"Patient/{caller.patient or 'p1'}" if caller.role == "patient" else "Practitioner/who"
        grant = Grant(tenant, subject, "matrix", [caller.role], scope, user, caller.patient)
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

    async def ask(self, question: Ask, pages: int = 3) -> list[httpx.Response]:
        """The answer, and so many pages behind it."""
        base = f"{self.house.root}{self.path}"
        body = question.body
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        content = text.replace(House.base, base).encode()
        headers = {**({"content-type": "application/fhir+json"} if content else {}), **question.headers}
        path = question.path.replace(House.base, base)
        answers = [await self._call(question.method, f"{self.path}/{path}".rstrip("/"), headers, content)]
        while len(answers) < pages and question.method == "GET" and '"relation":"next"' in answers[-1].text:
            answers.append(await self.follow(next_of(answers[-1])))
        return answers

    async def follow(self, address: str) -> httpx.Response:
        """What is at an address that was answered: at this tenant's own base, whose ever it was."""
        url = urlsplit(address)
        path = url.path.partition("/fhir")[2]
        return await self._call("GET", f"{self.path}{path}?{url.query}", {}, b"")

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
