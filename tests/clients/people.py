"""Who signs in where real clients are tried, and which apps are known: made with `assent`, beside the running server."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from live_server import LiveServer
from program import assent

sys.path.append(str(Path(__file__).parents[1] / "oauth"))
from oauth_app import Browser  # the folder of another area

PATIENT = "p01"


@dataclass(frozen=True)
class Place:
    """A running server, and a person who may sign in there."""

    server: LiveServer
    password: str
    person: str

    @property
    def root(self) -> str:
        return self.server.root

    def oauth(self, name: str) -> str:
        return f"{self.root}/oauth/{name}"

    async def walk(self, address: str) -> str:
        """A person's way from an app's address through our pages; where their browser is sent at the end."""
        async with httpx.AsyncClient(timeout=60) as http:
            browser = Browser(self, http)
            page = await browser.sign_in(await browser.go(address), self.person, self.password)
            page = await browser.allow(await browser.choose(page, PATIENT))
            assert page.answer.status_code == 303, page.text
            return str(page.answer.headers["location"])


def make_person(server: LiveServer, name: str) -> str:
    """A doctor with a record of their own; their password."""
    made = assent("user", "add", name, "--role", "doctor", "--fhir-user", doctor(server), "--generate", data=server.data)
    assert made.returncode == 0, made.stderr
    match = re.search(r"([a-z0-9-]{15,})\s*$", made.stdout.strip())
    assert match is not None, made.stdout
    return match[1]


def doctor(server: LiveServer) -> str:
    found = server.client("doctor").get("/Practitioner?_count=1").json()["entry"][0]["resource"]
    return f"Practitioner/{found['id']}"


def make_client(server: LiveServer, id_: str, kind: str, *arguments: str | Path) -> str:
    """What the command printed."""
    made = assent("client", "add", id_, "--kind", kind, *map(str, arguments), data=server.data)
    assert made.returncode == 0, made.stderr
    return made.stdout
