"""Logs: one JSON object a line, and nothing of a patient in it, whoever logs and whatever they hand over."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.logs import FIELDS, EventLog, LibraryLogs, places, request_id

SECRETS = ("Villanueva", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "1961-03-04", "name=Villanueva", "SSN 123-45-6789")


def new_log(level: str = "info") -> tuple[EventLog, list[bytes]]:
    lines: list[bytes] = []
    return EventLog(lines.append, level, clock=lambda: 1_800_000_000.25), lines


def only(lines: list[bytes]) -> dict[str, Any]:
    assert len(lines) == 1
    assert lines[0].endswith(b"\n")
    assert lines[0].count(b"\n") == 1
    parsed: dict[str, Any] = json.loads(lines[0])
    return parsed


def test_a_request_is_one_line() -> None:
    log, lines = new_log()
    log.event(
        "info",
        "request",
        request_id="abc-1",
        method="GET",
        route="/t/{tenant}/fhir/{type}/{id}/$preview-risk",
        status=200,
        duration_ms=1.23456,
        tenant="default",
        code=None,
    )
    assert only(lines) == {
        "time": "2027-01-15T08:00:00.250+00:00",
        "level": "info",
        "event": "request",
        "request_id": "abc-1",
        "method": "GET",
        "route": "/t/{tenant}/fhir/{type}/{id}/$preview-risk",
        "status": 200,
        "duration_ms": 1.235,
        "tenant": "default",
    }


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lower_levels_are_left_out(level: str, written: int) -> None:
    log, lines = new_log(level)
    for each in ("debug", "info", "warning", "error"):
        log.event(each, "something")
    assert len(lines) == written


def test_what_is_not_on_the_list_is_not_written() -> None:
    log, lines = new_log()
    log.event(
        "info", "request", url="/fhir/Patient?name=Villanueva", query="name=Villanueva", body="Villanueva", patient="1"
    )
    assert set(only(lines)) == {"time", "level", "event"}


@pytest.mark.parametrize(
    "value", ["/fhir/Patient?name=Villanueva", "Maria Villanueva", "a\nb", "Ä", "x" * 121, "a=b", "a&b", "\x1b[31m", '"']
)
def test_texts_of_other_than_harmless_characters_are_withheld(value: str) -> None:
    log, lines = new_log()
    log.event("info", "request", **dict.fromkeys(FIELDS - {"where"}, value))
    assert {field: text for field, text in only(lines).items() if field in FIELDS} == dict.fromkeys(
        FIELDS - {"where"}, "withheld"
    )


def test_of_an_exception_only_its_type_and_places_are_written() -> None:
    log, lines = new_log()

    def handle(name: str) -> None:
        raise ValueError(f"no patient {name}")

    try:
        handle("Villanueva")
    except ValueError as error:
        log.failure("request failed", error, request_id="1")
    line = only(lines)
    assert line["exception"] == "ValueError"
    assert line["where"].startswith(f"{__name__}:")
    assert "handle" in line["where"]
    assert b"Villanueva" not in lines[0]


def test_a_very_deep_exception_is_cut_off() -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError
        deeper(depth - 1)

    with pytest.raises(ValueError) as caught:
        deeper(200)
    assert places(caught.value).count("<") < 20


def library_line(record: logging.LogRecord, level: str = "debug") -> bytes:
    log, lines = new_log(level)
    LibraryLogs(log).handle(record)
    assert len(lines) == 1
    return lines[0]


def record(message: object, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("uvicorn.error", logging.ERROR, "file.py", 1, message, args, exc_info)


def test_known_words_of_a_library_are_passed_on() -> None:
    line = json.loads(library_line(record("Started server process [%d]", 4711)))
    assert (line["event"], line["logger"], line["level"]) == ("Started server process", "uvicorn.error", "error")


@pytest.mark.parametrize("secret", SECRETS)
def test_other_words_of_a_library_are_not(secret: str) -> None:
    error = ValueError(secret)
    for each in (
        record(secret),
        record(f"Traceback (most recent call last):\n ValueError: {secret}"),
        record("no such patient: %s", secret),
        record(error),
        record("Exception in ASGI application\n", error=error),
        record("Started server process [%d]", secret),
    ):
        assert secret.encode() not in library_line(each)


def test_an_exception_in_the_application_shows_where_it_happened() -> None:
    try:
        raise KeyError("Villanueva")
    except KeyError as error:
        line = library_line(record("Exception in ASGI application\n", error=error))
    assert json.loads(line)["exception"] == "KeyError"
    assert __name__ in json.loads(line)["where"]
    assert b"Villanueva" not in line


@given(st.text(), st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text() | st.integers() | st.floats() | st.booleans()))
def test_whatever_is_logged_is_one_line_of_json_with_harmless_texts(event: str, fields: dict[str, Any]) -> None:
    log, lines = new_log()
    log.event("info", event, **fields)
    for text in only(lines).values():
        if isinstance(text, str):
            assert not set(text) & set('?&=@"\\\n\r')


@pytest.mark.parametrize("given_id", [b"a", b"7f3c-22.B_x", b"x" * 64])
def test_a_harmless_request_id_is_kept(given_id: bytes) -> None:
    assert request_id(given_id) == given_id.decode()


@pytest.mark.parametrize(
    "given_id", [None, b"", b"x" * 65, b"a b", b"a\nb", b"a\r\nX-Evil: 1", b"<script>", b"\xc3\xa9", b"a=b", b"../x/.."]
)
def test_any_other_request_id_is_replaced_by_a_new_one(given_id: bytes | None) -> None:
    made = {request_id(given_id) for _ in range(10)}
    assert len(made) == 10
    assert all(len(each) == 16 and each.isalnum() for each in made)


def test_the_servers_log_takes_over_what_libraries_log() -> None:
    script = (
        "import logging; from server.logs import stderr_log; log = stderr_log('info'); log.event('info', 'ready');"
        "logging.getLogger('httpx').info('HTTP Request: GET http://payer/?member=Villanueva');"
        "logging.getLogger('asyncio').error('Task exception was never retrieved', exc_info=ValueError('Villanueva'))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["ready", "library message", "library message"]
    assert lines[2]["exception"] == "ValueError"
    assert b"Villanueva" not in run.stderr + run.stdout


def test_a_log_that_was_closed_fails_nobody() -> None:
    script = (
        "import logging, sys; from server.logs import stderr_log; log = stderr_log('info'); sys.stderr.close();"
        "log.event('info', 'ready'); logging.getLogger('httpx').error('x'); print('on')"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"on\n"
