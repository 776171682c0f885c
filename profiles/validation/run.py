"""One validation under way: where it is in the resource, and what it found.

A place is a chain of steps that costs one small tuple an object; its FHIRPath text is only made when there is an issue.
"""

from __future__ import annotations

from typing import Final, Optional

from profiles.outcome import Issue

MAX_ISSUES: Final = 50
MAX_DEPTH: Final = 64
"""Objects inside objects. R4 sets no bound; real resources stay under 20, and Python's stack is finite."""

Path = tuple[Optional["Path"], str, int]
"""(the place above, the step's name, its index or -1)."""


class EnoughIssuesError(Exception):
    """Raised inside a run when it has found as many issues as it reports."""


def expression(path: Path) -> str:
    """The FHIRPath of a place: `Bundle.entry[3].resource.birthDate`."""
    steps = []
    place: Path | None = path
    while place is not None:
        above, name, index = place
        steps.append(name if index < 0 else f"{name}[{index}]")
        place = above
    return ".".join(reversed(steps))


class Run:
    """Collects issues, up to `MAX_ISSUES`, and the fragment references of the resource that is being walked."""

    __slots__ = ("fragments", "issues")

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.fragments: list[tuple[str, Path]] = []

    def add(self, code: str, text: str, path: Path) -> None:
        self.issues.append(Issue(code, text, expression(path)))
        if len(self.issues) >= MAX_ISSUES:
            raise EnoughIssuesError
