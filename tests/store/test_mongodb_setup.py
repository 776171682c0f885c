"""What a MongoDB server must be: each that cannot be used is refused in one sentence, and what is missing is made and named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from mongod import Mongod, binary, mongodb_url, url_of
from pymongo.asynchronous.database import AsyncDatabase
from store_back_ends import seal_plainly

from server.store.mongo.connect import make_client, open_store
from server.store.mongo.schema import INDEXES, MongoSetupError


@pytest.fixture
def own_mongod() -> Iterator[list[Mongod]]:
    """Servers that the test starts; removed afterwards."""
    servers: list[Mongod] = []
    yield servers
    for server in servers:
        server.remove()


async def refused(url: str) -> str:
    with pytest.raises(MongoSetupError) as error:
        await open_store(url, seal_plainly)
    sentence = str(error.value)
    assert "secret" not in sentence
    assert sentence.endswith(".")
    return sentence


async def test_a_server_that_stands_alone_is_refused_with_what_to_do(own_mongod: list[Mongod]) -> None:
    own_mongod.append(server := Mongod(binary(), replica_set=None))
    server.start()
    sentence = await refused(server.url)
    assert "--replSet" in sentence
    assert "rs.initiate()" in sentence


@pytest.mark.slow
async def test_a_server_that_is_away_or_has_no_replica_set_yet_is_refused_in_seconds(own_mongod: list[Mongod]) -> None:
    own_mongod.append(server := Mongod(binary()))
    started = time.monotonic()
    assert "No MongoDB primary answers" in await refused(server.url)
    server.start(initiate=False)
    assert "rs.initiate()" in await refused(f"mongodb://127.0.0.1:{server.port}/")
    assert time.monotonic() - started < 45


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://user:se:cret@host/", "mongodb://h/?w=nonsense&x"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert "is no address" in await refused(url)


async def test_a_refused_password_is_said_and_not_repeated() -> None:
    url = mongodb_url().replace("mongodb://", "mongodb://user:secret@", 1)
    assert "refuses the user" in await refused(url)


async def test_indexes_are_made_checked_and_made_again(database: AsyncDatabase[dict[str, Any]]) -> None:
    store = await open_store(url_of(database.name), seal_plainly)
    assert await store.missing_indexes() == []
    await database["record"].drop_index("term")
    await database["audit"].drop_index("tenant")
    assert await store.missing_indexes() == ["record.term", "audit.tenant"]
    await store.close()
    again = await open_store(url_of(database.name), seal_plainly)
    assert await again.missing_indexes() == []
    await again.close()


async def test_an_index_with_other_keys_is_missing_and_not_written_over(database: AsyncDatabase[dict[str, Any]]) -> None:
    await database["record"].create_index([("t", 1)], name="term")
    assert "other keys" in await refused(url_of(database.name))
    assert (await database["record"].index_information())["term"]["key"] == [("t", 1)]


async def test_a_database_of_a_newer_program_is_refused(database: AsyncDatabase[dict[str, Any]]) -> None:
    await database["setting"].insert_one({"_id": "schema", "value": (7).to_bytes(4)})
    assert "newer Assent (schema 7" in await refused(url_of(database.name))


async def test_weak_concerns_in_the_address_are_overruled() -> None:
    async with make_client("mongodb://h/?w=0&readConcernLevel=local&readPreference=secondary&retryWrites=false") as client:
        assert client.write_concern.document == {"w": "majority", "j": True, "wtimeout": 10_000}
        assert client.read_concern.level == "majority"
        assert client.read_preference.mongos_mode == "primary"


def test_every_index_of_records_fits_the_documented_number_of_keys() -> None:
    """Three keys for an interval, one for a point, a term and a place in the history, and two for the record (docs/store.md)."""
    leading = sorted(index.keys[0][0] for index in INDEXES if index.collection == "record")
    assert leading == ["h", "i.c", "i.c", "i.c", "k", "p.c", "t"]
