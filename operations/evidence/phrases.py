"""Words of the field that both coded displays and notes are matched with: comorbidities, kinds of study, kinds of document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_COMORBIDITIES: Final[dict[str, str]] = {
    "hypertension": r"(?<!pulmonary )(?<!arterial )(?<!portal )(?<!ocular )(?<!intracranial )hypertension|\bhtn\b|hypertensive disorder|high blood pressure",
    "type-2-diabetes": r"(?:type (?:2|ii) diabetes|diabetes(?: mellitus)?,? type (?:2|ii)|diabetes mellitus type (?:2|ii)|t2dm)",
    "dyslipidemia": r"hyperlipid\w{2,5}|dyslipid\w{2,5}|hypercholesterol\w{2,5}|high cholesterol",
    "cardiovascular-disease": r"coronary artery disease|ischa?emic heart disease|myocardial infarction|peripheral (?:arterial|"
    r"artery|vascular) disease|\bcad\b",
    "stroke": r"\bstroke\b|\bcva\b(?! tender| is located)(?! located)|cerebrovascular accident",
    "heart-failure": r"(?:congestive )?heart failure|\bchf\b",
    "copd": r"\bcopd\b|chronic obstructive (?:pulmonary|lung) disease|emphysema",
    "neuromuscular-disease": r"neuromuscular disease|amyotrophic lateral sclerosis|muscular dystrophy|myasthenia gravis",
    "chronic-opioids": r"chronic opioid|long[- ]term opioid",
    "depression": r"\bdepression\b|depressive disorder",
    "insomnia": r"\binsomnia\b",
    "sleep-apnea": r"sleep apn(?:ea|oea)(?! test| study| screen| eval)|\bosa\b",
    "pulmonary-hypertension": r"pulmonary (?:arterial )?hypertension|cor pulmonale",
    "chronic-kidney-disease": r"chronic kidney disease|\bckd\b|chronic renal (?:insufficiency|failure)",
}
_NAMES: Final = tuple(_COMORBIDITIES)
_COMORBIDITY: Final = re.compile("|".join(f"(?P<c{i}>{p})" for i, p in enumerate(_COMORBIDITIES.values())))

STUDIES: Final[dict[str, str]] = {
    "mri": r"\bmri?s?\b|\bmri'?s\b|magnetic resonance",
    "ct": r"\bct\b|computed tomograph\w{1,3}|\bcat scans?\b",
    "xray": r"\bx[- ]?rays?\b|radiograph(?:s|y)?\b|radiographic (?:findings|images?|imaging|results|studies|views)|plain films?|\bfilms\b",
    "duplex": r"\bduplex\b|venous doppler",
    "pet": r"\bpet\b(?!s)|positron emission",
}
_NO_STUDY_AFTER: Final = (  # "CT-guided biopsy", "CT simulation": a means of doing something else
    r"(?![\s/-]{0,2}(?:(?:and|or|scan|fluoro\w{0,8}|ultrasound)[\s/-]{1,3}){0,2}"
    r"(?:guid(?:ed|ance)|simulat\w{2,4}|sim\b|navigat\w{2,4}|localiz\w{2,6}|planning (?:scan|session|study)|directed))"
)
_NO_STUDY_BEFORE: Final = r"(?<!under )(?<!guided by )(?<!guidance with )"
_STUDY: Final = re.compile(
    "|".join(f"(?P<{kind}>{_NO_STUDY_BEFORE}(?:{pattern}){_NO_STUDY_AFTER})" for kind, pattern in STUDIES.items())
)

_DOCUMENT_WORDS: Final[dict[str, str]] = {
    "therapy-record": r"physical therap|physiotherap|occupational therap|therapy (?:note|record|progress)|home exercise",
    "adherence-report": r"adherence|compliance (?:download|report)",
    "sleep-report": r"sleep (?:study|report|test)|polysomno|\bpsg\b|home sleep",
    "pathology-report": r"patholog|biops|cytolog",
    "imaging-report": r"imaging|radiolog|\bmri\b|\bct\b|x[- ]?ray|ultraso|\bpet\b|radiograph|magnetic resonance|duplex",
    "lab-result": r"\blab|laborator|\bserum\b|blood test",
    "questionnaire": r"questionnaire|survey instrument",
    "treatment-plan": r"treatment plan|plan of (?:care|treatment)|care plan",
    "order": r"\border\b|prescription|requisition",
    "visit-note": r"progress note|visit note|office (?:visit|note)|clinic(?:al)? (?:note|visit)|consult|history and physical|"
    r"\bh&p\b|evaluation note|encounter note|evaluation and management",
}
_DOCUMENTS: Final = {kind: re.compile(pattern) for kind, pattern in _DOCUMENT_WORDS.items()}


def comorbidities_in(low: str) -> Iterator[str]:
    """The comorbidities of the vocabulary that a lower-case text names."""
    for name, _, _ in comorbidity_spans(low):
        yield name


def comorbidity_spans(low: str) -> Iterator[tuple[str, int, int]]:
    for match in _COMORBIDITY.finditer(low):
        if match.lastgroup is not None:
            yield _NAMES[int(match.lastgroup[1:])], match.start(), match.end()


def study_spans(low: str) -> Iterator[tuple[str, int, int]]:
    """Every kind of imaging study (`mri`, `ct`, `xray`, `duplex`, `pet`) named, with its span."""
    for match in _STUDY.finditer(low):
        if match.lastgroup is not None:
            yield match.lastgroup, match.start(), match.end()


def study_in(low: str) -> str | None:
    """The first kind of imaging study named."""
    return next((kind for kind, _, _ in study_spans(low)), None)


def document_kind(low: str) -> str | None:
    """The kind of document that a title or type in lower case speaks of."""
    return next((kind for kind, pattern in _DOCUMENTS.items() if pattern.search(low)), None)
