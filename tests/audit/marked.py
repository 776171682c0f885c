"""Marks in all that must not come out, and somebody who looks at every answer for them: `Watch`.

Two kinds: `PHI` stands in names, identifiers, ids and texts; the audit trail names records and keeps queries as they were asked, but no log
line, error text or redirect has any of it. `SECRET` stands in passwords, tokens and codes that are sent, and what the server itself gives out
as one is collected from its answers: none of that is in the audit trail either.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

PHI: Final = "Qzx7pw"
SECRET: Final = "Zk9wvBx4Tq7"
WORD: Final = "Wjq5k"
PASSWORD: Final = f"{SECRET} brown otters swim"

_SECRET_MEMBER: Final = re.compile(r"(_token|_secret|token|secret|launch|password|code_verifier)$")
_ADDRESS_MEMBERS: Final = frozenset({"code"})
_TOLD: Final = frozenset({"details", "diagnostics"})
_SHORTEST: Final = 12
"""Characters of what is collected: a shorter text may stand anywhere by chance."""


def spellings(text: str) -> set[str]:
    """The text as it may turn up: as it is, percent-encoded, in base64 at any place."""
    found = {text, quote(text), quote(text, safe="")}
    for before in range(3):
        packed = base64.b64encode(b"\0" * before + text.encode()).decode()
        found.add(packed[-(-before * 8 // 6) : (before + len(text.encode())) * 8 // 6])
    return found


def turns_up(marks: set[str], text: str) -> list[str]:
    """Which of the marks are in the text, in any case of letters."""
    lowered = text.lower()
    return sorted(mark for mark in marks if mark.lower() in lowered)


MARKS: Final = spellings(SECRET) | {PHI, quote(f"{PHI}-Müllér")}


@dataclass
class Watch:
    """An event hook of clients. `faults`: what was told where it should not be; `given`: secrets that the server gave out."""

    faults: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    async def __call__(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.statuses[answer.status_code] += 1
        self._collect(answer)
        where = f"{answer.request.method} {answer.request.url} {answer.status_code}"
        if answer.status_code >= 500 and answer.status_code != 501:
            self.faults.append(f"{where}: {answer.text[:300]}")
        for text in (*_headers(answer), *_error_texts(answer)):
            if found := turns_up(MARKS | self.given, text):
                self.faults.append(f"{where}: {found} in {text[:300]}")

    def client(self, root: str, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=root, headers=headers, timeout=60, event_hooks={"response": [self]})

    def _collect(self, answer: httpx.Response) -> None:
        self._keep(value for name, value in answer.cookies.items())
        self._keep(value for name, value in _query(answer) if name in _ADDRESS_MEMBERS)
        self._keep(re.findall(r'name="(?:flow|form|then)" value="([^"]+)"', answer.text))
        self._keep(re.findall(r"[?&]link=([\w.-]+)|/documents/([\w-]+)", answer.text))
        if "json" in answer.headers.get("content-type", ""):
            self._keep(_secrets_in(answer.json() if answer.content else None))

    def _keep(self, values: Any) -> None:
        flat = (part for value in values for part in ((value,) if isinstance(value, str) else value))
        self.given.update(value for value in flat if len(value) >= _SHORTEST)


def _query(answer: httpx.Response) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(answer.headers.get("location", "")).query)


def _headers(answer: httpx.Response) -> Iterator[str]:
    """What must not hold a mark: all headers but the place of what was just made; of a redirect what the app did not give itself."""
    for name, value in answer.headers.multi_items():
        if name == "location" and 300 <= answer.status_code < 400:
            yield value.partition("?")[0]
            yield from (given for key, given in _query(answer) if key not in {"state", "code", "flow"})
        elif name not in {"location", "content-location", "set-cookie", "x-security-context"}:
            yield value


def _error_texts(answer: httpx.Response) -> Iterator[str]:
    kind = answer.headers.get("content-type", "")
    if "fhir+json" in kind and answer.content:
        yield from _outcomes(answer.json())
    elif answer.status_code >= 400 and "html" in kind:
        yield from re.findall(r'role="alert"[^>]*>(.*?)</', answer.text, re.DOTALL)
        yield from re.findall(r"<(?:title|h1)>(.*?)</", answer.text, re.DOTALL)
    elif answer.status_code >= 400:
        yield answer.text


def _outcomes(value: Any) -> Iterator[str]:
    """The words of every OperationOutcome in an answer, those within a Bundle too."""
    if isinstance(value, list):
        for each in value:
            yield from _outcomes(each)
    elif isinstance(value, dict):
        if value.get("resourceType") == "OperationOutcome":
            yield from (str(issue.get(member, "")) for issue in value.get("issue", ()) for member in _TOLD)
        for member in value.values():
            yield from _outcomes(member)


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _secrets_in(each)
    elif isinstance(value, dict):
        if _SECRET_MEMBER.search(str(value.get("name", ""))) and isinstance(value.get("valueString"), str):
            yield value["valueString"]
        for name, member in value.items():
            if isinstance(member, str) and _SECRET_MEMBER.search(name):
                yield member
            yield from _secrets_in(member)
