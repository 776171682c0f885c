"""Advanced joint disease on film: graded moderate or worse, bone on bone, deformity, necrosis, or all the signs together.

"Mild joint space narrowing" is no advanced disease, and narrowing that nobody graded is not taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.evidence.fact import Fact
from operations.evidence.text.patterns import either, rx
from operations.evidence.text.reading import Reading, TextRule, site_near
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, standing

_GRADE: Final = (
    r"(?<!mild to )(?<!mild-to-)(?<!mild or )(?<!minimal to )"
    + either(
        "moderate",
        "severe",
        "advanced",
        r"end[\s-]stage",
        "marked",
        "extensive",
        r"near[\s-]complete",
        "complete",
        "significant",
    )
    + r"(?:ly)?(?:[\s-](?:to[\s-])?(?:severe|advanced|marked)(?:ly)?)?"
)
_NARROWED: Final = (
    r"(?:joint[\s-]space (?:narrowing|loss|obliteration)|(?:narrowing|loss|"
    r"obliteration) of (?:the )?(?:\w{1,14} ){0,2}joint[\s-]space)"
)
_ARTHRITIS: Final = either(
    "osteoarthritis",
    "arthritis",
    "osteoarthrosis",
    "arthrosis",
    r"oa\b",
    "djd",
    r"degenerative (?:joint disease|changes?|arthritis)",
)
_KELLGREN: Final = (
    r"\b(?:kellgren(?:[\s-](?:and )?lawrence)?|k[\s/-]?l)(?: (?:classification|score|scale))?,? (?:grade |stage |of |"
    r"is )*(?:3|4|iii|iv)\b(?!/10)"
)
_LIST: Final = r"(?:\w{1,16},? ){0,4}"
_ADVANCED: Final = rx(
    either(
        rf"\b{_GRADE},? (?:\w{{1,16}},? ){{0,3}}{_NARROWED}",
        rf"{_NARROWED} (?:is |was |appears )?{_GRADE}\b",
        rf"\b{_GRADE} {_LIST}{_ARTHRITIS}",
        rf"\b{_ARTHRITIS},? (?:(?:is|was|of the|(?!not\b)\w{{3,8}}) ){{0,3}}(?<!mild to )(?:severe|advanced|"
        rf"end[\s-]stage|moderate to severe)\b",
        r"bone[\s-](?:on|to)[\s-]bone",
        _KELLGREN,
        r"avascular necrosis|osteonecrosis",
        r"(?:varus|valgus) deformity",
    )
)
_SIGNS: Final = (rx(_NARROWED), rx(r"osteophyt\w{1,5}|bone spurs?"), rx(r"\bsclero(?:sis|tic)\b"))
_WEAK: Final = rx(r"\b(?:mild\w{0,2}|minimal\w{0,2}|slight\w{0,2}|early|trace|possible|small|subtle)\b")
_SPINE: Final = frozenset({"lumbar-spine", "cervical-spine", "thoracic-spine"})
_JOINT: Final = rx(r"\b(?:knees?|hips?|shoulders?|ankles?|joint|compartment\w{0,4}|x-?rays?|films?|radiograph\w{0,3})\b")


def read_joint_disease(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`imaging.advanced_joint_disease`, on a film or in an assessment, not of the spine."""
    low = sentence.low
    span = _advanced(low)
    if span is None or not _JOINT.search(low):
        return
    site = site_near(low, *span)
    stands = standing(sentence, *span)
    if site in _SPINE or stands not in ("said", "denied"):
        return
    if stands == "said":
        yield reading.fact("imaging.advanced_joint_disease", True, sentence, 0.85, site=site)
    elif is_denied(sentence, *span):
        topic = low[span[0] : span[1]][:12]
        yield reading.fact("imaging.advanced_joint_disease", False, sentence, 0.7, site=site, topic=topic)


def _advanced(low: str) -> tuple[int, int] | None:
    """Where advanced disease is named: by its grade, or by narrowing, osteophytes and sclerosis together, none called mild."""
    match = _ADVANCED.search(low)
    if match is not None:
        return match.span()
    signs = [sign.search(low) for sign in _SIGNS]
    found = [sign.span() for sign in signs if sign is not None]
    if len(found) < len(_SIGNS) or _WEAK.search(low):
        return None
    return min(found)


RULES: Final = (
    TextRule(
        (
            "joint",
            "osteophyt",
            "sclero",
            "bone",
            "arthritis",
            "arthros",
            "djd",
            "kellgren",
            "kl",
            "k-l",
            "necrosis",
            "deformity",
            " oa",
        ),
        read_joint_disease,
    ),
)
