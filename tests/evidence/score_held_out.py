"""Counts how held-out sentences are read.

A statement is one expected value, or one name that must be silent. Precision is right values of all that were claimed under the
names each sentence judges; recall is right values of all that were expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from held_out import HELD_OUT, Case


@dataclass(frozen=True, slots=True)
class Score:
    sentences: int
    right_sentences: int
    expected: int
    found: int
    claimed_wrongly: int
    wrong: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.claimed_wrongly)

    @property
    def recall(self) -> float:
        return self.found / self.expected


def score(read: Callable[[str], dict[str, Any]], cases: Sequence[Case] = HELD_OUT) -> Score:
    """How `read` (a sentence to its settled values by name) does on `cases`."""
    found = claimed_wrongly = 0
    wrong = []
    for text, says, silent in cases:
        values = read(text)
        right = [name for name, value in says.items() if values.get(name) == value]
        other = [name for name, value in says.items() if name in values and values[name] != value]
        false = [
            name for name, value in values.items() if value is not False and any(_under(name, prefix) for prefix in silent)
        ]
        found += len(right)
        claimed_wrongly += len(other) + len(false)
        if len(right) < len(says) or false:
            wrong.append((text, values))
    return Score(
        len(cases),
        len(cases) - len(wrong),
        sum(len(says) for _, says, _ in cases),
        found,
        claimed_wrongly,
        tuple(wrong),
    )


def _under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
