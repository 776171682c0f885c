"""Evidence as the engine reads it: the document, the facts behind each name, and the same with something supposed.

Supposing facts (`supposing`) puts values in place of what the evidence says, which is how a preview asks "what if this gap
were closed" without touching the evidence itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from operations.evidence.evidence import Contradiction, Evidence
from operations.evidence.fact import Fact
from operations.evidence.vocabulary import VOCABULARY
from profiles.json import Json

_NOTHING: Final[Mapping[str, tuple[Fact, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """`document` is evidence JSON; `supposed` holds the facts that stand in for what the evidence says of a name."""

    evidence: Evidence
    document: Mapping[str, Json]
    contradictions: tuple[Contradiction, ...]
    supposed: Mapping[str, tuple[Fact, ...]] = field(default_factory=lambda: _NOTHING)
    _looked_up: dict[str, tuple[Fact, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Facts by name as the evidence gave them, so that re-runs need not order them again."""

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceView:
        return cls(evidence, evidence.document(), evidence.contradictions())

    def facts_for(self, name: str) -> tuple[Fact, ...]:
        """The facts of a name, best first."""
        if name in self.supposed:
            return self.supposed[name]
        return self._said(name)

    def _said(self, name: str) -> tuple[Fact, ...]:
        if name not in self._looked_up:
            self._looked_up[name] = self.evidence.facts_for(name)
        return self._looked_up[name]

    def supposing(self, facts: Iterable[Fact]) -> EvidenceView:
        """The view in which `facts` replace what is said of their names; lists grow instead."""
        document: dict[str, Json] = dict(self.document)
        supposed = dict(self.supposed)
        for fact in facts:
            value, before = fact.value, supposed.get(fact.name, ())
            if is_list(fact.name):
                known = read_path(document, fact.name)
                value = [*(known if isinstance(known, list) else []), *(value if isinstance(value, list) else [value])]
                before = before or self._said(fact.name)
            else:
                before = ()
            document = with_value(document, fact.name, value)
            supposed[fact.name] = (*before, fact)
        settled = tuple(entry for entry in self.contradictions if is_list(entry.name) or entry.name not in supposed)
        return EvidenceView(self.evidence, document, settled, supposed, self._looked_up)


def is_list(name: str) -> bool:
    term = VOCABULARY.get(name)
    return term is not None and term.kind == "list"


def read_path(document: Json, name: str) -> Json:
    """The value at a dotted path, or None."""
    for step in name.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(step)
    return document


def with_value(document: Mapping[str, Json], name: str, value: Json) -> dict[str, Json]:
    """A copy of `document` with `value` at a dotted path; only the way there is copied."""
    head, _, rest = name.partition(".")
    copy = dict(document)
    if not rest:
        copy[head] = value
    else:
        below = copy.get(head)
        copy[head] = with_value(below if isinstance(below, Mapping) else {}, rest, value)
    return copy
