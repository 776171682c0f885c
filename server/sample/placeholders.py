"""Dates relative to a given day, and note texts as lines, in the practice's JSON files.

Two spellings make the files readable and keep the practice from ageing:

- `{{today}}`, `{{today-42d}}`, `{{today+2w}}`, `{{today-47y-118d}}` anywhere in a string stand for that day, written
  `YYYY-MM-DD`. Steps are taken from left to right; a year from 29 February leads to 28 February.
- `Attachment.data` given as a list of lines stands for the base64 of those lines, each ended by a newline, in UTF-8.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date, timedelta
from typing import Final

from profiles.json import Json

_PLACEHOLDER: Final = re.compile(r"\{\{today((?:[+-][0-9]{1,5}[dwy])*)\}\}")
_STEP: Final = re.compile(r"([+-][0-9]+)([dwy])")


def fill(value: Json, today: date) -> Json:
    """A copy of `value` with every placeholder replaced, for the given day. Raises ValueError for one it cannot read."""
    if isinstance(value, str):
        return _fill_text(value, today)
    if isinstance(value, list):
        return [fill(item, today) for item in value]
    if isinstance(value, dict):
        return {name: _fill_member(name, item, today) for name, item in value.items()}
    return value


def _fill_member(name: str, value: Json, today: date) -> Json:
    filled = fill(value, today)
    if name == "data" and isinstance(filled, list):
        return b64encode("".join(f"{line}\n" for line in filled).encode()).decode()
    return filled


def _fill_text(text: str, today: date) -> str:
    filled = _PLACEHOLDER.sub(lambda match: _step(today, match[1]).isoformat(), text)
    if "{{" in filled:
        raise ValueError(f"A placeholder cannot be read: {filled!r}")
    return filled


def _step(day: date, steps: str) -> date:
    for amount, unit in _STEP.findall(steps):
        if unit == "y":
            year = day.year + int(amount)
            day = day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
        else:
            day += timedelta(days=int(amount) * (7 if unit == "w" else 1))
    return day
