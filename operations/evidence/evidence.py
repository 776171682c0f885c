"""All facts of a packet together, and the nested document that policies are evaluated on (DESIGN sections 5 and 7).

The document is made by the merge rules of merge.py. What disagrees is listed by `contradictions`, and never settled
silently; what could not be read is listed in `unread`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from operations.evidence.body_site import reach_of
from operations.evidence.fact import Fact, Unread
from operations.evidence.merge import disputes, kind_of, ordered, settle
from profiles.json import Json

CONFIDENCE_FLOOR: Final = 0.5
"""Facts below it are kept and shown, but do not enter the document."""


_SHOWN_IN_LIMBS: Final = ("exam.neuro_deficit", "exam.radiculopathy", "symptom_duration_weeks", "function.")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Facts of one name that disagree. `chosen` is the one the document follows, None when it follows none of them."""

    name: str
    facts: tuple[Fact, ...]
    chosen: Fact | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts with their sources. `focus` holds the body regions that the request is about (empty: not known)."""

    facts: tuple[Fact, ...]
    unread: tuple[Unread, ...] = ()
    focus: frozenset[str] = frozenset()
    _index: dict[str, list[Fact]] | None = field(default=None, init=False, repr=False, compare=False)

    def document(self) -> dict[str, Json]:
        """The nested evidence document. A name without a settled value is left out, which policies read as unknown."""
        document: dict[str, Json] = {}
        for name, facts in self._by_name().items():
            value = settle(name, facts)
            if value is not None:
                _put(document, name, value)
        return document

    def facts_for(self, name: str) -> tuple[Fact, ...]:
        """The facts that the document's value of `name` rests on or was weighed against, best first."""
        return tuple(self._by_name().get(name, ()))

    def facts_elsewhere(self, name: str) -> tuple[Fact, ...]:
        """Facts of `name` about body regions that the request is not about ("an MRI, but of the knee")."""
        return tuple(ordered(name, [fact for fact in self.facts if fact.name == name and not self._relevant(fact)]))

    def with_facts(self, extra: Iterable[Fact]) -> Evidence:
        """The same evidence with more facts."""
        return replace(self, facts=(*self.facts, *extra))

    def contradictions(self) -> tuple[Contradiction, ...]:
        """Every disagreement, in the order of the names."""
        return tuple(
            Contradiction(name, dispute.facts, dispute.chosen)
            for name, facts in sorted(self._by_name().items())
            for dispute in disputes(name, facts)
        )

    def _relevant(self, fact: Fact) -> bool:
        if not self.focus or fact.site is None or fact.site in self.focus:
            return True
        return fact.name.startswith(_SHOWN_IN_LIMBS) and fact.site in reach_of(self.focus)

    def _by_name(self) -> dict[str, list[Fact]]:
        """The facts of each name, best first. Sorted once: policies ask for one name after another."""
        if self._index is None:
            object.__setattr__(self, "_index", self._sorted_by_name())
        return self._index or {}

    def _sorted_by_name(self) -> dict[str, list[Fact]]:
        names: dict[str, list[Fact]] = {}
        for fact in self.facts:
            if fact.confidence >= CONFIDENCE_FLOOR and self._relevant(fact) and _fits(fact):
                names.setdefault(fact.name, []).append(fact)
        return {name: ordered(name, facts) for name, facts in _of_one_study(names).items()}


def _fits(fact: Fact) -> bool:
    """True when the value is of the kind that the vocabulary gives the name: an outside extractor may be wrong."""
    kind, value = kind_of(fact.name), fact.value
    if kind == "number":
        return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return isinstance(value, {"boolean": bool, "string": str, "list": list}[kind]) if kind else False


def _of_one_study(names: dict[str, list[Fact]]) -> dict[str, list[Fact]]:
    """Date, site and findings of a study must be those of the study that counts, not of another body region's."""
    for name, anchor_name in _anchors(names):
        anchor = ordered(anchor_name, names[anchor_name])[0]
        if anchor.site is not None or anchor.topic is not None:
            kept = [
                fact
                for fact in names[name]
                if fact.site in (None, anchor.site) and (fact.topic in (None, anchor.topic) or anchor.topic is None)
            ]
            names[name] = kept
    return {name: facts for name, facts in names.items() if facts}


def _anchors(names: dict[str, list[Fact]]) -> list[tuple[str, str]]:
    pairs = []
    for name in names:
        if name.startswith("imaging.") and not name.endswith(".done"):
            anchor = f"{name.rpartition('.')[0]}.done"
        elif name.startswith("oxygen.") and name not in ("oxygen.sao2", "oxygen.pao2"):
            anchor = "oxygen.sao2" if "oxygen.sao2" in names else "oxygen.pao2"
        else:
            continue
        if anchor in names:
            pairs.append((name, anchor))
    return pairs


def _put(document: dict[str, Json], name: str, value: Json) -> None:
    *path, leaf = name.split(".")
    place = document
    for part in path:
        place = place.setdefault(part, {})
    place[leaf] = value
