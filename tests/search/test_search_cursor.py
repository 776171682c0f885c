"""What a cursor tells to whom it was not made for: nothing, not even by its length."""

from __future__ import annotations

import os

import pytest

from profiles.outcome import FhirError
from server.seal.cipher import Cipher
from server.search.cursor import Place, make_cursor, make_history_cursor, read_cursor, read_history_cursor
from server.store.algebra import Position
from server.store.timeline import Moment

CIPHER = Cipher({1: os.urandom(32)}, 1, {})


def test_all_cursors_are_equally_long_whatever_the_numbers_in_them() -> None:
    found = {
        len(make_cursor(CIPHER, "Patient?", "me", Place(Position(value, rid), rank, backward, left)))
        for value in (0.0, 1.79e15)
        for rid in (0, 7, 2**62 + 5)
        for rank in (bytes(70), os.urandom(70))
        for backward in (False, True)
        for left in (0, 2**31)
    }
    assert len(found) == 1
    moments = [Moment(0, 0, 1), Moment(1_790_000_000_123_456, 5, 1), Moment(1_790_000_000_123_456, 2**62 + 5, 2**31)]
    assert len({len(make_history_cursor(CIPHER, moment, "x")) for moment in moments}) == 1


def test_a_history_cursor_opens_where_it_belongs_only() -> None:
    moment = Moment(1_790_000_000_123_456, 9, 3)
    cursor = make_history_cursor(CIPHER, moment, "me/Patient/_history?")
    assert read_history_cursor(CIPHER, cursor, "me/Patient/_history?") == moment
    search = make_cursor(CIPHER, "Patient?", "me", Place(Position(1.0, 2)))
    for text, binding in [
        (cursor, "you/Patient/_history?"),
        (cursor[1:], "me/Patient/_history?"),
        (search, "me/Patient/_history?"),
        ("", "x"),
        ("ä", "x"),
    ]:
        with pytest.raises(FhirError) as caught:
            read_history_cursor(CIPHER, text, binding)
        assert caught.value.issues[0].code == "bad-cursor"
    with pytest.raises(FhirError):
        read_cursor(CIPHER, cursor, "Patient?", "me")
