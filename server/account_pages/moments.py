"""Moments as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(microseconds: int) -> str:
    """In UTC, to the minute: whoever reads it may be anywhere."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
