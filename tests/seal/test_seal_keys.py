"""The master key's file, the tenants' keys that it wraps, and the names that an index key gives to what is searched."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process import running_house

from server.config import ConfigurationError
from server.seal.blind_index import BlindIndex
from server.seal.keyring import Keyring, WrongMasterKeyError, open_keyring
from server.seal.master_key import FILE_NAME, MasterKeyError, load_or_make
from server.seal.tenant_entries import is_tenant_name
from server.store.sqlite.sqlite_store import SqliteStore
from server.store.store import Store, StoreUnavailableError

MASTER = bytes(range(32))


# -- the file --------------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    key = load_or_make(tmp_path, sealed=False)
    assert len(key) == 32
    assert load_or_make(tmp_path, sealed=True) == key
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    other = tmp_path / "other"
    other.mkdir()
    assert load_or_make(other, sealed=False) != key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_key_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    load_or_make(tmp_path, sealed=False)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_or_make(tmp_path, sealed=False)


@pytest.mark.parametrize("content", [b"", b"not hexadecimal", b"ab" * 31, b"ab" * 33, b"\xff" * 64])
def test_a_file_that_holds_no_key_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    (tmp_path / FILE_NAME).chmod(0o600)
    with pytest.raises(MasterKeyError, match="32 bytes in hexadecimal") as seen:
        load_or_make(tmp_path, sealed=True)
    assert not content or content.decode("latin-1") not in str(seen.value)


def test_no_new_key_is_made_where_there_is_data_that_it_cannot_open(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="put the file"):
        load_or_make(tmp_path, sealed=True)
    assert not (tmp_path / FILE_NAME).exists()


async def test_a_wrong_or_missing_master_key_stops_the_start_in_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_house(data):
        pass
    right = (data / FILE_NAME).read_text()
    (data / FILE_NAME).write_text("00" * 32)
    with pytest.raises(ConfigurationError, match="not the one that this store was sealed with"):
        async with running_house(data):
            pass
    (data / FILE_NAME).unlink()
    with pytest.raises(ConfigurationError, match="put the file"):
        async with running_house(data):
            pass
    (data / FILE_NAME).write_text(right)
    (data / FILE_NAME).chmod(0o600)
    async with running_house(data) as house, house.client() as client:
        assert (await client.get("/Patient")).status_code == 200


# -- tenants ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = SqliteStore(tmp_path / "assent.db", lambda tenant, seq, records: b"")
    yield opened
    await opened.close()


async def test_tenants_come_back_with_their_keys_under_the_master_key_only(store: Store) -> None:
    keyring = await open_keyring(store, MASTER)
    assert keyring.all() == []
    first, second = await keyring.make("default"), await keyring.make("north")
    assert (first.number, second.number) == (1, 2)
    assert await keyring.make("north") is second
    again = await open_keyring(store, MASTER)
    assert [(tenant.name, tenant.number) for tenant in again.all()] == [("default", 1), ("north", 2)]
    reopened = again.by_number(2)
    assert reopened.cipher.open(second.cipher.seal(b"x", b"y"), b"y") == b"x"
    assert reopened.index.term("Patient", "name", "x") == second.index.term("Patient", "name", "x")
    assert again.get("south") is None
    with pytest.raises(WrongMasterKeyError):
        await open_keyring(store, bytes(32))


async def test_what_one_tenant_sealed_neither_opens_nor_matches_under_another(store: Store) -> None:
    keyring = await open_keyring(store, MASTER)
    one, two = await keyring.make("one"), await keyring.make("two")
    with pytest.raises(Exception, match="tampered"):
        two.cipher.open(one.cipher.seal(b"x", b"y"), b"y")
    assert one.index.term("Patient", "family", "x") != two.index.term("Patient", "family", "x")
    assert one.index.column("Claim", "created") != two.index.column("Claim", "created")
    assert one.index.record_key("Patient", "1") != two.index.record_key("Patient", "1")
    assert one.index.unique_key(("a",)) != two.index.unique_key(("a",))
    assert one.audit_id_key != two.audit_id_key


async def test_a_new_tenant_asked_for_by_many_at_once_is_made_once(store: Store) -> None:
    keyring = await open_keyring(store, MASTER)
    made = await asyncio.gather(*[keyring.make(name) for name in ("a", "b", "a", "b", "a")])
    assert {tenant.name: tenant.number for tenant in made} == {"a": 1, "b": 2}
    again = await open_keyring(store, MASTER)
    sealed = made[0].cipher.seal(b"x", b"y")
    assert again.by_number(made[0].number).cipher.open(sealed, b"y") == b"x"


async def test_a_tenant_whose_keys_could_not_be_stored_does_not_exist(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = await open_keyring(store, MASTER)

    async def fail(*arguments: object, **options: object) -> bytes:
        raise StoreUnavailableError("no")

    monkeypatch.setattr(store, "put_setting", fail)
    with pytest.raises(StoreUnavailableError):
        await keyring.make("lost")
    assert keyring.get("lost") is None
    monkeypatch.undo()
    tenant = await keyring.make("lost")
    again: Keyring = await open_keyring(store, MASTER)
    assert again.by_number(tenant.number).cipher.open(tenant.cipher.seal(b"x", b"y"), b"y") == b"x"


@pytest.mark.parametrize("name", ["a", "default", "a-b", "0", "x" * 63])
def test_tenant_names(name: str) -> None:
    assert is_tenant_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a/b", "a b", "ä", "a\n", "x" * 64, ".."])
async def test_what_is_no_tenant_name_is_refused(name: str, store: Store) -> None:
    keyring = await open_keyring(store, MASTER)
    with pytest.raises(ValueError, match="1 to 63"):
        await keyring.make(name)


# -- names for what is searched --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=2, max_size=6, unique=True))
def test_no_two_tuples_of_a_uniqueness_key_share_a_name(pairs: list[tuple[str, str]]) -> None:
    index = BlindIndex(MASTER)
    assert len({index.unique_key(pair) for pair in pairs}) == len(pairs)
    assert index.unique_key(("ab", "c")) != index.unique_key(("a", "bc")) != index.unique_key(("abc",))


def test_terms_fit_the_store_and_differ_by_each_part() -> None:
    index = BlindIndex(MASTER)
    terms = [index.term(*parts) for parts in [("A", "b", "c"), ("A", "b", "d"), ("A", "c", "c"), ("B", "b", "c")]]
    assert len(set(terms)) == 4
    assert all(-(2**63) <= term < 2**63 for term in terms)
    assert index.term("A", "b", "\ud800")  # any text that JSON can hold
    assert BlindIndex(MASTER).term("A", "b", "c") == terms[0]
    assert BlindIndex(bytes(32)).term("A", "b", "c") != terms[0]


def test_a_copied_folder_without_its_master_key_says_nothing(practice_data: Path, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    shutil.copytree(practice_data, stolen, ignore=shutil.ignore_patterns(FILE_NAME))
    content = b"".join(path.read_bytes() for path in stolen.rglob("*") if path.is_file())
    assert b"Villanueva" not in content
    assert b"resourceType" not in content
