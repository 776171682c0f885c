"""One rule of a PAS response that is broken, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`rule` says what should be; `expression` is FHIRPath from the Bundle."""

    rule: str
    expression: str
