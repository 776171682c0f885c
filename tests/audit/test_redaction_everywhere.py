"""Nothing that callers send, and no secret that the server gives out, is in a log line, on standard output, in an error text, in a redirect
or in what a monitoring system is shown; and no secret is in the audit trail. Over the whole surface: the requests are made of the registries
(marked_requests.py), so that a later address is asked too, and of what a day brings that goes well (marked_day.py)."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import marked_day as day
import pytest
from in_process import House
from live_server import CHECKOUT, LiveServer
from marked import MARKS, PASSWORD, PHI, SECRET, WORD, Watch, spellings, turns_up
from marked_requests import Ask, fhir_asks, header_asks, oauth_asks, plain_asks, scim_asks
from tokens import bearer

from server.oauth.routes import OAUTH_ROUTES

pytestmark = pytest.mark.slow

AT_ONCE = 8


class Overheard(LiveServer):
    """What it prints is kept with what it logs."""

    def _spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "server.cli", "serve"]
            return subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, preexec_fn=_let_cores_be_written
            )


def _let_cores_be_written() -> None:
    """As a machine may be set up."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {"ASSENT_LOG_LEVEL": "debug", "ASSENT_RATE_LIMITS": "off", "ASSENT_CLIENT_REGISTRATION": "open"}
    made = Overheard(tmp_path_factory.mktemp("overheard") / "data", **settings)
    made.start()
    yield made
    made.stop()


