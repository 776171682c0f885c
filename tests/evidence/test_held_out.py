"""The two sets of held-out sentences: what was reached on them must not be lost (docs/evidence.md tells the first figures)."""

from __future__ import annotations

from held_out import HELD_OUT
from note_reading import read
from score_held_out import score
from second_set import SECOND_SET


def test_the_first_set_is_read_right() -> None:
    result = score(read, HELD_OUT)
    assert result.wrong == ()


def test_the_second_set_is_read_no_worse_than_when_it_was_new() -> None:
    result = score(read, SECOND_SET)
    assert result.right_sentences >= 21
    assert result.found >= 9
    assert result.claimed_wrongly <= 2
