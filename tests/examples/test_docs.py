"""The pages of docs/ that are made from code are up to date, and no page points at something that is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from profiles.error_codes import ERROR_CODES

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def heading_anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+\s+(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_page_of_error_codes_is_what_the_table_says() -> None:
    script = "import sys; sys.path.insert(0, 'docs'); import make_errors; sys.stdout.write(make_errors.page())"
    made = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/errors.md").read_text("utf-8") == made, "run: .venv/bin/python docs/make_errors.py"
    assert all(f"| `{code}` |" in made for code in ERROR_CODES)


def test_the_page_of_operations_is_what_their_definitions_say() -> None:
    script = "import sys; sys.path.insert(0, 'docs'); import make_operations; sys.stdout.write(make_operations.page())"
    made = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/operations.md").read_text("utf-8") == made, "run: .venv/bin/python docs/make_operations.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        if not aim.exists() or (anchor and aim.suffix == ".md" and anchor not in heading_anchors(aim)):
            broken.append(target)
    assert not broken


def test_every_page_is_found_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"({page})" not in index} == set()
