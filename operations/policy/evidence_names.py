"""Reading a named value out of evidence JSON, nested or flat, whatever names it goes by (DESIGN section 7).

One matter may have several names: `pt_weeks` in a flat document is `conservative_therapy.physical_therapy.completed_weeks` in
a nested one. All of them are looked at, and all values found are handed on, so that none is picked silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from operations.policy.operators import kind_of
from profiles.json import Json

DIAGNOSIS: Final = "diagnosis"
_NSAID_TRIALED: Final = "conservative_therapy.nsaids.trialed"
_CARE_FAILED: Final = "conservative_therapy.failed"
_COURSES: Final = tuple(f"conservative_therapy.{course}" for course in ("physical_therapy", "home_exercise", "nsaids"))
WITHOUT_SUCCESS: Final = frozenset({"no relief", "minimal relief", "not tolerated"})
"""Outcomes that say that a treatment did not help."""

_SYNONYMS: Final[tuple[tuple[str, ...], ...]] = (
    (DIAGNOSIS, "diagnoses"),
    ("conservative_therapy.physical_therapy.completed_weeks", "physical_therapy_weeks", "pt_weeks"),
    ("conservative_therapy.physical_therapy.sessions", "physical_therapy_sessions", "pt_sessions"),
    (_NSAID_TRIALED, "nsaid_trialed", "nsaid_trial"),
    ("imaging.mri.done", "mri_done"),
    ("imaging.mri.months_ago", "mri_months_ago"),
    ("imaging.xray.done", "xray_done"),
    ("body.bmi", "bmi"),
)
_NAMES: Final[dict[str, tuple[str, ...]]] = {name: group for group in _SYNONYMS for name in group}

_WORD: Final = re.compile(r"[a-z]+")
NSAIDS: Final = frozenset(
    _WORD.findall(
        "aspirin celecoxib diclofenac diflunisal etodolac fenoprofen flurbiprofen ibuprofen indomethacin ketoprofen "
        "ketorolac mefenamic meloxicam nabumetone naproxen oxaprozin piroxicam salsalate sulindac tolmetin"
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """A value that stands in the document under `path`."""

    path: str
    value: Json


@dataclass(frozen=True, slots=True)
class Blocked:
    """The way to `path` leads through something that is no object; `reason` says what."""

    path: str
    reason: str


def names_of(name: str) -> tuple[str, ...]:
    """All names of the matter, the vocabulary's own first."""
    return _NAMES.get(name, (name,))


def canonical_name(name: str) -> str:
    """The vocabulary's name for `name`."""
    return names_of(name)[0]


def find_values(evidence: Json, name: str) -> tuple[tuple[Found, ...], tuple[Blocked, ...]]:
    """Every value that the document gives under a name of the matter, and the ways that were blocked."""
    found: list[Found] = []
    blocked: list[Blocked] = []
    for path in names_of(name):
        answer = _walk(evidence, path)
        if isinstance(answer, Found):
            found.append(answer)
        elif answer is not None:
            blocked.append(answer)
    group = canonical_name(name)
    if group == DIAGNOSIS and found:
        found = [_one_list(found)]
    elif group == _NSAID_TRIALED and not found:
        found = list(_nsaid_among_medications(evidence))
    elif group == _CARE_FAILED and not found:
        found = list(_failed_by_outcome(evidence))
    return tuple(found), tuple(blocked)


def _walk(evidence: Json, path: str) -> Found | Blocked | None:
    if not isinstance(evidence, dict):
        return None
    if evidence.get(path) is not None:
        return Found(path, evidence[path])
    here: Json = evidence
    done: list[str] = []
    for step in path.split("."):
        if not isinstance(here, dict):
            return Blocked(path, f"type mismatch: {'.'.join(done)} is {kind_of(here)}, not an object")
        here = here.get(step)
        if here is None:
            return None
        done.append(step)
    return Found(path, here)


def _one_list(found: list[Found]) -> Found:
    """Diagnosis codes as one list; a text such as `M54.50;M51.36` is split."""
    codes: list[Json] = []
    for each in found:
        for entry in each.value if isinstance(each.value, list) else [each.value]:
            parts = re.split(r"[;,\s]+", entry.strip()) if isinstance(entry, str) else [entry]
            codes += [part for part in parts if part != "" and part not in codes]
    return Found(found[0].path, codes)


def _nsaid_among_medications(evidence: Json) -> Iterator[Found]:
    """A flat document says it by listing the drug. A list without one denies nothing."""
    for name in ("medications", "medications_failed"):
        answer = _walk(evidence, name)
        if isinstance(answer, Found) and isinstance(answer.value, list):
            texts = (entry.casefold() for entry in answer.value if isinstance(entry, str))
            if any(not NSAIDS.isdisjoint(_WORD.findall(text)) for text in texts):
                yield Found(name, True)
                return


def _failed_by_outcome(evidence: Json) -> Iterator[Found]:
    """Care that nobody judges as a whole has failed when every course of it has, each with its outcome."""
    courses = {path: found.value for path in _COURSES if isinstance(found := _walk(evidence, path), Found)}
    outcomes = {path: course.get("outcome") for path, course in courses.items() if isinstance(course, dict) and course}
    failed = [isinstance(said, str) and said.strip().casefold() in WITHOUT_SUCCESS for said in outcomes.values()]
    if outcomes and all(failed):
        yield Found(f"{next(iter(outcomes))}.outcome", True)
