"""A patient's expected authorization friction, 0..100: how much work their next request is likely to make. Pure.

Six components, each a step or a rate with a cap; the caps add up to 100 (docs/risk.md). The weights are assumptions of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from operations.risk.denial_risk import Band

Origin = Literal["given", "counted", "default"]
FigureValue = int | str | None

MEDIUM_FROM: Final = 30
HIGH_FROM: Final = 60
URGENCY: Final[dict[str, int]] = {"routine": 0, "urgent": 6, "emergency": 10}
"""Points by urgency; the spellings of Claim.priority are mapped in friction_figures.py."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One input: its value, whether it was given, counted from the record, or a default, and what it was counted from."""

    value: FigureValue
    origin: Origin
    references: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One component: at most `weight` points, of which it contributes `contribution`."""

    name: str
    figure: Figure
    weight: int
    contribution: int


@dataclass(frozen=True, slots=True)
class Friction:
    score: int
    band: Band
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """How a component turns its value into points."""

    weight: int
    points: Callable[[FigureValue], int]
    unknown: Figure = field(default_factory=lambda: Figure(0, "default"))


def _age(value: FigureValue) -> int:
    if not isinstance(value, int):
        return 0
    return 12 if value >= 80 else 8 if value >= 65 else 4 if value < 18 else 0


def _rate(per_unit: int, cap: int) -> Callable[[FigureValue], int]:
    return lambda value: min(cap, per_unit * value) if isinstance(value, int) else 0


def _urgency(value: FigureValue) -> int:
    return URGENCY.get(value, 0) if isinstance(value, str) else 0


MEASURES: Final[Mapping[str, Measure]] = {
    "age": Measure(12, _age, Figure(None, "default")),
    "denials-12-months": Measure(32, _rate(8, 32)),
    "chronic-conditions": Measure(18, _rate(3, 18)),
    "emergency-visits-6-months": Measure(12, _rate(4, 12)),
    "urgency": Measure(10, _urgency, Figure("routine", "default")),
    "packet-gaps": Measure(16, _rate(4, 16)),
}


def friction(figures: Mapping[str, Figure]) -> Friction:
    """The score of these figures; what is not among them counts by its default."""
    components = []
    for name, measure in MEASURES.items():
        figure = figures.get(name, measure.unknown)
        components.append(Component(name, figure, measure.weight, measure.points(figure.value)))
    score = sum(component.contribution for component in components)
    band: Band = "low" if score < MEDIUM_FROM else "medium" if score < HIGH_FROM else "high"
    return Friction(score, band, tuple(components))
