"""`assent user` and `assent client` beside a running server, and a whole sign-in over real HTTP with what they made."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import LiveServer
from program import ROOT, UNSET, assent, refused
from workers import eventually

from server.cli import main

sys.path.append(str(Path(__file__).parents[1] / "oauth"))
from oauth_app import App, Browser, sent_to  # the folder of another area

PASSWORD = "four grey geese asleep"


class Street:
    """A running program, as `oauth_app` wants it."""

    def __init__(self, server: LiveServer) -> None:
        self.root = server.root
        self.base = server.base

    def client(self, role: str | None = None) -> httpx.AsyncClient:
        assert role is None
        return httpx.AsyncClient(base_url=self.base, timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("accounts") / "data", ASSENT_SAMPLE="0")
    server.start()
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Alder"}]}
    server.client().put("/Patient/p1", json=patient).raise_for_status()
    yield server
    server.stop()


def with_password(server: LiveServer, password: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        cwd=ROOT, env={**UNSET, "ASSENT_DATA": str(server.data)}, input=password + "\n", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
def test_accounts_and_clients_live_and_end_while_the_server_runs(server: LiveServer) -> None:
    added = with_password(server, PASSWORD, "user", "add", "Nell", "--role", "doctor", "--fhir-user", "Practitioner/nell")
    assert (added.returncode, added.stderr) == (0, "")
    assert PASSWORD not in added.stdout
    made = assent(
        "client", "add", "tablet", "--kind", "public", "--redirect-uri", "https://app.example/callback", data=server.data
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert assent("user", "list", data=server.data).stdout == "nell doctor Practitioner/nell\n"
    assert assent("client", "list", data=server.data).stdout == "tablet none authorization_code,refresh_token tablet\n"
    app = App(Street(server), "tablet")

    async def tokens(password: str) -> dict[str, str]:
        browser = Browser(app.house, app.house.client(None))
        page = await browser.go(f"{app.issuer}/oauth/authorize", **app.request())
        page = await browser.sign_in(page, "nell", password)
        page = await browser.allow(await browser.choose(page, "p1"))
        answer = await app.redeem(sent_to(page)["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def status(token: str) -> int:
        return httpx.get(f"{server.base}/Patient/p1", headers={"Authorization": f"Bearer {token}"}).status_code

    first = asyncio.run(tokens(PASSWORD))
    assert status(first["access_token"]) == 200
    changed = assent("user", "passwd", "nell", "--generate", data=server.data)
    assert changed.returncode == 0
    password = changed.stdout.split()[-1]
    eventually(lambda: status(first["access_token"]) == 401, "the server knows of the new password")
    changed_in = int(time.time())
    eventually(lambda: time.time() > changed_in + 1, "the second is over; tokens name the second in which they were issued")
    second = asyncio.run(tokens(password))
    assert status(second["access_token"]) == 200
    assert assent("client", "remove", "tablet", data=server.data).returncode == 0
    eventually(lambda: status(second["access_token"]) == 401, "the server knows that the client is gone")
    assert assent("user", "deactivate", "nell", data=server.data).returncode == 0
    assert assent("user", "list", data=server.data).stdout == "nell doctor Practitioner/nell deactivated\n"
    refused(assent("user", "deactivate", "nobody", data=server.data), "no account")
    refused(assent("client", "remove", "tablet", data=server.data), "no client")


@pytest.mark.parametrize(
    ("password", "arguments", "words"),
    [
        ("short", ["user", "add", "ann", "--role", "staff"], "15 characters"),
        (PASSWORD, ["user", "add", "a b", "--role", "staff"], "letters, digits"),
        (PASSWORD, ["user", "add", "ann", "--role", "boss"], "roles"),
        (PASSWORD, ["user", "add", "ann", "--role", "patient"], "whose"),
        (PASSWORD, ["user", "add", "ann", "--role", "staff", "--tenant", "nowhere"], "no tenant"),
        ("", ["client", "add", "x", "--kind", "public"], "redirect address"),
        ("", ["client", "add", "x", "--kind", "backend", "--scope", "system/*.rs"], "roles"),
        (
            "",
            ["client", "add", "x", "--kind", "keys", "--redirect-uri", "https://a.example/", "--jwks", "none.json"],
            "cannot be read",
        ),
        ("", ["client", "add", "x y", "--kind", "public", "--redirect-uri", "https://a.example/"], "client id"),
    ],
    ids=range(9),
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    password: str,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setenv("ASSENT_DATA", str(server.data))
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert len(said.err.splitlines()) == 1
