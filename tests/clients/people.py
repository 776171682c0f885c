"""Who signs in where real clients are tried, and which apps are known: made with `assent`, beside the running server."""

from __future__ import annotations

import re
from pathlib import Path

from live_server import LiveServer
from program import assent


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
