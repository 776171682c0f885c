"""Settings change from a known value only when they are told to: how several servers share the tenants' keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.seal.keyring import open_keyring
from server.store.store import Store

MASTER_KEY = bytes(range(32))


async def test_a_setting_is_replaced_only_where_it_is_what_the_caller_saw(store: Store) -> None:
    assert await store.put_setting("x", b"1") == b"1"
    assert await store.put_setting("x", b"2", replaces=b"1") == b"2"
    assert await store.put_setting("x", b"3", replaces=b"1") == b"2"
    assert await store.get_setting("x") == b"2"
    results = await asyncio.gather(*[store.put_setting("x", bytes([n]), replaces=b"2") for n in range(100, 120)])
    assert len(set(results)) == 1


async def test_tenants_that_two_servers_make_at_once_keep_their_keys(open_store: Callable[[], Store], store: Store) -> None:
    other = open_store()
    one, two = await open_keyring(store, MASTER_KEY), await open_keyring(other, MASTER_KEY)
    names = [f"tenant-{n}" for n in range(8)]
    await asyncio.gather(*[keyring.make(name) for name in names for keyring in (one, two)])
    later = await open_keyring(store, MASTER_KEY)
    assert {tenant.number for tenant in later.all()} == set(range(1, 9))
    for name in names:
        tenants = [await keyring.make(name) for keyring in (one, two, later)]
        sealed = tenants[0].cipher.seal(b"plain", b"place")
        assert [tenant.cipher.open(sealed, b"place") for tenant in tenants] == [b"plain"] * 3
        assert len({tenant.index.record_key("Patient", "1") for tenant in tenants}) == 1
        assert await later.found(tenants[0].number) is tenants[2]
    await other.close()


async def test_a_tenant_of_another_server_is_found_by_its_number(open_store: Callable[[], Store], store: Store) -> None:
    other = open_store()
    one, two = await open_keyring(store, MASTER_KEY), await open_keyring(other, MASTER_KEY)
    made = await two.make("late")
    found = await one.found(made.number)
    assert found.name == "late"
    assert one.get("late") is found
    await other.close()
