"""A tenant's edition changes with each commit that holds one of its definitions, and with nothing else; every server sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from profiles.definition_types import DEFINITION_TYPES
from profiles.structure import resource_types
from server.repository import Repository
from server.seal.keyring import open_keyring
from server.store.store import Commit, Index, Put, StaleVersionError, Store

MASTER_KEY = bytes(range(32))


def definition(key: int, version: int = 1, *, is_one: bool = True) -> Put:
    return Put(key.to_bytes(16), version, 1000 + version, b"body", Index(version, (1,)), definition=is_one)


async def test_an_edition_changes_with_definitions_of_its_tenant_only(
    open_store: Callable[[], Store], store: Store
) -> None:
    other = open_store()
    assert await store.edition(1) == b""
    await store.commit(Commit(1, [definition(1)]))
    first = await store.edition(1)
    assert first
    assert await other.edition(1) == first
    await store.commit(Commit(1, [definition(2, is_one=False)], audit=[b"one"]))
    await store.commit(Commit(2, [definition(3)]))
    with pytest.raises(StaleVersionError):
        await store.commit(Commit(1, [definition(1)]))
    assert await store.edition(1) == first
    assert await store.edition(2) not in {b"", first}
    await other.commit(Commit(1, [definition(1, 2), definition(4)]))
    assert await store.edition(1) not in {b"", first}
    await other.close()


async def test_servers_that_change_definitions_at_once_all_succeed(open_store: Callable[[], Store], store: Store) -> None:
    other = open_store()
    await asyncio.gather(*[(store, other)[number % 2].commit(Commit(1, [definition(number)])) for number in range(1, 21)])
    assert await store.edition(1) == await other.edition(1) != b""
    assert all([await store.read(number.to_bytes(16)) for number in range(1, 21)])
    await other.close()


async def test_a_definition_is_one_when_it_is_stored_changed_and_deleted(store: Store) -> None:
    keyring = await open_keyring(store, MASTER_KEY)
    repository = Repository(store, await keyring.make("one"), "http://here/fhir", lambda: datetime.now(UTC))
    number, seen = repository.tenant.number, {b""}
    prepared = repository.prepare({"resourceType": "CodeSystem", "status": "active", "content": "complete"}, "x", None)
    await store.commit(Commit(number, [prepared.put]))
    seen.add(await store.edition(number))
    await store.commit(Commit(number, [repository.prepare_deletion(prepared.version).put]))
    seen.add(await store.edition(number))
    assert len(seen) == 3
    await store.commit(Commit(number, [repository.prepare({"resourceType": "Patient"}, "y", None).put]))
    assert await store.edition(number) in seen


def test_the_types_are_of_r4() -> None:
    assert resource_types() >= DEFINITION_TYPES


async def test_consents_have_an_edition_of_their_own(open_store: Callable[[], Store], store: Store) -> None:
    keyring = await open_keyring(store, MASTER_KEY)
    repository = Repository(store, await keyring.make("one"), "http://here/fhir", lambda: datetime.now(UTC))
    number, other = repository.tenant.number, open_store()
    assert await store.edition(number, "consents") == b""
    prepared = repository.prepare({"resourceType": "Consent", "status": "draft"}, "x", None)
    await store.commit(Commit(number, [prepared.put]))
    first = await other.edition(number, "consents")
    assert first
    assert await other.edition(number) == b""
    await store.commit(Commit(number, [repository.prepare({"resourceType": "CodeSystem"}, "y", None).put]))
    assert await other.edition(number, "consents") == first
    await other.commit(Commit(number, [repository.prepare_deletion(prepared.version).put]))
    assert await store.edition(number, "consents") not in {b"", first}
    await other.close()
