"""A write that is under way while the tenant's data key is changed: what it stores is under the new key, or it stores nothing."""

from __future__ import annotations

import base64
import os
from typing import Any

import httpx
import pytest
from in_process import House
from rest_help import AS_RESOURCE, refused

from server.documents.apart import INLINE_CONTENT
from server.seal.cipher import key_number
from server.seal.rotation import Pace, announcing, switching
from server.upkeep.reseal import Reseal

AT_ONCE = Pace(0, 0)
SCAN = {
    "resourceType": "Binary",
    "id": "scan",
    "contentType": "application/pdf",
    "data": base64.b64encode(b"%PDF-1.7\n" + os.urandom(2 * INLINE_CONTENT)).decode(),
}


@pytest.mark.parametrize("dropped", [False, True], ids=["switched", "dropped"])
async def test_what_was_sealed_before_is_not_stored_under_a_key_that_goes(
    app: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, dropped: bool
) -> None:
    """The content is put into the store when the version is sealed already: that may take longer than anybody waits."""
    services = app.services
    keyring, store = services.keyring, services.store
    put = type(store.blobs).put

    async def seal_anew() -> None:
        work = Reseal(store, keyring, AT_ONCE, "one", lambda: 3)
        while await work.step():
            pass

    async def putting(self: Any, *args: Any) -> None:
        monkeypatch.setattr(type(store.blobs), "put", put)
        await keyring.change(announcing(1))
        await keyring.change(switching(2, AT_ONCE))
        if dropped:
            await seal_anew()
        await put(self, *args)

    monkeypatch.setattr(type(store.blobs), "put", putting)
    answer = await client.put("/Binary/scan", json=SCAN)
    if dropped:
        refused(answer, 503, "unavailable")
        assert await store.read(keyring.by_number(1).index.record_key("Binary", "scan")) is None
        return
    assert answer.status_code == 201
    record = await store.read(keyring.by_number(1).index.record_key("Binary", "scan"))
    assert record is not None
    assert key_number(record.body) == 2
    await seal_anew()
    assert (await client.get("/Binary/scan", headers=AS_RESOURCE)).json()["data"] == SCAN["data"]
