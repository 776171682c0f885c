"""What was done: therapy, injections, imaging, sleep tests (FHIR R4 Procedure, status completed only).

Bare CPT and HCPCS codes are references to what our policies ask for, in words of ours; no descriptors.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from operations.evidence.body_site import region_in, region_of_code
from operations.evidence.coded.elements import (
    codings,
    items,
    months_between,
    obj,
    period,
    resource_of,
    source,
    weeks_between,
    when,
    words,
)
from operations.evidence.coded.studies import Study, study_facts
from operations.evidence.fact import Fact
from operations.evidence.phrases import study_in
from operations.packet import Entry

_CODES: Final[dict[str, str]] = {
    "physical-therapy": "97110 97112 97116 97140 97150 97530 97161 97162 97163 97164 G0151 91251008",
    "chiropractic": "98940 98941 98942",
    "injection": "62320 62321 62322 62323 64479 64480 64483 64484 64490 64491 64492 64493 64494 64495 20605 20606 20610 "
    "20611 27096",
    "mri": "72141 72142 72146 72147 72148 72149 72156 72157 72158 73721 73722 73723 73221 73222 73223 113091000",
    "ct": "72131 72132 72133 72125 72128 73700 73200 74177 71260 77477000",
    "xray": "72100 72110 72114 72120 72040 72050 72070 73560 73562 73564 73501 73502 73030 363680008",
    "duplex": "93970 93971",
    "pet": "78811 78812 78813 78814 78815 78816",
    "sleep-test": "95808 95810 95811",
    "home-sleep-test": "95800 95801 95806 G0398 G0399 G0400",
}
_KIND: Final = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
_IMAGING: Final = frozenset({"mri", "ct", "xray", "duplex", "pet"})
_SCREENING: Final = {"28163009": "screening.tuberculosis", "47758006": "screening.hepatitis_b"}
_PT: Final = "conservative_therapy.physical_therapy"
_INJECTION_WORDS: Final = (
    "steroid injection",
    "epidural injection",
    "facet injection",
    "joint injection",
    "epidural steroid",
)


def procedure_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """Facts of one completed Procedure; of a therapy course the weeks only where this resource itself has a period."""
    procedure = resource_of(entry)
    if procedure.get("status") != "completed":
        return
    done = when(procedure, "performedDateTime", "performedPeriod")
    if done is not None and done > as_of and (period(procedure.get("performedPeriod"))[0] or done) > as_of:
        return
    coded = [coding for coding in codings(procedure.get("code")) if coding.code]
    kinds = {_KIND[coding.code] for coding in coded if coding.code in _KIND}
    described = words(procedure.get("code"), procedure.get("bodySite"))
    site = region_in(described) or next((r for c in coded if (r := region_of_code(c.system, c.code))), None)
    yield from _therapy(entry, kinds, described, done, site, as_of)
    yield from _injection(entry, kinds, described, done, site, as_of)
    kind = next((kind for kind in sorted(kinds & _IMAGING)), None) or study_in(described)
    if kind is not None:
        bodies = " ".join(words(body) for _, body in items(procedure.get("bodySite")))
        yield from study_facts(entry, Study(kind, done, site, bodies or described, "code", 0.95), as_of)
    yield from _tests(entry, kinds, {coding.code for coding in coded}, described, done)


def _therapy(
    entry: Entry, kinds: set[str], described: str, done: date | None, site: str | None, as_of: date
) -> Iterator[Fact]:
    is_pt = "physical-therapy" in kinds or "physical therap" in described or "physiotherap" in described
    if not is_pt and "chiropractic" not in kinds and "chiropractic" not in described:
        return
    where = source(entry, "performedPeriod")
    start, end = period(obj(resource_of(entry).get("performedPeriod")))
    if start is not None and end is not None:
        weeks = weeks_between(start, min(end, as_of))
        if weeks > 0:
            if is_pt:
                yield Fact(f"{_PT}.completed_weeks", weeks, where, "coded", 0.95, end, site)
            yield Fact("conservative_therapy.total_weeks", weeks, where, "coded", 0.95, end, site)
    if done is not None:
        where = source(entry, "performed")
        yield Fact("conservative_therapy.months_ago", months_between(done, as_of), where, "coded", 0.95, done, site)
        if is_pt and (start is None or start == end):
            yield Fact(f"{_PT}.sessions", 1, where, "coded", 0.95, done, site, done.isoformat())


def _injection(
    entry: Entry, kinds: set[str], described: str, done: date | None, site: str | None, as_of: date
) -> Iterator[Fact]:
    if "injection" not in kinds and not any(phrase in described for phrase in _INJECTION_WORDS):
        return
    stem = "conservative_therapy.injections"
    yield Fact(f"{stem}.done", True, source(entry, "code"), "coded", 0.95, done, site)
    if done is not None and months_between(done, as_of) <= 12:
        yield Fact(f"{stem}.count", 1, source(entry, "performed"), "coded", 0.95, done, site, done.isoformat())


def _tests(entry: Entry, kinds: set[str], found: set[str], described: str, done: date | None) -> Iterator[Fact]:
    where = source(entry, "code")
    home = "home-sleep-test" in kinds or "home sleep" in described
    if home:
        yield Fact("sleep.home_test_done", True, where, "coded", 0.95, done)
    if home or "sleep-test" in kinds or "polysomnogra" in described or "sleep study" in described:
        yield Fact("sleep.study_done", True, where, "coded", 0.95, done)
    for code in sorted(found & _SCREENING.keys()):
        yield Fact(_SCREENING[code], True, where, "coded", 0.85, done)
