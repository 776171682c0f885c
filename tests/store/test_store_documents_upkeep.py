"""What is kept apart goes through a change of keys untouched, is checked with the version that it belongs to, on every back end."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from typing import Any

from server.access.access import everything
from server.documents.apart import LARGEST_BODY, put_apart
from server.repository import Prepared, Repository
from server.seal.keyring import Keyring, Tenant, open_keyring
from server.seal.rotation import Pace, announcing, switching
from server.store.blobs import NewBlob
from server.store.store import Commit, Store
from server.upkeep.fsck import Fsck
from server.upkeep.reseal import Reseal
from server.upkeep.versions import versions_of

MASTER_KEY = bytes(range(32))
BASE = "http://127.0.0.1:8080/fhir"
CONTENT = random.Random(1).randbytes(900_000)
WORDS = "word " * (LARGEST_BODY // 5)


async def write(store: Store, repository: Repository, resource: dict[str, Any], id_: str) -> Prepared:
    prepared = repository.prepare(resource, id_, await repository.read(everything(resource["resourceType"]), id_))
    await put_apart(store.blobs, repository.tenant.number, 1, prepared.apart)
    await store.commit(Commit(repository.tenant.number, [prepared.put], blobs=prepared.blobs))
    return prepared


def repository_of(store: Store, tenant: Tenant) -> Repository:
    return Repository(store, tenant, BASE, lambda: datetime.now(UTC))


async def fill(store: Store, tenant: Tenant) -> None:
    """A Binary of two versions and a Basic of two, each with something apart; and the Binary is deleted in the end."""
    repository = repository_of(store, tenant)
    data = base64.b64encode(CONTENT).decode()
    for _ in range(2):
        await write(store, repository, {"resourceType": "Binary", "contentType": "application/pdf", "data": data}, "scan")
        await write(store, repository, {"resourceType": "Basic", "code": {"text": WORDS}}, "long")
    current = await repository.read(everything("Binary"), "scan")
    assert current is not None
    await store.commit(Commit(tenant.number, [repository.prepare_deletion(current).put]))


async def differences(store: Store, keyring: Keyring) -> list[str]:
    """What fsck says, but for the rules of the index, of which no server has told these stores."""
    check = Fsck(store, keyring, lambda tenant: (BASE,), mend=False)
    found = [finding.sentence async for finding in check.run(lambda looked_at: None)]
    return [sentence for sentence in found if not sentence.startswith("Not everything is findable")]


async def chunks(store: Store) -> dict[tuple[bytes, int], bytes | None]:
    blobs = await store.blobs.listed(b"", 100)
    return {(blob.id, number): await store.blobs.read(blob.id, number) for blob in blobs for number in range(blob.held)}


async def test_keys_are_changed_without_touching_what_is_apart(store: Store) -> None:
    keyring = await open_keyring(store, MASTER_KEY)
    await fill(store, await keyring.make("default"))
    assert await differences(store, keyring) == []
    before = await chunks(store)
    assert len(before) == 2 * 3 + 2 * -(-LARGEST_BODY // (384 * 1024))
    await keyring.change(announcing(1))
    await keyring.change(switching(2, Pace(0, 0)))
    work = Reseal(store, keyring, Pace(0, 0), "one", lambda: 3)
    while await work.step():
        pass
    assert [sorted(entry["data"]) for entry in keyring.entries().values()] == [["2"]]
    assert await chunks(store) == before
    again = await open_keyring(store, MASTER_KEY)
    assert await differences(store, again) == []
    repository = repository_of(store, again.by_number(1))
    for number in (1, 2):
        binary = await repository.read_version(everything("Binary"), "scan", number)
        basic = await repository.read_version(everything("Basic"), "long", number)
        assert binary is not None
        assert basic is not None
        assert await repository.content(binary) == CONTENT
        assert await repository.content(binary, 10) == CONTENT[:10]
        assert basic.resource()["code"]["text"] == WORDS


async def test_records_stay_small_whatever_they_hold(store: Store) -> None:
    keyring = await open_keyring(store, MASTER_KEY)
    await fill(store, await keyring.make("default"))
    for row in await store.upkeep.rows(0, 10):
        for record in await versions_of(store, row.record):
            assert len(record.body) < 1000


async def test_what_is_missing_is_named_with_its_version_and_what_is_too_much_as_well(store: Store) -> None:
    keyring = await open_keyring(store, MASTER_KEY)
    tenant = await keyring.make("default")
    repository = repository_of(store, tenant)
    await write(store, repository, {"resourceType": "Basic", "code": {"text": WORDS}}, "long")
    data = base64.b64encode(CONTENT).decode()
    prepared = await write(
        store, repository, {"resourceType": "Binary", "contentType": "application/pdf", "data": data}, "scan"
    )
    await store.blobs.begin(b"u" * 16, 1, 1)  # an upload under way is no fault
    assert await differences(store, keyring) == []
    await store.blobs.remove(prepared.apart[0].name.id)
    (missing,) = await differences(store, keyring)
    assert missing == "default Binary/scan version 1: Its content lacks chunk 1 of 3: it is truncated."
    for blob in await store.blobs.listed(b"", 10):
        await store.blobs.remove(blob.id)
    assert (
        "default Basic/long version 1 does not open: Its content lacks chunk 1 of 11: it is truncated."
        in await differences(store, keyring)
    )
    await put_apart(store.blobs, 1, 1, prepared.apart)
    await store.commit(Commit(1, blobs=prepared.blobs))
    await store.blobs.begin(b"o" * 16, 1, 1)
    await store.blobs.put(b"o" * 16, 0, b"x")
    await store.commit(Commit(1, blobs=[NewBlob(b"o" * 16, 2, 5)]))
    found = await differences(store, keyring)
    assert f"The content {(b'o' * 16).hex()} of tenant 1 belongs to no version that opens." in found
    assert not any("Binary/scan" in sentence for sentence in found)
