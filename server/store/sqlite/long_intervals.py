"""The few intervals that are long, by their high end: open periods, stays of months.

Rows of `interval` are in the order of their low ends. A search for what ends after some time would have to look at all that began
before it; with these in an index of their own, it looks at what began shortly before, and at the long ones that end after.
"""

from __future__ import annotations

from typing import Final

LONG: Final = 31 * 86_400_000_000.0
"""A month in microseconds. Part of the schema: never change it."""

LONG_INDEX: Final = "interval_long"
LONG_CONDITION: Final = f"i.high - i.low > {LONG}"
"""As the index has it, or SQLite does not use it."""

LONG_TABLES: Final = f"CREATE INDEX {LONG_INDEX} ON interval (col, high) WHERE high - low > {LONG}"
