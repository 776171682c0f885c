"""When the store cannot answer or the server fails: said as such, with what to do, and nothing of the inside shown."""

from __future__ import annotations

from typing import Any, get_args

import httpx
import pytest
from in_process import House
from rest_help import bundle, entry, ids, patient, refused

from profiles import json
from server.logs import EventLog
from server.rest.unavailable import Outage, unavailable
from server.store.sqlite.sqlite_store import SqliteStore
from server.store.store import StoreUnavailableError, Trouble
from server.store.trouble import in_words


def failing(error: Exception) -> Any:
    async def fail(*arguments: object, **options: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("method", ["read", "find", "commit", "history"])
async def test_a_store_that_is_away_is_told_with_when_to_come_back(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await client.put("/Patient/p", json=patient("p"))
    monkeypatch.setattr(app.services.store, method, failing(StoreUnavailableError("Villanueva")))
    answers = {
        "read": await client.get("/Patient/p"),
        "find": await client.get("/Patient"),
        "commit": await client.put("/Patient/p", json=patient("p")),
        "history": await client.get("/Patient/p/_history"),
    }
    refused(answers[method], 503, "unavailable")
    assert int(answers[method].headers["retry-after"]) > 0
    assert "Villanueva" not in answers[method].text
    assert b"store unavailable" in b"".join(app.log)
    assert b"Villanueva" not in b"".join(app.log)
    monkeypatch.undo()
    assert (await client.get("/Patient/p")).status_code == 200


async def test_without_a_trail_there_is_no_answer(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read whose audit record cannot be stored is not answered."""
    await client.put("/Patient/p", json=patient("p", name=[{"family": "Villanueva"}]))
    monkeypatch.setattr(app.services.store, "commit", failing(StoreUnavailableError("x")))
    for answer in (await client.get("/Patient/p"), await client.get("/Patient"), await client.get("/Patient/none")):
        refused(answer, 503, "unavailable")
        assert "Villanueva" not in answer.text


async def test_ready_says_when_the_store_takes_no_writes_and_health_does_not_care(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.services.store, "put_setting", failing(StoreUnavailableError("x")))
    ready = await client.get(f"{app.root}/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert (await client.get(f"{app.root}/health")).status_code == 200


async def test_a_fault_of_ours_is_told_by_its_request_id_only(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.services.store, "read", failing(RuntimeError("Villanueva, born 1970")))
    answer = await client.get("/Patient/p")
    refused(answer, 500, "internal")
    assert answer.headers["x-request-id"] in answer.text
    for text in ("Villanueva", "Traceback", "RuntimeError", ".py"):
        assert text not in answer.text
    log = b"".join(app.log)
    assert b"RuntimeError" in log
    assert answer.headers["x-request-id"].encode() in log
    assert b"Villanueva" not in log
    monkeypatch.undo()
    events = (await client.get("/AuditEvent?outcome=8")).json()["entry"]
    assert len(events) == 1


async def test_a_full_disk_refuses_writes_and_keeps_what_is_there(app: House, client: httpx.AsyncClient) -> None:
    await client.put("/Patient/p", json=patient("p"))
    store = app.services.store
    assert isinstance(store, SqliteStore)
    pages = store._files.writer.pragma("page_count")
    store._files.writer.pragma("max_page_count", pages + 4)
    answers = []
    for n in range(60):
        parts = [entry("PUT", f"Patient/x{n}-{m}", patient(f"x{n}-{m}", name=[{"text": str(n) * 50}])) for m in range(3)]
        answers.append(await client.post("", json=bundle("transaction", *parts)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 507}
    refused(next(answer for answer in answers if answer.status_code == 507), 507, "storage-full")
    assert (await client.get(f"{app.root}/health")).status_code == 200
    store._files.writer.pragma("max_page_count", 1_000_000)
    assert (await client.get("/Patient/p")).status_code == 200
    for n, code in enumerate(codes):
        found = ids(await client.get("/Patient", params={"_id": ",".join(f"x{n}-{m}" for m in range(3))}))
        assert len(found) == (3 if code == 200 else 0)
    assert (await client.put("/Patient/after", json=patient("after"))).status_code == 201


def test_an_outage_is_logged_at_its_begin_now_and_then_and_at_its_end() -> None:
    lines: list[bytes] = []
    log, now = EventLog(lines.append), [0.0]
    outage = Outage(lambda: now[0])
    outage.over(log)
    for second in range(25):
        now[0] = float(second)
        outage.met(log, StoreUnavailableError("Villanueva", "away"), "id")
        outage.over(log)
    told = [json.loads(line) for line in lines]
    assert [(line["event"], line["kind"], line["count"]) for line in told] == [
        ("store unavailable", "away", 1),
        ("store unavailable", "away", 10),
        ("store unavailable", "away", 10),
    ]
    now[0] = 40.0
    outage.over(log)
    outage.over(log)
    assert [json.loads(line)["event"] for line in lines[3:]] == ["store available again"]
    assert b"Villanueva" not in b"".join(lines)


@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_every_trouble_has_its_words_and_its_time(trouble: Trouble) -> None:
    answer = unavailable(StoreUnavailableError("Villanueva", trouble))
    assert answer.status == (507 if trouble == "full" else 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert b"Villanueva" not in answer.body
    assert in_words(StoreUnavailableError("Villanueva", trouble)).split()[0] in {"has", "is", "waits", "does"}