async def put(client: httpx.AsyncClient, asks: Iterable[Ask]) -> int:
    """Every request, some at a time; how many."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(ask: Ask) -> None:
        headers = {name: value.encode() for name, value in ask.headers.items()}
        async with turns:
            await client.request(ask.method, f"/{ask.path}", content=ask.body, headers=headers)

    all_of_them = [one(ask) for ask in asks]
    await asyncio.gather(*all_of_them)
    return len(all_of_them)


async def nothing_told(server: LiveServer, watch: Watch) -> None:
    """Neither in what was answered, nor in what was written, nor in the trail."""
    assert not watch.faults, "\n".join(watch.faults[:40])
    marks = MARKS | watch.given | {WORD} | keys(server)
    written = server.log.read_text()
    logged = [line for line in written.splitlines() if line.startswith("{")]
    assert any('"event":"request"' in line for line in logged)
    assert not [line for line in logged if turns_up({"eyJ", "Bearer"}, line)]
    assert not turns_up(marks, written), [line for line in written.splitlines() if turns_up(marks, line)][:5]
    async with httpx.AsyncClient(base_url=server.base, headers=bearer(server.token("auditor")), timeout=60) as client:
        trail = await client.get("/AuditEvent/$export-trail")
        assert trail.status_code == 200
        secrets = spellings(SECRET) | watch.given
        for line in trail.text.splitlines():
            event = json.loads(line)
            assert not turns_up(secrets, line + _queries(event)), line
            assert not turns_up({PHI, WORD}, _words(event)), line
        for path in ("/metrics", "/health", "/ready", "/"):
            assert not turns_up(marks, (await client.get(f"{server.root}{path}")).text), path


def keys(server: LiveServer) -> set[str]:
    """What is in the files of the data folder that hold keys, line by line."""
    lines = [line for name in ("master.key", "signing-key.pem") for line in (server.data / name).read_text().splitlines()]
    return {line for line in lines if not line.startswith("-----")}


def _queries(event: dict[str, Any]) -> str:
    """As they were asked: they name patients, and are for auditors."""
    return " ".join(base64.b64decode(entity["query"]).decode() for entity in event["entity"] if "query" in entity)


def _words(event: dict[str, Any]) -> str:
    """What an event says besides who did what to which record, what was asked, and the reason that somebody typed to break the glass."""
    told = {name: value for name, value in event.items() if name not in {"agent", "entity", "id"}}
    entities = [
        {name: value for name, value in entity.items() if name not in {"what", "query"}}
        for entity in event["entity"]
        if entity.get("type", {}).get("code") != "break-glass-reason"
    ]
    return json.dumps([told, entities])


async def test_every_fhir_address_operation_and_header(server: LiveServer, app: House) -> None:
    watch = Watch()
    asks = [*fhir_asks(app.services.operations)]
    async with watch.client(server.base, **bearer(server.token("administrator", subject=f"user-{PHI}"))) as client:
        preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
        allowed = (await client.options("/Patient/x", headers=preflight)).headers["access-control-allow-headers"]
        asked = await put(client, [*asks, *header_asks(name.strip() for name in allowed.split(","))])
    async with watch.client(server.base) as nobody:
        await put(nobody, asks[::7])
    assert asked > 500
    assert {200, 201, 400, 401, 404, 405, 422} <= set(watch.statuses), watch.statuses
    await nothing_told(server, watch)


async def test_every_address_of_the_authorization_server_of_scim_and_beside_them(server: LiveServer) -> None:
    watch = Watch()
    async with watch.client(server.root) as nobody:
        await put(nobody, [*oauth_asks(), *plain_asks(), *scim_asks()])
    directory = server.token("administrator", scope="assent/users", subject=f"user-{PHI}")
    async with watch.client(server.root, **bearer(directory)) as client:
        await put(client, [*scim_asks(), *(ask for ask in oauth_asks() if "/oauth/" in f"/{ask.path}")])
    _bind_a_socket(server)
    assert {200, 201, 400, 401, 403, 404} <= set(watch.statuses), watch.statuses
    await nothing_told(server, watch)


def _bind_a_socket(server: LiveServer) -> None:
    """A websocket, and a token that is none: hung up on, with no word."""
    head = (
        f"GET /subscriptions?{PHI}={SECRET} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    sent = f"bind-with-token {SECRET}".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(head.encode())
        heard = wire.recv(65536)
        wire.sendall(b"\x81" + bytes([0x80 | len(sent)]) + bytes(4) + sent)  # a mask of zeros
        while piece := wire.recv(65536):
            heard += piece
    assert b" 101 " in heard
    assert not turns_up(MARKS, heard.decode("latin-1"))


async def test_what_goes_well(server: LiveServer) -> None:
    watch = Watch()
    await day.an_app_gets_tokens(server, watch)
    await day.somebody_has_a_second_factor(server, watch)
    await day.somebody_is_invited(server, watch)
    await day.a_document_is_linked(server, watch)
    assert len(watch.given) > 20
    await nothing_told(server, watch)


async def test_every_form_of_every_page(server: LiveServer) -> None:
    """As an administrator who is signed in: each page that is there, and what its forms send, with marks in what a person types."""
    watch = Watch()
    name = f"form-{PHI}".lower()
    id_ = await day.account(server, watch, name)
    sent = 0
    for route in OAUTH_ROUTES:
        if route.method != "GET" or not route.for_people or route.path.startswith("/oauth/"):
            continue
        visitor = day.Visitor(server, watch)
        page = await visitor.go(route.path, account=id_)
        if "/oauth/sign-in" in page.text:
            page = await visitor.sign_in(page, name)
        for target, held, buttons in day.forms(page.text):
            for button in buttons or [("do", "")]:
                typed = {
                    field: (PASSWORD if "pass" in field else f"{PHI} Müllér")
                    for field, value in held.items()
                    if value == ""
                }
                await visitor.http.post(target, data={**held, **typed, button[0]: button[1]})
                sent += 1
    assert sent > 8
    await nothing_told(server, watch)


def test_a_crash_writes_no_memory_to_the_disk(server: LiveServer) -> None:
    assert resource.prlimit(server.pid, resource.RLIMIT_CORE)[0] == 0


def test_what_is_looked_for_is_found() -> None:
    """The watch itself: a mark in each place where it looks."""
    packed = base64.b64encode(f"app:{SECRET}".encode()).decode()
    assert turns_up(spellings(SECRET), f"Basic {packed}")
    watch = Watch()
    request = httpx.Request("GET", "https://x/")
    outcome = {"resourceType": "Bundle", "entry": [{"response": {"outcome": _outcome(PHI)}}]}
    told = [
        httpx.Response(404, json=_outcome(PHI), headers={"Content-Type": "application/fhir+json"}),
        httpx.Response(200, json=outcome, headers={"Content-Type": "application/fhir+json"}),
        httpx.Response(400, json={"error_description": SECRET}),
        httpx.Response(400, html=f'<p role="alert">{PHI}</p>'),
        httpx.Response(303, headers={"Location": f"https://app.example/?error={PHI}"}),
        httpx.Response(401, headers={"WWW-Authenticate": f'Bearer error="{SECRET}"'}),
        httpx.Response(500),
    ]
    for number, answer in enumerate(told, 1):
        answer.request = request
        asyncio.run(watch(answer))
        assert len(watch.faults) == number


def _outcome(text: str) -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "invalid", "details": {"text": text}}],
    }
