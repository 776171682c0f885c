"""Searching codes as a person types: starts of codes, words, misspelt words; and lists that an operator loads."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.code_search import CodeIndex, distance
from terminology.compile_code_system import compile_code_system
from terminology.content.loader import CodeFile, CodeFileError, load_code_file

TODAY = date(2026, 1, 1)
NAMES = {
    "M17.9": "Osteoarthritis of knee, unspecified", "M17.11": "Unilateral primary osteoarthritis, right knee",
    "E11.9": "Type 2 diabetes mellitus without complications", "M54.50": "Low back pain, unspecified",
    "I35.0": "Nonrheumatic aortic (valve) sténosis",
}  # fmt: skip
INDEX = CodeIndex(compile_code_system({"concept": [{"code": code, "display": name} for code, name in NAMES.items()]}))


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("m17", "M17.11"), ("M17.9", "M17.9"), ("knee osteo", "M17.9"), ("diabtes", "E11.9"), ("osteoarthrits right", "M17.11"),
        ("bakc pain", "M54.50"), ("stenosis", "I35.0"), ("low unspec", "M54.50"),
    ],
)  # fmt: skip
def test_the_best_hit_comes_first(typed: str, first: str) -> None:
    assert INDEX.search(typed)[0].code == first


@pytest.mark.parametrize("typed", ["", "   ", "xyzxyz", "knee diabetes", "\x00", "a" * 10_000])
def test_what_is_not_there_is_not_found(typed: str) -> None:
    assert INDEX.search(typed) == []


CHANCE = Random(7)
MANY = [
    " ".join(CHANCE.choices(("ab", "abc", "abcd", "b", "bc", "cab", "x" * 50), k=CHANCE.randint(1, 4))) for _ in range(3000)
]
LARGE = CodeIndex(compile_code_system({"concept": [{"code": f"{n:04}", "display": name} for n, name in enumerate(MANY)]}))


@given(st.lists(st.sampled_from(("a", "ab", "abc", "abcd", "b", "bc", "c", "cab", "x" * 40)), min_size=1, max_size=3))
def test_hits_are_those_of_the_plain_definition(asked: list[str]) -> None:
    def cost(name: str) -> int | None:
        have = name.split()
        each = [0 if one in have else 1 if any(word.startswith(one) for word in have) else None for one in asked]
        return None if None in each else sum(one or 0 for one in each)

    order = sorted(range(len(MANY)), key=lambda row: len(MANY[row]))
    wanted = sorted(((found, place) for place, row in enumerate(order) if (found := cost(MANY[row])) is not None))
    assert LARGE.rows(" ".join(asked), 50) == [(order[place], found + 1) for found, place in wanted[:50]]


words = st.text("abcd", max_size=6)


@given(words, words)
def test_distance_is_that_of_the_plain_definition(one: str, other: str) -> None:
    def plain(a: str, b: str) -> int:
        rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
                if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        return rows[-1][-1]

    assert min(distance(one, other, 2), 3) == min(plain(one, other), 3)


ABOUT = CodeFile("urn:hcpcs", "2026", "HCPCS")


def test_a_file_of_an_operator_becomes_a_code_system() -> None:
    data = b'\xef\xbb\xbfHCPC,SHORT DESCRIPTION,TERM DT\r\nX0001,"Thing, one",\r\nX0002,Thing two,20251231\r\n'
    system = compile_code_system(load_code_file(data, ABOUT, TODAY))
    assert (system.url, list(system.codes), system.displays[0]) == ("urn:hcpcs", ["X0001", "X0002"], "Thing, one")
    assert [system.inactive(row) for row in (0, 1)] == [False, True]
    lines = b"HCPC,SEQNUM,LONG DESCRIPTION,SHORT DESCRIPTION\nX0001,0010,Thing that,Thing\nX0001,0020,goes on,\n"
    (longer,) = load_code_file(lines, ABOUT, TODAY)["concept"]
    assert (longer["display"], longer["definition"]) == ("Thing", "Thing that goes on")
    tabs = load_code_file(b"c\tn\na\tAy\n", CodeFile("u", "1", "n", {"code": "c", "display": "n"}), TODAY)
    assert tabs["concept"] == [{"code": "a", "display": "Ay"}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "UTF-8"), (b"", "Line 1"), (b"name\nx\n", "Line 1"), (b"code\n", "no codes"), (b"code\na\na\n", "Line 3"),
        (b"code,end\na,soon\n", "Line 2"), (b"code\n" + b"x" * 60, "longer"), (b"code,end\na,13/45/20\n", "Line 2"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_of_codes_is_refused_with_the_line(data: bytes, words: str) -> None:
    with pytest.raises(CodeFileError, match=words):
        load_code_file(data, ABOUT, TODAY)
