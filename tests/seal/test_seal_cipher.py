"""What is sealed opens only as it was sealed: unchanged, whole, for the same place, under the same key."""

from __future__ import annotations

from datetime import date

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles import json
from server.sample.practice import practice_resources
from server.seal.cipher import Cipher, SealBrokenError
from server.seal.keyring import shipped_dictionaries

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PLAIN = b'p01\n{"resourceType":"Patient","id":"p01","name":[{"family":"Villanueva"}]}'


def trained_dictionary() -> dict[int, bytes]:
    samples = [json.dumps(resource) for resource in practice_resources(date(2026, 1, 1))]
    return {7: zstandard.train_dictionary(8192, list[bytes | bytearray | memoryview](samples), dict_id=7).as_bytes()}


@pytest.fixture(params=["with dictionary", "without"])
def cipher(request: pytest.FixtureRequest) -> Cipher:
    return Cipher({1: KEY}, 1, trained_dictionary() if request.param == "with dictionary" else {})


@given(plain=st.binary(max_size=300), binding=st.binary(max_size=40))
def test_what_is_sealed_opens_again(plain: bytes, binding: bytes) -> None:
    cipher = Cipher({1: KEY}, 1, {})
    assert cipher.open(cipher.seal(plain, binding), binding) == plain


def test_every_single_changed_byte_is_noticed(cipher: Cipher) -> None:
    sealed = cipher.seal(PLAIN, b"1/Patient/1/k")
    for position in range(len(sealed)):
        for change in (1, 0x80):
            broken = bytearray(sealed)
            broken[position] ^= change
            with pytest.raises(SealBrokenError):
                cipher.open(bytes(broken), b"1/Patient/1/k")


def test_every_truncation_and_extension_is_noticed(cipher: Cipher) -> None:
    sealed = cipher.seal(PLAIN, b"x")
    for length in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            cipher.open(sealed[:length], b"x")
    with pytest.raises(SealBrokenError):
        cipher.open(sealed + b"\0", b"x")


def test_a_record_moved_elsewhere_does_not_open(cipher: Cipher) -> None:
    sealed = cipher.seal(PLAIN, b"1/Patient/1/k")
    for binding in (b"", b"2/Patient/1/k", b"1/Patient/2/k", b"1/Person/1/k", b"1/Patient/1/kk"):
        with pytest.raises(SealBrokenError):
            cipher.open(sealed, binding)


def test_the_same_text_is_never_sealed_the_same_way(cipher: Cipher) -> None:
    assert len({cipher.seal(PLAIN, b"x") for _ in range(100)}) == 100


def test_another_key_does_not_open_it_whatever_its_number(cipher: Cipher) -> None:
    sealed = cipher.seal(PLAIN, b"x")
    for keys in ({1: OTHER}, {2: KEY}, {}):
        other = Cipher({9: OTHER, **keys}, 9, trained_dictionary())
        with pytest.raises(SealBrokenError):
            other.open(sealed, b"x")


def test_what_an_older_key_sealed_still_opens_after_a_new_one() -> None:
    old, new = Cipher({1: KEY}, 1, {}), Cipher({1: KEY, 2: OTHER}, 2, {})
    assert new.open(old.seal(PLAIN, b"x"), b"x") == PLAIN
    with pytest.raises(SealBrokenError):
        old.open(new.seal(PLAIN, b"x"), b"x")


def test_what_was_sealed_without_a_dictionary_opens_where_there_is_one_and_not_the_reverse() -> None:
    dictionaries = trained_dictionary()
    plain, trained = Cipher({1: KEY}, 1, {}), Cipher({1: KEY}, 1, dictionaries)
    assert trained.open(plain.seal(PLAIN, b"x"), b"x") == PLAIN
    sealed = trained.seal(PLAIN, b"x")
    assert len(sealed) < len(plain.seal(PLAIN, b"x"))
    with pytest.raises(SealBrokenError):
        plain.open(sealed, b"x")


def test_shipped_dictionaries_carry_their_own_numbers() -> None:
    for number, data in shipped_dictionaries().items():
        assert 1 <= number <= 255
        assert zstandard.ZstdCompressionDict(data).dict_id() == number
