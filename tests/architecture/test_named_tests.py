"""Pages that say which test holds what: every test and every file that they name is there, and no line goes without."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGES = ("docs/threat-model.md", "docs/hipaa.md")
_CODE = re.compile(r"`([^`\n]+)`")
_TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")
_FILE = re.compile(r"(?:server|operations|profiles|terminology|tests|docs|benchmarks)/[\w./-]+")
_LINK = re.compile(r"\]\(([\w./-]+)(?:#[\w-]+)?\)")
_OPERATOR = "The operator's"


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of the tests of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, functions) and node.name.startswith("test_")
    )


def is_there(name: str) -> bool:
    """Whether the checkout has the test, file or folder."""
    file, _, test = name.partition("::")
    path = CHECKOUT / file
    return path.exists() and (not test or test in names_in(path))


def rows(page: str) -> list[list[str]]:
    """The cells of the rows of a page's tables, without their heads."""
    lines = (CHECKOUT / page).read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in cells if not set("".join(row)) <= set("- |") and row[-1] not in {"held by", "test"}]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page: str) -> None:
    text = (CHECKOUT / page).read_text("utf-8")
    named = [code for code in _CODE.findall(text) if _TEST.fullmatch(code) or _FILE.fullmatch(code)]
    assert len(named) > 20
    assert [name for name in named if not is_there(name)] == []
    assert [link for link in _LINK.findall(text) if not (CHECKOUT / "docs" / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_its_test_or_says_that_it_is_not_ours(page: str) -> None:
    without = [row for row in rows(page) if not _TEST.search(row[-1]) and _OPERATOR not in " ".join(row)]
    assert len(rows(page)) > 30
    assert without == []


SAFEGUARDS = {
    "164.308": (
        "(a)(1)(ii)(A) (a)(1)(ii)(B) (a)(1)(ii)(C) (a)(1)(ii)(D) (a)(2) (a)(3)(ii)(A) (a)(3)(ii)(B) (a)(3)(ii)(C) (a)(4)(ii)(A) (a)(4)(ii)(B) "
        "(a)(4)(ii)(C) (a)(5)(ii)(A) (a)(5)(ii)(B) (a)(5)(ii)(C) (a)(5)(ii)(D) (a)(6)(ii) (a)(7)(ii)(A) (a)(7)(ii)(B) (a)(7)(ii)(C) "
        "(a)(7)(ii)(D) (a)(7)(ii)(E) (a)(8) (b)(3)"
    ),
    "164.310": "(a)(2)(i) (a)(2)(ii) (a)(2)(iii) (a)(2)(iv) (b) (c) (d)(2)(i) (d)(2)(ii) (d)(2)(iii) (d)(2)(iv)",
    "164.312": "(a)(1) (a)(2)(i) (a)(2)(ii) (a)(2)(iii) (a)(2)(iv) (b) (c)(1) (c)(2) (d) (e)(1) (e)(2)(i) (e)(2)(ii)",
    "164.314": "(a)(2)(i) (a)(2)(ii) (a)(2)(iii) (b)(2)",
    "164.316": "(a) (b)(1) (b)(2)(i) (b)(2)(ii) (b)(2)(iii)",
}
"""The implementation specifications of the Security Rule, and the standards that have none of their own (appendix A to Subpart C)."""


def test_no_safeguard_is_left_out() -> None:
    sections = re.split(r"^## (?=164)", (CHECKOUT / "docs/hipaa.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    listed = {part[:7]: re.findall(r"^\| ((?:\(\w+\))+) ", part, re.MULTILINE) for part in sections}
    assert listed == {section: cited.split() for section, cited in SAFEGUARDS.items()}


def test_every_letter_of_stride_is_asked_at_every_boundary() -> None:
    """A boundary without one would be a threat that nobody thought of, or one that is not there: then it says so."""
    boundaries = re.split(r"^## (?=\d )", (CHECKOUT / "docs/threat-model.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    missing = {part.split("\n")[0]: letter for part in boundaries for letter in "STIDE" if f"\n| {letter} |" not in part}
    assert missing == {}
    assert all("\n| R |" in part for part in boundaries if not part.startswith("5 "))


def test_a_name_that_is_not_there_is_found_out() -> None:
    assert is_there("tests/architecture/test_named_tests.py::test_a_name_that_is_not_there_is_found_out")
    assert not is_there("tests/architecture/test_named_tests.py::test_of_nothing")
    assert not is_there("tests/architecture/test_none.py")
