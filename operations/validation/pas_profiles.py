"""A PAS request Bundle against the profiles of its guide (PAS 2.2.1 and 2.0.1, profile-pas-request-bundle and its siblings).

What the Claim itself breaks is a fault. What can be gone on without is a warning, since the guide's own test kit sends it: what the
newest profiles demand and older senders leave out, targets and extensions that conform to nothing, codes, and the resources
beside the Claim. What nobody can tell (X12 and NUBC content, unknown definitions) is not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from operations.validation.shelf import Shelf
from profiles.conformance import Finding, Options, Validator
from profiles.conformance.context import MAX_FINDINGS
from profiles.json import Json, Resource
from profiles.library import PasVersion, library
from profiles.outcome import Issue, Severity
from profiles.pas_names import PAS_SD
from profiles.pas_request import Purpose
from terminology.catalogue import MemoryCatalogue

SMALL: Final = 3000
"""Objects and lists of a Bundle that is held against the profiles at once: milliseconds."""
CLAIM: Final = "Bundle.entry[0].resource"
_BUNDLES: Final[dict[Purpose, str]] = {
    "submit": "profile-pas-request-bundle",
    "inquire": "profile-pas-inquiry-request-bundle",
}
_FAULTS: Final = frozenset(
    {"required-element", "cardinality", "type-invalid", "value-fixed", "value-bounds", "slicing", "invariant"}
)
_FOLLOWING: Final = frozenset({"profile-none"})
"""What is only said because something else is wrong in it."""
_DONE_WITHOUT: Final = frozenset({"Claim.item", "Claim.item.category", "Claim.item.location[x]", "Claim.insurance.focal"})
"""Elements, by their id in the profile, that older senders leave out, that a whole cancellation has none of, and that a second
coverage contradicts. Extensions and supportingInfo may differ in any way."""
_OFFICIAL_DEPARTURES: Final = frozenset({"prof-1", "prof-2", "prof-3"})
"""Rules for timings and quantities that official examples break."""


class PasProfiles:
    """Holds requests against the library's profiles, in threads of its own. Nothing stored has a say in it."""

    def __init__(self) -> None:
        self._shelves: dict[PasVersion, Shelf] = {}
        self._threads = ThreadPoolExecutor(2, "pas-profiles")

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def issues(
        self, bundle: Resource, purpose: Purpose, version: PasVersion, *, structure: bool = True
    ) -> list[Issue]:
        """What the Bundle breaks, told from its root. It has a Claim as its first entry's resource.

        `structure`: whether R4's structure is looked at as well; not where `read_request` has taken the Bundle.
        """
        shelf = self._shelves.get(version)
        if shelf is not None and _is_small(bundle):  # going to a thread and back would take longer on a busy machine
            return _issues(bundle, purpose, version, shelf, structure)
        if shelf is None:  # lists alone: whether a diagnosis exists is the payer's to say
            shelf = Shelf(library(version), MemoryCatalogue())
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, partial(_issues, bundle, purpose, version, shelf, structure))
        self._shelves[version] = shelf  # from now on most of its definitions are ready
        return found


def _is_small(value: Json) -> bool:
    """Whether it has no more objects than a request has usually, several times over."""
    level, left = [value], SMALL
    while level and left > 0:
        left -= len(level)
        level = [
            part
            for each in level
            for part in (each.values() if type(each) is dict else each)
            if type(part) is dict or type(part) is list
        ]
    return left > 0


def _issues(bundle: Resource, purpose: Purpose, version: PasVersion, shelf: Shelf, structure: bool = True) -> list[Issue]:
    options = Options(best_practice=None, structure=structure, explained=False)  # what it explains is among _FOLLOWING
    validator = Validator(shelf.definitions, shelf.codes, options)
    asked = f"{PAS_SD}{_BUNDLES[purpose]}|{version}"
    found = validator.validate(_by_one_profile(bundle, purpose, version), profiles=[asked])
    return _judged(found)


def _by_one_profile(bundle: Resource, purpose: Purpose, version: PasVersion) -> Resource:
    """The Bundle with its Claim claiming the one profile that is meant, so that each departure is told by itself."""
    first, *others = bundle["entry"]
    claim: Resource = first["resource"]
    kind = (
        "profile-claim-inquiry"
        if purpose == "inquire"
        else "profile-claim-update"
        if claim.get("related")
        else "profile-claim"
    )
    meta = claim.get("meta")
    meta = {**(meta if isinstance(meta, dict) else {}), "profile": [f"{PAS_SD}{kind}|{version}"]}
    return {**bundle, "entry": [{**first, "resource": {**claim, "meta": meta}}, *others]}


def _judged(found: Sequence[Finding]) -> list[Issue]:
    """Faults as they are, what is let pass as warnings, each once; without what follows from others, or is a warning anyway."""
    once: dict[tuple[str | None, ...], Issue] = {}
    for each in found:
        if each.severity != "error" or each.code in _FOLLOWING:
            continue
        severity: Severity = "error" if _is_fault(each) else "warning"
        issue = Finding("pas-profile", each.text, each.expression, severity, each.rule, each.fix)
        once.setdefault(each.fault, issue)
    told = list(once.values())
    if len(found) >= MAX_FINDINGS:
        told.append(
            Issue("pas-profile", "So much departs from the profiles that not all of it was looked at.", "Bundle", "warning")
        )
    return told


def _is_fault(finding: Finding) -> bool:
    place, rule = finding.expression or "", finding.rule or ""
    beside = place.startswith("Bundle.entry[") and not place.startswith(CLAIM)
    if beside or finding.code not in _FAULTS or rule in _OFFICIAL_DEPARTURES or rule in _DONE_WITHOUT:
        return False
    return ".extension" not in place and not place.startswith(f"{CLAIM}.supportingInfo")
