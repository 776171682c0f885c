"""All operations and job handlers of the server: a new operation is one new file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from operations.ports import JobHandler, Operation


def operations(unknown_payer: Literal["review", "refuse"], scenarios: Literal["auto", "on", "off"]) -> tuple[Operation, ...]:
    """Every operation. `unknown_payer` and `scenarios` are the server's settings (docs/configuration.md)."""
    return ()


def job_handlers(unknown_payer: Literal["review", "refuse"], scenarios: Literal["auto", "on", "off"]) -> Mapping[str, JobHandler]:
    """What does each kind of durable work."""
    return {}
