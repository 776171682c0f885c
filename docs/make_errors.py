"""Writes docs/errors.md from profiles/error_codes.py: `.venv/bin/python docs/make_errors.py`. A test compares the two."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from profiles.error_codes import ERROR_CODES
from profiles.outcome import ERROR_CODE_SYSTEM

PAGE: Final = Path(__file__).with_name("errors.md")

_HEAD: Final = f"""# Error codes

Every refusal is an `OperationOutcome`. Each of its issues carries one of the codes below in `issue.details.coding`, with the
system `{ERROR_CODE_SYSTEM}`, a sentence in `issue.details.text`, and where the fault is in
`issue.expression`. Programs should act on the code; the sentence is for people and may change. No sentence repeats content
of a resource.

The status is the one an answer has when nothing else decides it. In a batch it is in `entry.response.status` instead.

This page is made from `profiles/error_codes.py` by `docs/make_errors.py`.

| code | status | FHIR issue type | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page, in Markdown."""
    rows = [
        f"| `{code}` | {row.status} | `{row.issue_type}` | {row.meaning} |" for code, row in sorted(ERROR_CODES.items())
    ]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
