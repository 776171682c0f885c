"""Body regions: what a study, treatment or complaint is about, from words, ICD-10-CM families and procedure codes.

The regions are ours (lumbar-spine, knee, ...). A film of the shoulder is no evidence for a knee (policies.md, trap 3).
"""

from __future__ import annotations

import re
from typing import Final

from operations.evidence.code_families import ICD_10_CM

_WORDS: Final[dict[str, str]] = {
    "lumbar-spine": r"lumbar|lumbosacral|low(?:er)? back|l[- ]?spine|back pain|sciatica|l[1-5](?:-|/)(?:l?[1-5]|s1)|l[45]\b",
    "cervical-spine": r"cervical|neck|c[- ]?spine|c[3-7](?:-|/)(?:c?[3-7]|t1)",
    "thoracic-spine": r"thoracic spine|thoracic|mid[- ]back|t[- ]?spine",
    "knee": r"knees?|patell\w{1,12}|menisc\w{1,6}|acl|tibial plateau",
    "hip": r"hips?|acetabul\w{1,4}|femoral head",
    "shoulder": r"shoulders?|rotator cuff|glenohumeral|acromioclavicular",
    "elbow": r"elbows?|olecranon|epicondyl\w{1,4}",
    "wrist-hand": r"wrists?|hands?|fingers?|thumb|carpal|metacarp\w{1,4}",
    "ankle-foot": r"ankles?|foot|feet|toes?|heel|achilles|metatars\w{1,4}|plantar",
    "head": r"brain|head|skull|cranial|sinus(?:es)?|orbits?",
    "chest": r"chest|lungs?|thorax|ribs?|pulmonary",
    "abdomen-pelvis": r"abdom\w{1,5}|pelvi[sc]|renal|kidneys?|liver|hepatic|pancrea\w{1,4}|bowel",
    "leg": r"tibia\w?|fibula\w?|femur|calf|thigh|lower extremit(?:y|ies)|legs?",
    "arm": r"humer\w{2,3}|forearm|upper extremit(?:y|ies)|arms?",
}
_NAMED: Final = "|".join(f"(?P<r{i}>(?:{p})\\b)" for i, p in enumerate(_WORDS.values()))
_REGION: Final = re.compile(rf"\b(?=[a-z])(?:{_NAMED})")  # the regions are only tried where a word begins
_NAMES: Final = tuple(_WORDS)

_ICD: Final[dict[str, str]] = {
    "lumbar-spine": "M545 M5126 M5127 M5116 M5117 M5106 M5107 M5136 M5137 M5186 M5187 M5416 M5417 M543 M544 M4806 M4807 "
    "M4316 M4317 M4726 M4727 M4786 M4787 M961 S335 S320",
    "cervical-spine": "M542 M50 M5412 M5413 M4802 M4722 M4712 S134 S12",
    "thoracic-spine": "M546 M5124 M5114 M5134 M4804 M5414 S220",
    "knee": "M17 M22 M23 M2556 M2566 M2526 M2536 M2546 M7005 S83 S82 M7615 Z9665",
    "hip": "M16 M2555 M7060 M7061 M7062 M8705 S72 S730 S731",
    "shoulder": "M75 M2551 M1901 M1911 S43 S42 S460",
    "elbow": "M770 M771 M2552 S53",
    "wrist-hand": "M2553 M2554 G560 M654 M181 M182 S63 S62",
    "ankle-foot": "M2557 M722 M766 M201 M214 S93 S92",
}
_ICD_PREFIX: Final = {family: region for region, families in _ICD.items() for family in families.split()}

_PROCEDURE: Final[dict[str, str]] = {
    "lumbar-spine": "72131 72132 72133 72148 72149 72158 72100 72110 72114 72120 62322 62323 64483 64484 64493 64494 64495 "
    "64635 64636",
    "cervical-spine": "72125 72126 72127 72141 72142 72156 72040 72050 72052 62320 62321 64490 64491 64492 64633 64634 22551 "
    "22552",
    "thoracic-spine": "72128 72129 72130 72146 72147 72157 72070",
    "knee": "27447 73560 73562 73564 29881 29888",
    "hip": "27130 73501 73502 73503",
    "shoulder": "73030 29827",
}
_PROCEDURE_CODE: Final = {code: region for region, codes in _PROCEDURE.items() for code in codes.split()}


_REACH: Final = {
    "lumbar-spine": frozenset({"leg", "hip", "knee", "ankle-foot"}),
    "cervical-spine": frozenset({"arm", "shoulder", "elbow", "wrist-hand"}),
    "knee": frozenset({"leg"}),
    "hip": frozenset({"leg"}),
    "shoulder": frozenset({"arm"}),
}


def reach_of(focus: frozenset[str]) -> frozenset[str]:
    """`focus` with the limbs where a disorder there shows itself: signs of a lumbar root are found in the leg."""
    return focus.union(*(_REACH.get(region, frozenset()) for region in focus))


def region_spans(low: str) -> list[tuple[str, int, int]]:
    """Every body region named in a lower-case text with the span of its words."""
    return [
        (_NAMES[int(match.lastgroup[1:])], match.start(), match.end())
        for match in _REGION.finditer(low)
        if match.lastgroup is not None
    ]


def region_in(low: str) -> str | None:
    """The region when a lower-case text names exactly one, else None."""
    regions = {region for region, _, _ in region_spans(low)}
    return regions.pop() if len(regions) == 1 else None


def region_of_code(system: str, code: str) -> str | None:
    """The region that a diagnosis or procedure code is about, where the table knows it."""
    if system not in ICD_10_CM:
        return _PROCEDURE_CODE.get(code)
    bare = code.replace(".", "").upper()
    for length in range(min(len(bare), 5), 2, -1):
        if (region := _ICD_PREFIX.get(bare[:length])) is not None:
            return region
    return None
