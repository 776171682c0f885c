"""What a diagnosis code tells beyond itself: comorbidities and findings by ICD-10-CM family or SNOMED CT code.

ICD-10-CM is public domain; families are given by the beginning of the code without its dot. Of SNOMED CT only bare codes of
single concepts are recognised, without content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles.json import Json

ICD_10_CM: Final = frozenset(
    {"http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10", "urn:oid:2.16.840.1.113883.6.90"}
)
SNOMED: Final = "http://snomed.info/sct"

_COMORBIDITY_ICD: Final[dict[str, str]] = {
    "hypertension": "I10 I11 I12 I13 I15 I16",
    "type-2-diabetes": "E11",
    "dyslipidemia": "E780 E781 E782 E783 E784 E785",
    "cardiovascular-disease": "I20 I21 I22 I23 I24 I25 I70 I739",
    "stroke": "I60 I61 I62 I63 I64 I69 Z8673",
    "heart-failure": "I50 I110 I130 I132",
    "copd": "J43 J44",
    "neuromuscular-disease": "G12 G70 G71 G73",
    "chronic-opioids": "Z79891 F112",
    "depression": "F32 F33",
    "insomnia": "G470 F510",
    "sleep-apnea": "G473",
    "pulmonary-hypertension": "I270 I272",
    "chronic-kidney-disease": "N18 I12 I13",
}
_COMORBIDITY_SNOMED: Final[dict[str, str]] = {
    "hypertension": "38341003 59621000",
    "type-2-diabetes": "44054006",
    "dyslipidemia": "55822004",
    "cardiovascular-disease": "53741008 414545008 22298006",
    "stroke": "230690007",
    "heart-failure": "84114007 42343007 88805009",
    "copd": "13645005 87433001 185086009",
    "depression": "35489007 370143000",
    "insomnia": "193462001",
    "sleep-apnea": "73430006 78275009",
    "pulmonary-hypertension": "70995007",
    "chronic-kidney-disease": "709044004 431855005 431856006 433144002",
}
_FINDING_ICD: Final[tuple[tuple[str, str, float], ...]] = (
    # name, families, confidence: a diagnosis supports the finding, the examination would show it
    ("red_flags", "G834 M462 M463 G061 C7951", 0.85),
    ("exam.radiculopathy", "M541 M501 M511 M4722 M4726 M48062", 0.75),
    ("exam.neuro_deficit", "M2137 G834", 0.7),
    ("infection.active", "M00 A40 A41", 0.85),
    ("autism.diagnosed", "F840", 0.85),
    ("sleep.daytime_sleepiness", "G471 R400", 0.75),
    ("insulin.daily", "Z794", 0.7),
)


def _by_prefix(table: dict[str, str]) -> dict[str, list[str]]:
    prefixes: dict[str, list[str]] = {}
    for name, families in table.items():
        for family in families.split():
            prefixes.setdefault(family, []).append(name)
    return prefixes


_ICD_PREFIXES: Final = _by_prefix(_COMORBIDITY_ICD)
_SNOMED_CODES: Final = _by_prefix(_COMORBIDITY_SNOMED)
_FINDING_PREFIXES: Final = {
    family: (name, weight) for name, families, weight in _FINDING_ICD for family in families.split()
}


def meanings(system: str, code: str) -> Iterator[tuple[str, Json, float]]:
    """(name, value, confidence) of the facts that a confirmed diagnosis with this code supports."""
    if system in ICD_10_CM:
        bare = code.replace(".", "").upper()
        prefixes = [bare[:length] for length in range(3, min(len(bare), 7) + 1)]
        for prefix in prefixes:
            for comorbidity in _ICD_PREFIXES.get(prefix, ()):
                yield "comorbidities", [comorbidity], 0.95
            if prefix in _FINDING_PREFIXES:
                name, weight = _FINDING_PREFIXES[prefix]
                yield name, True, weight
    elif system == SNOMED:
        for comorbidity in _SNOMED_CODES.get(code, ()):
            yield "comorbidities", [comorbidity], 0.95
