"""An application on either store whose audit trail a test can reach behind the server's back."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import apsw
import httpx
from in_process import House
from pymongo import MongoClient

sys.path.append(str(Path(__file__).parents[1] / "rest"))
from two_engines import house_on  # the folder of another area

from server.audit.keeper import AuditKeeper
from server.audit.retention import Retention
from server.store.mongo.mongo_store import MongoStore


@dataclass(frozen=True)
class Row:
    """A batch as it lies in the database."""

    seq: int
    tenant: int
    count: int
    chain: bytes
    body: bytes


class Rows(Protocol):
    """The audit rows of a store, read and written past the program."""

    def read(self) -> list[Row]: ...

    def write(self, rows: list[Row]) -> None:
        """These are all the rows from now on."""


class SqliteRows:
    def __init__(self, data: Path) -> None:
        self._path = str(data / "assent.db")

    def read(self) -> list[Row]:
        with closing(apsw.Connection(self._path)) as connection:
            connection.set_busy_timeout(5000)
            return [
                Row(*row) for row in connection.execute("SELECT seq, tenant, count, chain, body FROM audit ORDER BY seq")
            ]

    def write(self, rows: list[Row]) -> None:
        with closing(apsw.Connection(self._path)) as connection:
            connection.set_busy_timeout(5000)
            with connection:
                connection.execute("DELETE FROM audit")
                values = [(row.seq, row.tenant, row.count, row.chain, row.body) for row in rows]
                connection.executemany("INSERT INTO audit (seq, tenant, count, chain, body) VALUES (?, ?, ?, ?, ?)", values)


class MongoRows:
    def __init__(self, store: str) -> None:
        self._store = store

    def read(self) -> list[Row]:
        with MongoClient[dict[str, Any]](self._store) as client:
            found = client.get_default_database()["audit"].find(sort=[("_id", 1)])
            return [Row(int(row["_id"]), row["n"], row["count"], row["chain"], row["b"]) for row in found]

    def write(self, rows: list[Row]) -> None:
        with MongoClient[dict[str, Any]](self._store) as client:
            audit = client.get_default_database()["audit"]
            audit.delete_many({})
            audit.insert_many(
                {"_id": row.seq, "n": row.tenant, "count": row.count, "chain": row.chain, "b": row.body, "w": b""}
                for row in rows
            )


@dataclass(frozen=True)
class Audited:
    """`change` hands all rows to a function and puts what it gives back in their place."""

    house: House
    rows: Rows

    def change(self, how: Callable[[list[Row]], list[Row]]) -> None:
        self.rows.write(how(self.rows.read()))
        store = self.house.services.store
        if isinstance(store, MongoStore):  # what the server remembers of the end is not what this is about
            store._group._transactions._chain.forget()

    def keeper(self, days: int = 0) -> AuditKeeper:
        services = self.house.services
        return AuditKeeper(services.proof, services.keyring, self.retention(days), services.now, services.log)

    def retention(self, days: int = 0) -> Retention:
        services = self.house.services
        return Retention(services.proof, services.audit, days, services.now, services.new_id)

    async def verify(self, role: str = "auditor", **query: str) -> dict[str, Any]:
        async with self.house.client(role) as client:
            answer = await client.get("/AuditEvent/$verify", params=query)
        assert answer.status_code == 200, answer.text
        return flat(answer)


def flat(answer: httpx.Response) -> dict[str, Any]:
    """A Parameters resource by name; parts by name as well, what repeats as a list."""
    return _flat(answer.json()["parameter"])


def _flat(parts: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        value = _flat(part["part"]) if "part" in part else next(v for k, v in part.items() if k.startswith("value"))
        if part["name"] in found:
            before = found[part["name"]]
            found[part["name"]] = [*(before if isinstance(before, list) else [before]), value]
        else:
            found[part["name"]] = value
    return found


@asynccontextmanager
async def audited_on(engine: str, data: Path) -> AsyncIterator[Audited]:
    async with house_on(engine, data) as house:
        settings = house.services.settings
        rows = SqliteRows(data) if engine == "sqlite" else MongoRows(settings.store)
        yield Audited(house, rows)
