"""Another master key around the tenants' keys: one change, which servers at work survive, and learn of where they can."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.seal.keyring import Keyring, WrongMasterKeyError, open_keyring
from server.seal.rotation import BEHIND, CHANGED, QUIET, announcing, check_nobody_is_behind
from server.seal.tenant_entries import TenantError
from server.store.store import Store, StoreUnavailableError

OLD, NEW, WRONG = bytes(32), bytes(range(32)), bytes([9]) * 32
NOW = 10**15


async def rewrapped(store: Store) -> None:
    keyring = await open_keyring(store, OLD)
    assert await keyring.rewrap(NEW)


async def made(store: Store) -> Keyring:
    keyring = await open_keyring(store, OLD)
    await keyring.make("default")
    return keyring


async def test_the_same_keys_are_there_under_the_new_key_and_only_under_it(
    open_store: Callable[[], Store], store: Store
) -> None:
    before = await made(store)
    sealed = before.by_number(1).cipher.seal(b"content", b"place")
    await rewrapped(store)
    with pytest.raises(WrongMasterKeyError):
        await open_keyring(store, OLD)
    other = open_store()
    after = await open_keyring(other, NEW)
    assert after.entries() == before.entries()
    assert after.by_number(1).cipher.open(sealed, b"place") == b"content"
    await after.make("north")
    await other.close()


async def test_a_change_of_keys_in_the_same_moment_is_not_lost(open_store: Callable[[], Store], store: Store) -> None:
    one = await made(store)
    other = open_store()
    two = await open_keyring(other, OLD)
    await two.make("north")
    assert not await one.rewrap(NEW)
    assert (await open_keyring(store, OLD)).get("north") is not None
    await one.refresh()
    assert await one.rewrap(NEW)
    await other.close()


async def test_a_server_that_finds_the_new_key_goes_on_with_it(store: Store) -> None:
    found = [WRONG, None, NEW]

    async def read_again() -> bytes | None:
        return found.pop(0)

    await made(store)
    keyring = await open_keyring(store, OLD, read_again)
    await rewrapped(store)
    for left in (2, 1):
        keyring._look_again = 0
        await keyring.refresh()
        assert keyring.is_behind
        assert len(found) == left
    await keyring.refresh()
    assert len(found) == 1, "it is not asked for all the time"
    keyring._look_again = 0
    await keyring.refresh()
    assert not keyring.is_behind
    await keyring.make("north")
    assert (await open_keyring(store, NEW)).get("north") is not None


async def test_a_server_that_does_not_have_it_keeps_what_it_knows_and_changes_nothing(store: Store) -> None:
    await made(store)
    keyring = await open_keyring(store, OLD)
    sealed = keyring.by_number(1).cipher.seal(b"content", b"place")
    await rewrapped(store)
    await (await open_keyring(store, NEW)).make("north")
    await keyring.refresh()
    assert keyring.is_behind
    assert keyring.by_number(1).cipher.open(sealed, b"place") == b"content"
    for change in (keyring.make("south"), keyring.found(2), keyring.change(announcing(NOW))):
        with pytest.raises(StoreUnavailableError):
            await change
    after = await open_keyring(store, NEW)
    assert sorted(after.entries()) == ["default", "north"]


async def test_no_data_keys_are_given_out_while_somebody_may_not_learn_of_them(store: Store) -> None:
    await check_nobody_is_behind(store, NOW)
    await store.put_setting(CHANGED, NOW.to_bytes(8))
    with pytest.raises(TenantError, match="half a minute"):
        await check_nobody_is_behind(store, NOW + QUIET - 1)
    await store.put_setting(BEHIND, (NOW + QUIET).to_bytes(8))
    with pytest.raises(TenantError, match="does not have the new master key"):
        await check_nobody_is_behind(store, NOW + QUIET)
    await check_nobody_is_behind(store, NOW + 2 * QUIET)
