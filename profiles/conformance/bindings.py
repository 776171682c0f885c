"""What a validation asks a terminology, and what a binding then finds (FHIR R4 terminologies.html#strength)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Membership:
    """The answer for one code. `member` None: not known here. `right_display`: given where the display is a wrong one."""

    member: bool | None
    right_display: str | None = None


class Terminology(Protocol):
    """Knows value sets and code systems. Canonicals may carry a version."""

    def validate_code(self, value_set: str, system: str | None, code: str, display: str | None = None) -> Membership:
        """Whether a code is in a value set; without a system, whether it is in it under any (a bare `code`)."""

    def code_exists(self, system: str, code: str, display: str | None = None) -> Membership:
        """Whether a code system has a code. None unless the whole system is known."""


class NoTerminology:
    """Knows nothing, and says so."""

    def validate_code(self, value_set: str, system: str | None, code: str, display: str | None = None) -> Membership:
        return Membership(None)

    def code_exists(self, system: str, code: str, display: str | None = None) -> Membership:
        return Membership(None)
