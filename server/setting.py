"""What a row of the table of settings is (server/setting_rows.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is what an unset or empty variable stands for."""

    variable: str
    field: str
    default: str
    meaning: str
    parse: Callable[[str, str], Any]
