"""Time grows with length alone: hostile text of a megabyte is read in seconds, and an ordinary note in milliseconds."""

from __future__ import annotations

import time
from datetime import date

import pytest

from operations.evidence.coded.attachments import MAX_TEXT
from operations.evidence.fact import Source
from operations.evidence.note_text import NoteRules
from operations.evidence.text.sentences import fold, sentences

AS_OF = date(2026, 11, 22)
MEGABYTE = 1_000_000

HOSTILE = {
    "spaces": " ",
    "one word": "a",
    "newlines": "\n",
    "denials": "denies no not never without ",
    "durations": "6 to 8 weeks of 6 to 8 weeks of physical therapy for ",
    "lists": "ibuprofen, naproxen, meloxicam, and ",
    "open brackets": "pain (((( of the ",
    "numbers": "1 2 3 4 5 6 7 8 9 ",
    "scores": "bmi of bmi of a1c pain pain 10 ",
    "studies": "mri ct x-ray pet mri of the ",
    "headings": "Plan:\nHPI:\n",
    "dotted": "a.b.c.d. ",
    "strength": "strength motor weakness of the left leg of the ",
    "sentences": "He tried PT. She did not. ",
    "dotless i": "İ",
}


def _seconds(text: str) -> float:
    began = time.process_time()
    NoteRules().extract(text, Source("note", "x"), AS_OF)
    return time.process_time() - began


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_megabyte_is_read_in_linear_time(unit: str) -> None:
    whole = (unit * (MEGABYTE // len(unit) + 1))[:MEGABYTE]
    eighth = _seconds(whole[: MAX_TEXT // 8])
    full = _seconds(whole)
    assert full < 12
    assert full < 8 * max(eighth, 0.02) * 3


def test_an_ordinary_note_takes_milliseconds() -> None:
    paragraph = (
        "He has had low back pain for 3 months. He tried ibuprofen without relief and completed 6 weeks of physical therapy. "
        "He denies incontinence. MRI has been ordered. Strength is 5/5 and sensation is intact. BMI is 31. "
    )
    note = ("HPI\n\n" + paragraph * 30)[:4096]
    NoteRules().extract(note, Source("note", "x"), AS_OF)
    best = min(_seconds(note) for _ in range(5))
    print(f"4 kB of dense text: {best * 1000:.1f} ms")
    assert best < 0.05


def test_folding_keeps_every_place() -> None:
    text = "“He’s”\u00a0İstanbul – ß ΑΣ\r\n6\u20118 weeks"
    assert len(fold(text)) == len(text)


def test_sentences_cover_the_note_and_stay_short() -> None:
    text = "HPI: " + "word " * 400 + ". Next one. " + "PLAN\n" + "x" * 3000
    found = sentences(text, fold(text))
    assert all(text[s.start : s.start + len(s.raw)] == s.raw for s in found)
    assert max(len(s.raw) for s in found) <= 600
    assert [s.start for s in found] == sorted(s.start for s in found)
