"""Rounds of many callers with one condition, of whom exactly one wins: what the tests of races play.

Without the keys of conditions and without turns (docs/decisions/0019-a-key-for-each-condition.md), each of twenty rounds of creates was
lost, on both stores. That fault does not touch patches and deletes, which versions guard; what they need was not measured.
ASSENT_RACES is the number of rounds; two hundred are played by hand:

    ASSENT_RACES=200 pytest tests/rest -k wins_in_every_round
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from rest_help import ids, patient
from two_engines import house_on

CALLERS = 64
ROUNDS: Final = int(os.environ.get("ASSENT_RACES", "20"))
LANES = 8


def numbered(value: str, **more: Any) -> dict[str, Any]:
    return patient(identifier=[{"system": "urn:mrn", "value": value}], **more)


def spellings(value: str) -> list[str]:
    """One condition, written in several ways."""
    return [
        f"identifier=urn:mrn|{value}&active=true", f"active=true&identifier=urn:mrn|{value}", f"?active=true&identifier=urn%3Amrn%7C{value}",
        f"identifier=urn:mrn|{value},urn:mrn|{value}&active=true",
    ]  # fmt: skip


async def together(calls: Sequence[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 204}, Counter(answer.text for answer in answers)
    return answers


Round = Callable[[httpx.AsyncClient, int], Awaitable[None]]


async def play(client: httpx.AsyncClient, rounds: int, one_round: Round) -> None:
    """All rounds, each with its own name, some of them at the same time."""
    numbers = iter(range(rounds))

    async def lane() -> None:
        for number in numbers:
            await one_round(client, number)

    await asyncio.gather(*[lane() for _ in range(LANES)])


async def create_round(client: httpx.AsyncClient, number: int) -> None:
    texts = spellings(str(number))
    body = numbered(str(number), active=True)
    answers = await together(
        [
            client.post("/Patient", json=body, headers={"If-None-Exist": texts[caller % len(texts)]})
            for caller in range(CALLERS)
        ]
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(ids(await client.get(f"/Patient?identifier=urn:mrn|{number}"))) == 1


async def patch(client: httpx.AsyncClient, address: str, *operations: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json-patch+json"}
    return await client.patch(address, content=json.dumps(operations), headers=headers)


async def patch_round(client: httpx.AsyncClient, number: int) -> None:
    """Whoever finds the flag down puts it up: by criteria in several spellings, and by id."""
    made = await client.post("/Patient", json=numbered(f"f{number}", active=True, multipleBirthInteger=0))
    addresses = [f"/Patient?{text.removeprefix('?')}" for text in spellings(f"f{number}")] + [
        f"/Patient/{made.json()['id']}"
    ]
    flag = "/multipleBirthInteger"
    steps = [{"op": "test", "path": flag, "value": 0}, {"op": "replace", "path": flag, "value": 1}]
    answers = await asyncio.gather(*[patch(client, addresses[n % len(addresses)], *steps) for n in range(CALLERS)])
    assert Counter(answer.status_code for answer in answers) == {200: 1, 422: CALLERS - 1}, answers[0].text
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    assert winner.headers["etag"] == 'W/"2"'
    assert (await client.get(addresses[-1])).headers["etag"] == 'W/"2"'


async def delete_round(client: httpx.AsyncClient, number: int) -> None:
    made = await client.post("/Patient", json=numbered(f"d{number}", active=True))
    texts = spellings(f"d{number}")
    answers = await together([client.delete(f"/Patient?{texts[n % len(texts)].removeprefix('?')}") for n in range(CALLERS)])
    assert Counter("etag" in answer.headers for answer in answers) == {True: 1, False: CALLERS - 1}
    history = (await client.get(f"/Patient/{made.json()['id']}/_history")).json()["entry"]
    assert [item["request"]["method"] for item in history] == ["DELETE", "POST"]


async def play_on(engine: str, data: Path, one_round: Round) -> None:
    """All rounds on a store of their own."""
    async with house_on(engine, data) as house, house.client() as client:
        await play(client, ROUNDS, one_round)
