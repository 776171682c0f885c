"""The rows of the matrix (matrix_rows.py), exports and reused cursors, each asked and held against the naive model."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import httpx
from matrix_rows import DIFF, ROWS, TAGS, Names, Row, entries, exported
from matrix_tenant import Ask, World, next_of
from matrix_world import BY_NAME, SCOPES, Caller

LATER: Final = {"Prefer": "respond-async"}
LEVELS: Final = ("", "Patient/", "Group/both/")
CURSORS: Final = (
    "Observation?_count=2",
    "Observation?_count=3&_sort=-_id",
    "Patient/p1/$everything?_count=3",
    "Condition?_count=1&_sort=recorded-date,_id",
    "?_type=Observation,Task&_count=4",
    "Patient/$everything?_count=8",
    "Observation/_history?_count=2",
)
"""Questions whose answers have a second page."""


def shown(answers: list[httpx.Response]) -> Names:
    """What is in an answer and its pages, but for consents, which the model does not list."""
    found = {name for answer in answers if answer.is_success for name in entries(answer.json())}
    return {name for name in found if not name.startswith("Consent/")}


def _hold(caller: Caller, question: str, answer: httpx.Response, seen: Names, expected: Names) -> None:
    assert answer.is_success or answer.status_code in (403, 404), f"{caller}: {question}: {answer.text}"
    assert seen == expected, f"{caller}: {question}: {answer.status_code}: {sorted(seen ^ expected)}"


async def hold_rows(world: World, caller: Caller, number: int) -> int:
    """How many questions were asked."""
    for row in ROWS:
        answers = await world.ask(_ask(row), pages=60)
        _hold(caller, row.path, answers[0], shown(answers), row.shows(caller))
        told = answers[0].json().get("total")  # of matches alone
        assert told is None or "clude=" in row.path or told == len(row.shows(caller)), f"{caller}: {row.path}: {told}"
    (tags,) = await world.ask(_ask(TAGS))
    codes = {f"Observation/{each['code']}" for each in _tags(tags.json())}
    _hold(caller, TAGS.path, tags, codes, TAGS.shows(caller))
    (diff,) = await world.ask(_ask(DIFF))
    _hold(
        caller,
        DIFF.path,
        diff,
        {"Observation/lab-p1", "Observation/lab-p2"} if diff.is_success else set(),
        DIFF.shows(caller),
    )
    return len(ROWS) + 2 + await _hold_export(world, caller, LEVELS[number % len(LEVELS)])


def _ask(row: Row) -> Ask:
    return Ask("GET" if row.body is None else "POST", row.path, row.body)


def _tags(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    metas = [each["valueMeta"] for each in parameters.get("parameter", ()) if "valueMeta" in each]
    return [tag for meta in metas for tag in meta.get("tag", ()) if tag.get("system") == "urn:matrix"]


async def _hold_export(world: World, caller: Caller, level: str) -> int:
    """All files of an export hold what the caller may read; nobody else has them."""
    (answer,) = await world.ask(Ask("GET", f"{level}$export", headers=LATER))
    expected = exported(caller, level)
    if expected is None or (not expected and answer.status_code == 403):
        assert answer.status_code in (403, 404), f"{caller}: {level}$export: {answer.status_code} {answer.text}"
        return 1
    assert answer.status_code == 202, f"{caller}: {level}$export: {answer.text}"
    address = answer.headers["Content-Location"]
    status = await _finished(world, address)
    assert status.status_code == 200, f"{caller}: {level}$export: {status.text}"
    files = [each["url"] for each in status.json()["output"]]
    lines = [line for url in files for line in (await world.follow(url)).text.splitlines()]
    found = {f"{each['resourceType']}/{each['id']}" for each in map(json.loads, lines)}
    assert {name for name in found if not name.startswith("Consent/")} == expected, f"{caller}: {level}$export"
    other = World(world.house, world.tenant, caller, world.known, subject="another")
    if caller.role != "administrator":
        assert [(await other.follow(url)).status_code for url in (address, *files)] == [404] * (1 + len(files)), caller
    return 2 + len(files)


async def _finished(world: World, address: str) -> httpx.Response:
    for _ in range(6000):
        answer = await world.follow(address)
        if answer.status_code != 202:
            return answer
        await asyncio.sleep(0.01)
    raise AssertionError(f"the export is never done: {answer.headers.get('X-Progress')}")


async def hold_cursors(world: World, elsewhere: World, caller: Caller, number: int) -> list[int]:
    """A wide token's next page, asked for again; the statuses of what the same user got with the token at hand.

    Another user and another tenant get no page of it; the same user with a narrower token what lies behind it, and is theirs.
    """
    widest = Caller("administrator", SCOPES[0], None, caller.said)
    wide = World(world.house, world.tenant, widest, world.known)
    statuses: list[int] = []
    if caller.role == "patient" and caller.said.hides_any:
        return []  # they see what is hidden from the wide one, and so does not lie on its pages
    for path in (CURSORS[number % len(CURSORS)], CURSORS[(number + 3) % len(CURSORS)]):
        pages = await wide.ask(Ask("GET", path), pages=40)
        address = next_of(pages[0])
        if not address:
            continue
        other = World(world.house, world.tenant, caller, world.known, subject="another")
        for place in (other, elsewhere):
            answer = await place.follow(address)
            assert answer.status_code in (400, 403, 404), f"{caller}: {path}: {answer.status_code}"
            assert "entry" not in answer.json(), f"{caller}: {path}"
        answer = await world.follow(address)
        statuses.append(answer.status_code)
        assert answer.status_code in (200, 400, 403, 404), f"{caller}: {path}: {answer.status_code}"
        behind = {name for page in pages[1:] for name in shown([page])}
        theirs = {name for name in behind if _seen(caller, name)}
        assert shown([answer]) <= theirs, f"{caller}: {path}"
        if answer.status_code == 200:
            rest = await _rest(world, answer)
            assert rest == theirs, f"{caller}: {path}: {sorted(rest ^ theirs)}"
    return statuses


async def _rest(world: World, answer: httpx.Response) -> Names:
    found = shown([answer])
    while address := next_of(answer):
        answer = await world.follow(address)
        found |= shown([answer])
    return found


def _seen(caller: Caller, name: str) -> bool:
    return caller.reaches_by("s", BY_NAME[name]) or caller.reaches_by("r", BY_NAME[name])
