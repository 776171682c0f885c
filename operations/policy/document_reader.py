"""Reading a JSON object of unknown quality element by element, with an exact issue for everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Final

from operations.policy.operators import is_number
from profiles.json import Json
from profiles.outcome import Issue

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(slots=True)
class DocumentReader:
    """One object of the document. `at` is its expression (empty for the root); issues go to the shared list."""

    value: dict[str, Json]
    at: str
    issues: list[Issue]
    code: str = "policy-invalid"

    def path(self, key: str) -> str:
        return f"{self.at}.{key}" if self.at else key

    def issue(self, key: str, text: str) -> None:
        self.issues.append(Issue(self.code, text, self.path(key)))

    def only(self, known: Iterable[str]) -> None:
        """Every other key is an issue, with the nearest known one."""
        known = tuple(known)
        for key in self.value.keys() - set(known):
            close = get_close_matches(key, known, 1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            self.issue(key, f"There is no element '{key}' here.{hint}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; required unless a default is given."""
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            self.issue(key, f"'{key}' must be a text that is not empty.")
            return default or ""
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self.value.get(key) is None else self.text(key)

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.value.get(key, default)
        if not isinstance(value, str) or value not in choices:
            self.issue(key, f"'{key}' must be one of {', '.join(choices)}.")
            return choices[0]
        return value

    def day(self, key: str) -> date | None:
        """A full date, or None when the element is absent or null."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, str) and _DATE.fullmatch(value):
            with suppress(ValueError):
                return date.fromisoformat(value)
        self.issue(key, f"'{key}' must be a date, YYYY-MM-DD.")
        return None

    def whole(self, key: str, low: int = 0, high: int = 1_000_000) -> int | None:
        """A whole number within bounds, or None when absent."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.issue(key, f"'{key}' must be a whole number from {low} to {high}.")
            return None
        return value

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """A number strictly between the bounds."""
        value = self.value.get(key, default)
        if not is_number(value) or not low < value < high:
            self.issue(key, f"'{key}' must be a number between {low} and {high}.")
            return default
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; absent is empty."""
        value = self.value.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
            self.issue(key, f"'{key}' must be a list of texts.")
            return ()
        return tuple(value)

    def child(self, key: str) -> DocumentReader:
        """The object under `key`; an absent one reads as empty."""
        value = self.value.get(key, {})
        if not isinstance(value, dict):
            self.issue(key, f"'{key}' must be an object.")
            value = {}
        return DocumentReader(value, self.path(key), self.issues, self.code)

    def children(self, key: str, required: bool = False) -> list[DocumentReader]:
        """The objects of the list under `key`."""
        value = self.value.get(key, [])
        if not isinstance(value, list) or (required and not value):
            self.issue(key, f"'{key}' must be a list with at least one entry." if required else f"'{key}' must be a list.")
            return []
        readers = []
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                readers.append(DocumentReader(entry, f"{self.path(key)}[{index}]", self.issues, self.code))
            else:
                self.issue(f"{key}[{index}]", "An object is needed here.")
        return readers
