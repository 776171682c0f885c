"""Every request of every `.http` file in examples/, in order, against a live server; and the script of the README."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from http_file import Answer, Expectation, HttpRequest, body_of, read_http_file, replace_variables, unmet

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.http"))


class LiveServer(Protocol):
    """The fixture `live_server` of tests/conftest.py: a running server with the synthetic practice loaded."""

    base: str

    def token(self, role: str = ..., **kw: Any) -> str: ...


def send(client: httpx.Client, request: HttpRequest, replaced: Callable[[str], str]) -> Answer:
    headers = {name: replaced(value) for name, value in request.headers.items()}
    body = body_of(request, EXAMPLES, replaced)
    response = client.request(request.method, replaced(request.url), headers=headers, content=body)
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.text)


def with_values(request: HttpRequest, replaced: Callable[[str], str]) -> HttpRequest:
    """The request with variables in its expectations replaced as well."""

    def filled(one: Expectation) -> Expectation:
        return replace(one, value=replaced(one.value))

    return replace(request, expectations=tuple(filled(one) for one in request.expectations))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_request_keeps_its_promise(file: Path, live_server: LiveServer) -> None:
    variables, requests = read_http_file(file.read_text("utf-8"))
    variables |= {"base": live_server.base, "token": live_server.token(role="staff")}
    answers: dict[str, Answer] = {}
    faults = []
    with httpx.Client(timeout=30) as client:
        for request in requests:
            answer = send(client, request, lambda text: replace_variables(text, variables, answers))
            if request.name:
                answers[request.name] = answer
            expected = with_values(request, lambda text: replace_variables(text, variables, answers))
            faults += [
                f"{file.name}:{request.line} {request.title}: {fault}\n    {answer.text[:400]}"
                for fault in unmet(expected, answer)
            ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_request_promises_a_status_and_names_what_is_there(file: Path) -> None:
    variables, requests = read_http_file(file.read_text("utf-8"))
    assert {"base", "token"} <= set(variables)
    assert requests
    for request in requests:
        assert request.status is not None, f"{file.name}:{request.line}"
        assert request.title, f"{file.name}:{request.line}"
        assert request.url.startswith("{{base}}"), f"{file.name}:{request.line}"
        if request.body and request.body.startswith("<"):
            assert (EXAMPLES / request.body[1:].strip()).is_file()


def test_every_body_is_used_by_a_request() -> None:
    used = {
        (EXAMPLES / request.body[1:].strip()).resolve()
        for file in FILES
        for request in read_http_file(file.read_text("utf-8"))[1]
        if request.body and request.body.startswith("<")
    }
    assert {body.resolve() for body in (EXAMPLES / "bodies").rglob("*.*")} == used


@pytest.mark.skipif(shutil.which("curl") is None, reason="the script needs curl, which is not installed here")
def test_the_script_of_the_readme_runs(live_server: LiveServer) -> None:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "ASSENT_URL": live_server.base,
        "TOKEN": live_server.token(role="staff"),
    }
    script = EXAMPLES / "first-prior-authorization.sh"
    run = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    for shown in ("RiskAssessment", "missing-document", "ClaimResponse", "A1", "AuditEvent"):
        assert shown in run.stdout
