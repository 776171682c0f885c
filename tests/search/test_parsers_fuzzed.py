"""Every address, parameter, header and body of the interface, spoilt in many ways from a seed: an answer or a refusal, never a 500, in bounded time.

What is spoilt are the questions of the route table (tests/rest/test_rest_tenants_apart.py): a new route or operation is asked without a
word here. ASSENT_FUZZ is the number of requests, 2,500 if it is not set; ASSENT_EXPLORE=1 takes another seed each time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote

import pytest
from in_process import House
from oracle_house import Stored
from oracle_world import Maker

from server.search.registry import COMMON, offered_parameters
from server.search.results import RESULT_PARAMETERS

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from test_rest_tenants_apart import CASES, Ask, Known  # the folder of another area

REQUESTS: Final = int(os.environ.get("ASSENT_FUZZ", "2500"))
SLOW: Final = 30.0
"""Seconds that no request may take, even on a machine that has much else to do."""
TYPES: Final = ("Patient", "Observation", "Questionnaire", "Group", "Task", "AuditEvent", "Bundle")

DEEP: Final = 5000
NASTY: Final = (
    b"", b"\x00", b"%00", b"%", b"%zz", b"%ff%fe", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3\x28", b"%ED%A0%80", b"..", b"../../etc/passwd", b"%2e%2e%2f", b"//", b"\\", b"'", b"';--", b"\"",
    b"{$ne:null}", b"$where", b"${jndi:ldap://x}", b"<script>", b"a" * 5000, b"9" * 400, b"1e999", b"-1", b"NaN", b"null", b"true", b"*", b"|", b"||", b",", b"$", b":", b"(", b")", b"[", b"not ",
    "\u202e\u0000\U0001f600".encode(), b"(" * DEEP, b"not (" * 300, b"((a+)+)+$", b"(?=a)" * 200, b"a and " * 500, b",".join(b"x%d" % n for n in range(10_000)), b"ge9999-12-31T23:59:60.9999999999Z",
    b"patient." * 400, b"_has:Observation:patient:" * 300, b"\r\nX-Evil: 1", b"W/\"", b"W/\"99999999999999999999\"", b"Thu, 99 Foo 2026 99:99:99 GMT", b"text/html;q=zero", b"urn:uuid:", b"http://[",
)  # fmt: skip
HEADERS: Final = (
    "accept", "accept-encoding", "accept-language", "authorization", "content-encoding", "content-length", "content-type", "cookie", "host", "if-match", "if-modified-since", "if-none-exist",
    "if-none-match", "origin", "prefer", "range", "traceparent", "x-forwarded-for", "x-forwarded-proto", "x-provenance", "x-request-id", "x-forwarded-host", "transfer-encoding",
)  # fmt: skip
NAMES: Final = sorted(
    {
        *RESULT_PARAMETERS,
        *COMMON,
        "_query",
        "_type",
        "_since",
        "_at",
        "_async",
        *(name for type_ in TYPES for name in offered_parameters(type_)),
    }
)
MODIFIERS: Final = (
    b"",
    b"",
    b":exact",
    b":not",
    b":missing",
    b":in",
    b":above",
    b":of-type",
    b":identifier",
    b":Patient",
    b":iterate",
    b".name",
    b":Patient.name:contains",
    b"._has:Claim:patient:status",
    b":",
    b".",
)


class Spoiler:
    """Takes requests apart and puts them together wrongly."""

    def __init__(self, seed: object) -> None:
        self.random = Random(str(seed))

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def spoilt(self, ask: Ask) -> tuple[str, bytes, bytes, dict[str, bytes], bytes]:
        """(method, path, query, headers, body)."""
        path, _, query = ask.path.partition("?")
        body = b"" if ask.body is None else (ask.body if isinstance(ask.body, str) else json.dumps(ask.body)).encode()
        parts = [quote(path).encode(), query.encode(), body]
        headers = {name.lower(): value.encode() for name, value in ask.headers.items()}
        if body:
            headers.setdefault("content-type", b"application/fhir+json")
        for _ in range(self.pick((1, 1, 2, 3))):
            ways: tuple[Callable[[], None], ...] = (
                lambda: parts.__setitem__(0, self._path(parts[0])),
                lambda: parts.__setitem__(1, self._query(parts[1])),
                lambda: parts.__setitem__(1, self._query(parts[1])),
                lambda: parts.__setitem__(2, self._body(parts[2])),
                lambda: headers.__setitem__(self.pick(HEADERS), self.pick(NASTY)[:4000]),
            )
            self.pick(ways)()
        method = (
            ask.method
            if self.random.random() < 0.9
            else self.pick(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"))
        )
        return method, parts[0], parts[1], headers, parts[2]

    def _path(self, path: bytes) -> bytes:
        segments = path.split(b"/")
        segments[self.random.randrange(len(segments))] = self.pick(NASTY)[:3000]
        return b"/".join(segments) + self.pick((b"", b"", b"/", b"/$x", b"/_history/x"))

    def _query(self, query: bytes) -> bytes:
        name = self.pick(NAMES).encode() + self.pick(MODIFIERS) if self.random.random() < 0.8 else self.pick(NASTY)
        value = self.pick(NASTY)
        if self.random.random() < 0.7:
            value = quote(value).encode()
        pairs = [*query.split(b"&"), name + b"=" + value]
        return b"&".join(pairs * self.pick((1, 1, 1, 1, 40)))

    def _body(self, body: bytes) -> bytes:
        if not body or self.random.random() < 0.2:
            return self.pick(
                (
                    *NASTY,
                    b"[" * 100_000,
                    b'{"a":' * 100_000,
                    b'{"resourceType":"Bundle","type":"batch","entry":[' + b"{}," * 20_000 + b"{}]}",
                )
            )
        at = self.random.randrange(len(body))
        cut = self.pick((0, 1, 5, len(body)))
        return body[:at] + self.pick(NASTY) + body[at + cut :]


def _questions(house: House) -> list[Ask]:
    ids = {type_: ["0", "missing"] for type_ in TYPES}
    known = Known(ids, ["missing"], tuple(sorted(house.services.operations)), TYPES)
    return [ask for case in CASES.values() for ask in case(known)]


async def _call(
    house: House, token: str, method: str, path: bytes, query: bytes, headers: dict[str, bytes], body: bytes
) -> tuple[int, bytes]:
    given = {"authorization": f"Bearer {token}".encode(), **headers}
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query, "client": ("10.0.0.1", 1),
        "headers": [(name.encode(), value) for name, value in given.items()],
    }  # fmt: skip
    waiting = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def send(message: Any) -> None:
        sent.append(message)

    await house.application(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.slow
async def test_nothing_spoilt_breaks_the_server(app: House) -> None:
    stored = Stored(app, "fuzzed")
    await stored.fill(Maker(7, stored.base, 5).world())
    seed = os.urandom(8).hex() if "ASSENT_EXPLORE" in os.environ else "steady"
    spoiler, asks, token = Spoiler(seed), _questions(app), app.token(tenant="fuzzed")
    for number in range(REQUESTS):
        method, path, query, headers, body = spoiler.spoilt(spoiler.pick(asks))
        began = perf_counter()
        status, answer = await _call(app, token, method, stored.path.encode() + b"/" + path, query, headers, body)
        told = f"seed {seed}, request {number}: {method} {path[:200]!r} ? {query[:300]!r} {headers} {body[:200]!r}: {status} {answer[:300]!r}"
        assert status < 500, told
        assert perf_counter() - began < SLOW, told
        if status >= 400 and answer:
            assert b"OperationOutcome" in answer or b"error" in answer, told
    status, answer = await stored.call("GET", f"{stored.path}/Patient?_count=1")
    assert status == 200


async def test_a_cursor_that_was_touched_or_passed_on_is_refused(app: House) -> None:
    stored = Stored(app, "cursors")
    await stored.fill(Maker(7, stored.base, 6).world())
    random = Random("cursors")
    for query in ("_count=2", "_count=2&_sort=name", "_count=2&_sort=-_lastUpdated,name"):
        _, answer = await stored.call("GET", f"{stored.path}/Patient?{query}")
        cursor = next(link["url"] for link in json.loads(answer)["link"] if link["relation"] == "next").partition(
            "_cursor="
        )[2]
        touched = [cursor[:-1], cursor + "A", cursor[::-1], "", "last%00", cursor.swapcase()]
        for _ in range(40):
            at = random.randrange(len(cursor) - 2)  # the last letters may hold bits that say nothing
            touched.append(cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :])
        address = f"{stored.path}/Patient?{query}&_cursor="
        assert (await stored.call("GET", address + cursor))[0] == 200
        for text in touched:
            status, body = await stored.call("GET", address + text)
            assert (status, b"bad-cursor" in body) == (400, True), (text, body)
        for elsewhere in (f"Patient?{query}&active=true", f"Observation?{query}", f"Patient?{query.replace('2', '3')}"):
            status, body = await stored.call("GET", f"{stored.path}/{elsewhere}&_cursor={cursor}")
            assert (status, b"bad-cursor" in body or b"unknown-parameter" in body) == (400, True), elsewhere
        for token in (app.token(tenant="cursors", subject="another"), app.token("doctor", tenant="cursors")):
            status, body = await _call(
                app, token, "GET", f"{stored.path}/Patient".encode(), f"{query}&_cursor={cursor}".encode(), {}, b""
            )
            assert (status, b"bad-cursor" in body) == (400, True), body
