"""Imaging that was done: facts of one study, whichever resource records it (ImagingStudy, DiagnosticReport, Procedure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from operations.evidence.body_site import region_in
from operations.evidence.coded.elements import (
    codes,
    codings,
    items,
    months_between,
    resource_of,
    source,
    text,
    when,
    words,
)
from operations.evidence.fact import Fact
from operations.evidence.phrases import document_kind, study_in
from operations.packet import Entry

_MODALITY: Final = {"MR": "mri", "CT": "ct", "CR": "xray", "DX": "xray", "RG": "xray", "PT": "pet"}
_FINAL: Final = frozenset({"final", "amended", "corrected", "appended"})
_RADIOLOGY: Final = frozenset({"RAD", "RUS", "CT", "NMR", "NMS", "VUS", "RX", "LP29684-5"})
_PATHOLOGY: Final = frozenset({"PAT", "SP", "CP", "PTH"})


@dataclass(frozen=True, slots=True)
class Study:
    kind: str
    done: date | None
    site: str | None
    described_site: str
    element: str
    confidence: float
    findings: str = ""


def study_facts(entry: Entry, study: Study, as_of: date) -> Iterator[Fact]:
    """`imaging.<kind>.done`, `.months_ago`, `.body_site`, `.findings` (its first 500 characters)."""
    stem = f"imaging.{study.kind}"

    def fact(name: str, value: Any, element: str) -> Fact:
        where = source(entry, element)
        return Fact(f"{stem}.{name}", value, where, "coded", study.confidence, study.done, study.site)

    yield fact("done", True, study.element)
    if study.done is not None:
        yield fact("months_ago", months_between(study.done, as_of), study.element)
        if study.kind == "pet":
            where = source(entry, study.element)
            topic = study.done.isoformat()
            yield Fact(f"{stem}.count", 1, where, "coded", study.confidence, study.done, study.site, topic)
    if study.described_site:
        yield fact("body_site", study.described_site[:200], study.element)
    if study.findings:
        yield fact("findings", study.findings[:500], "conclusion")


def imaging_study_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """ImagingStudy (status available): one study for each kind of modality it holds."""
    study = resource_of(entry)
    if study.get("status") != "available":
        return
    series = items(study.get("series"))
    described = words(study.get("description"), study.get("procedureCode"))
    bodies = " | ".join(
        dict.fromkeys(text(body.get("display")).lower() for _, s in series if isinstance(body := s.get("bodySite"), dict))
    )
    site = region_in(f"{bodies} | {described}")
    started = when(study, "started")
    modalities = [one for _, one in items(study.get("modality"))] + [s.get("modality") for _, s in series]
    found = {_MODALITY.get(text(one.get("code"))) for one in modalities if isinstance(one, dict)}
    if "duplex" in described:
        found.add("duplex")
    if found <= {None}:
        found = {study_in(described)}
    for kind in sorted(kind for kind in found if kind):
        yield from study_facts(entry, Study(kind, started, site, bodies or described, "modality", 0.95), as_of)


def report_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """DiagnosticReport (final, amended, corrected, appended): the study it reports, and the kind of document it is."""
    report = resource_of(entry)
    if text(report.get("status")) not in _FINAL:
        return
    categories = {code for _, category in items(report.get("category")) for code in codes(category)}
    described = words(report.get("code"))
    done = when(report, "effectiveDateTime", "effectivePeriod", "issued")
    kind = _report_kind(categories, described)
    yield Fact("documents", [kind], source(entry, "category"), "coded", 0.95, done)
    if kind == "sleep-report":
        yield Fact("sleep.study_done", True, source(entry, "code"), "coded", 0.9, done)
        if "home" in described:
            yield Fact("sleep.home_test_done", True, source(entry, "code"), "coded", 0.9, done)
    modality = study_in(described)
    if modality is not None:
        conclusion = text(report.get("conclusion"))
        site = region_in(described)
        yield from study_facts(entry, Study(modality, done, site, described, "code", 0.95, conclusion), as_of)
    if kind == "pathology-report":
        malignant = [c for _, concept in items(report.get("conclusionCode")) for c in codings(concept) if c.code[:1] == "C"]
        if malignant:
            yield Fact("cancer.biopsy_proven", True, source(entry, "conclusionCode"), "coded", 0.9, done)


def _report_kind(categories: set[str], described: str) -> str:
    by_words = document_kind(described)
    if by_words == "sleep-report":
        return by_words
    if categories & _RADIOLOGY:
        return "imaging-report"
    if categories & _PATHOLOGY:
        return "pathology-report"
    return by_words or ("lab-result" if "LAB" in categories else "other")
