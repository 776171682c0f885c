"""Sequence numbers of a Claim: each once, and every pointer (`careTeamSequence`, ...) points at one (R4 Claim; PAS spec-22)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles.json import Resource
from profiles.outcome import Issue
from profiles.reading import numbered, whole

_NUMBERED: Final = ("item", "supportingInfo", "careTeam", "diagnosis", "procedure", "insurance")
_POINTERS: Final = (
    ("careTeamSequence", "careTeam"),
    ("diagnosisSequence", "diagnosis"),
    ("procedureSequence", "procedure"),
    ("informationSequence", "supportingInfo"),
)


def sequence_issues(claim: Resource, root: str) -> Iterator[Issue]:
    known: dict[str, set[int]] = {}
    for name in _NUMBERED:
        known[name] = set()
        for index, each in numbered(claim.get(name)):
            sequence = whole(each.get("sequence"))
            at = f"{root}.{name}[{index}].sequence"
            if sequence is None:
                yield Issue("required-element", f"Every {name} needs a sequence number.", at)
            elif sequence in known[name]:
                yield Issue("pas-sequence", f"Another {name} has the same sequence number.", at)
            else:
                known[name].add(sequence)
    for index, item in numbered(claim.get("item")):
        for pointer, target in _POINTERS:
            yield from _dangling(item.get(pointer), known[target], f"{root}.item[{index}].{pointer}", target)


def _dangling(pointers: object, known: set[int], at: str, target: str) -> Iterator[Issue]:
    if isinstance(pointers, list):
        for place, pointer in enumerate(pointers):
            if whole(pointer) is not None and pointer not in known:
                yield Issue("pas-sequence", f"No {target} has this sequence number.", f"{at}[{place}]")
