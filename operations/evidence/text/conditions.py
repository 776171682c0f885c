"""Conditions in notes: comorbidities, severity of disease, cancer, screening, autism, hypoglycaemia, mobility, programmes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from operations.evidence.fact import Fact
from operations.evidence.phrases import comorbidity_spans
from operations.evidence.text.doubt import is_doubted
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import MENTIONS, Reading, TextRule
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, is_of_another, standing
from operations.evidence.text.times import durations

_DISEASE: Final = (
    r"(?:crohn'?s(?: disease)?|ulcerative colitis|uc|plaque psoriasis|psoriasis|psoriatic arthritis|"
    r"rheumatoid arthritis|ra|ankylosing spondylitis|"
    r"osteoarthritis|asthma|obstructive sleep apnea|osa|sleep apnea|hidradenitis(?: suppurativa)?|copd|"
    r"atopic dermatitis|eczema)"
)
_SEVERITY: Final = rx(
    rf"\b(?P<s>moderate(?:ly)?(?: to |-to-| - |-)severe(?:ly)?|mild(?: to |-to-)moderate|mild|moderate|"
    rf"severe)(?:ly)?(?: active)?,? (?:\w{{1,14}} ){{0,2}}{_DISEASE}\b|"
    rf"\b{_DISEASE},? (?:is |was )?(?P<t>moderate(?: to |-to-|-)severe|mild(?: to |-to-)moderate|mild|moderate|severe)\b"
)
_PROVEN: Final = rx(
    r"\bbiopsy[\s-](?:proven|confirmed)|(?:pathology|histology|biopsy|cytology)(?: \w{1,14}){0,5} (?:confirm(?:s|ed)|"
    r"show(?:s|ed|ing)|reveal(?:s|ed|ing)|demonstrat(?:es|ed)|positive for|"
    r"consistent with|returned(?: as)?|proved)(?: \w{1,14}){0,5} (?:\w{0,12}carcinoma|malignan\w{2,3}|lymphoma|"
    r"melanoma|sarcoma|cancer|dcis)|pathologically (?:proven|confirmed)"
)
_NONE_IN: Final = rx(r"\b(?:no|not|without|never|negative)\b")
_BENIGN: Final = rx(r"\b(?:benign|negative|no (?:evidence|signs?) of)\b")
_SUSPECTED: Final = rx(
    r"\b(?:suspicious for|suspected|highly suspicious for|concern(?:ing|ed)? for|suspicion (?:for|of)|"
    r"worrisome for) (?:\w{1,14} ){0,3}(?:malignan\w{2,3}|cancer|carcinoma|metasta\w{2,4}|"
    r"neoplasm|lymphoma|tumou?r)"
)
_NOT_ESTABLISHED: Final = (
    "risk",
    "screen",
    "prevent",
    "family history",
    "rule out",
    "evaluate for",
    "signs of",
    "suspect",
    "concern",
    "likely",
    "possible",
    "probable",
    "tender",
)
_RESULTED: Final = (
    r"[^.;]{0,60}?\b(?:negative|positive|non[\s-]?reactive|reactive|indeterminate|normal|not detected|immune)\b"
)
_TB: Final = rx(
    rf"\b(?:quantiferon\w{{0,5}}|t[\s-]?spot|tb (?:test|screen\w{{0,3}}|skin test|gold)|tuberculosis (?:test|"
    rf"screen)\w{{0,3}}|latent tuberculosis|ppd|tuberculin){_RESULTED}"
)
_HEPATITIS: Final = rx(rf"\b(?:hepatitis b(?! vaccin)|hbsag|hep b(?! vaccin)|hbv){_RESULTED}")
_AUTISM: Final = rx(
    r"\b(?:diagnos(?:ed|is)\b(?: \w{1,12}){0,6} (?:with|of)(?: \w{1,12}){0,2} autis(?:m|tic)|"
    r"autism(?: spectrum disorder)?(?: \w{1,12}){0,3} (?:was |has been )?(?:diagnosed|confirmed)|"
    r"(?:ados|adi-r)\b[^.;]{0,60}(?:consistent with|confirm\w{0,3}|met criteria for) (?:\w{1,12} ){0,2}autism)"
)
_HOURS: Final = rx(r"\b\d{1,2} hours? ?(?:per|a|each|/) ?week\b")
_ABA: Final = rx(r"\b(?:treatment plan|behaviou?r plan|aba|applied behaviou?r|measurable goals)\b")
_LEVEL: Final = rx(r"\blevel (?P<n>2|3|two|three)\b")
_HYPO: Final = rx(
    r"\b(?:recurrent|frequent|severe|repeated|problematic|level (?:2|3|two|three)) (?:\w{1,12} ){0,2}hypoglyc\w{3,6}|"
    r"hypoglyc\w{3,6} (?:unawareness|requiring (?:assistance|glucagon|help))"
)
_HYPO_ANY: Final = rx(r"\bhypoglyc\w{3,6}\b")
_PROGRAM: Final = rx(
    r"\b(?:weight (?:loss|management|watchers)|lifestyle|diet(?:ary)?|calorie[\s-]restrict\w{1,3}|exercise|"
    r"nutrition\w{0,3}|behavior\w{0,4})(?: \w{1,12}){0,4}? (?:program(?:me)?|modifications?|intervention|regimen|"
    r"plan|counseling|changes)"
)
_TOOK_PART: Final = rx(
    r"\b(?:completed|participat\w{2,4}|has been|enrolled|followed|tried|attempted|months? of|engaged|adhered|despite|"
    r"after|did)\b"
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A boolean that is true when its words are said, and false when they are denied."""

    name: str
    pattern: re.Pattern[str]
    deniable: bool = True
    confidence: float = 0.75


_MOBILITY: Final = (
    _Statement(
        "mobility.adl_limited",
        rx(
            r"\b(?:unable to|cannot|difficulty|requires? (?:max\w{0,4} |moderate )?assist\w{0,5} (?:with|for)|"
            r"mobility limitation\w? (?:\w{1,14} ){0,4}(?:impair\w{0,3}|limit\w{0,3})) "
            r"(?:\w{1,14} ){0,6}(?:toilet\w{0,3}|bath\w{0,3}|dress\w{0,3}|feed\w{0,3}|groom\w{0,3}|mradls?|adls?|"
            r"daily living)"
        ),
        deniable=False,
    ),
    _Statement(
        "mobility.cane_insufficient",
        rx(
            r"\b(?:unable to|cannot|can't|not able to) (?:safely )?(?:use|ambulate with|walk with) (?:an? )?(?:cane|"
            r"walker)|(?:cane|walker)(?: (?:or|and|nor) (?:an? )?(?:cane|walker))? "
            r"(?:is|are|does|do|was|were) (?:not )?(?:\w{1,12} )?(?:insufficient|not sufficient|unsafe|inadequate|"
            r"suffice|sufficient|adequate)|falls? despite (?:\w{1,12} ){0,3}(?:cane|walker)"
        ),
        deniable=False,
    ),
    _Statement(
        "mobility.manual_chair_insufficient",
        rx(
            r"\b(?:unable to|cannot|can't|not able to|"
            r"lacks? the (?:\w{1,12} ){0,4}to) (?:\w{1,12} ){0,3}(?:self[\s-]?propel|propel)|"
            r"manual (?:wheel)?chair (?:is|was) (?:\w{1,12} )?(?:insufficient|inadequate|not sufficient)"
        ),
        deniable=False,
    ),
    _Statement("mobility.face_to_face", rx(r"\bface[\s-]to[\s-]face (?:\w{1,12} ){0,3}(?:exam\w{0,7}|evaluation|visit|encounter|assessment)")),
)  # fmt: skip


def read_comorbidities(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`comorbidities` that the patient is said to have."""
    for name, start, end in islice(comorbidity_spans(sentence.low), MENTIONS):
        if sentence.section in ("plan", "family") or is_of_another(sentence, start, end):
            continue
        around = sentence.low[max(0, start - 40) : end + 30]
        if any(word in around for word in _NOT_ESTABLISHED):
            continue
        if standing(sentence, start, end) == "said":
            yield reading.fact("comorbidities", [name], sentence, 0.75, span=(start, end))


def read_severity(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`disease.severity` where an adjective stands by a disease that policies ask about."""
    match = _SEVERITY.search(sentence.low)
    if match is not None and standing(sentence, *match.span()) == "said":
        said = re.sub(r"[\s-]+", " ", match["s"] or match["t"]).replace("ly", "")
        value = "moderate to severe" if said.startswith("moderate") and "severe" in said else said
        if value == "mild to moderate":
            value = "mild"
        yield reading.fact("disease.severity", value, sentence, 0.7, span=match.span())


def read_cancer(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`cancer.biopsy_proven` and `cancer.suspected`."""
    low = sentence.low
    proven = _PROVEN.search(low)
    if (
        proven is not None
        and standing(sentence, *proven.span()) == "said"
        and not _BENIGN.search(low)
        and not _NONE_IN.search(proven.group())
    ):
        yield reading.fact("cancer.biopsy_proven", True, sentence, 0.8)
        return
    suspected = _SUSPECTED.search(low)
    if suspected is None or is_doubted(sentence, *suspected.span()):
        return
    if standing(sentence, *suspected.span()) == "said":
        yield reading.fact("cancer.suspected", True, sentence, 0.75)


def read_screening(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`screening.tuberculosis` and `screening.hepatitis_b`: tested, with a result."""
    for name, pattern in (("screening.tuberculosis", _TB), ("screening.hepatitis_b", _HEPATITIS)):
        match = pattern.search(sentence.low)
        if match is not None and standing(sentence, match.start(), match.start() + 2) == "said":
            yield reading.fact(name, True, sentence, 0.8, span=match.span())


def read_autism(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`autism.diagnosed` (not merely suspected) and `autism.treatment_plan`."""
    match = _AUTISM.search(sentence.low)
    if match is not None and standing(sentence, *match.span()) == "said":
        yield reading.fact("autism.diagnosed", True, sentence, 0.8)
    plan = _HOURS.search(sentence.low)
    if plan is not None and _ABA.search(sentence.low) and not is_of_another(sentence, *plan.span()):
        yield reading.fact("autism.treatment_plan", True, sentence, 0.75, span=plan.span())


def read_hypoglycemia(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`hypoglycemia.problematic`, or that there is none."""
    problem, mention = _HYPO.search(sentence.low), _HYPO_ANY.search(sentence.low)
    level = _LEVEL.search(sentence.low)
    topic = {"2": "level 2", "3": "level 3", "two": "level 2", "three": "level 3"}[level["n"]] if level else None
    if mention is not None and is_denied(sentence, *mention.span()):
        yield reading.fact("hypoglycemia.problematic", False, sentence, 0.75, topic=topic)
    elif problem is not None and standing(sentence, *problem.span()) == "said":
        yield reading.fact("hypoglycemia.problematic", True, sentence, 0.75, topic=topic)


def read_mobility(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """The mobility criteria for a power wheelchair."""
    for statement in _MOBILITY:
        match = statement.pattern.search(sentence.low)
        if match is None or is_of_another(sentence, *match.span()):
            continue
        if statement.deniable and standing(sentence, *match.span()) != "said":
            continue
        if not statement.deniable and re.search(r"\b(?:if|denies|no difficulty|without difficulty)\b", sentence.low):
            continue
        words = match.group()
        if (
            "insufficient" not in words
            and re.search(r"\b(?:is|are|was|were) (?:\w+ )?(?:sufficient|adequate|suffice)$", words)
            and "not " not in words
        ):
            continue
        yield reading.fact(statement.name, True, sentence, statement.confidence, span=match.span())


def read_program(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Months in a programme of diet and activity."""
    match = _PROGRAM.search(sentence.low)
    if match is None or standing(sentence, *match.span()) != "said" or not _TOOK_PART.search(sentence.low):
        return
    span = next((span for span in durations(sentence.low) if span.kind == "length"), None)
    if span is not None and span.days >= 28:
        yield reading.fact("lifestyle_program.months", span.months, sentence, 0.75)


_COMORBIDITY_CUES: Final = (
    *(
        "hypertens",
        "htn",
        "high blood",
        "diabet",
        "t2dm",
        "lipid",
        "cholesterol",
        "coronary",
        "ischemic",
        "ischaemic",
        "infarct",
    ),
    *("peripheral", "cad", "stroke", "cva", "cerebro", "heart failure", "chf", "copd", "obstructive", "emphysema"),
    *(
        "neuromuscular",
        "lateral sclerosis",
        "dystrophy",
        "myasthenia",
        "opioid",
        "depressi",
        "insomnia",
        "sleep apn",
        "osa",
    ),
    *("pulmonale", "kidney disease", "ckd", "chronic renal"),
)
RULES: Final = (
    TextRule(_COMORBIDITY_CUES, read_comorbidities),
    TextRule(("mild", "moderate", "severe"), read_severity),
    TextRule(("biops", "patholog", "histolog", "cytolog", "suspi", "suspect", "concern", "worrisome"), read_cancer),
    TextRule(("quantiferon", "spot", "tb ", "tubercul", "ppd", "hepatitis b", "hbsag", "hep b", "hbv"), read_screening),
    TextRule(("autis", "hours per week", "hours a week", "hours/week", "measurable"), read_autism),
    TextRule(("hypoglyc",), read_hypoglycemia),
    TextRule(("chair", "propel", "cane", "walker", "face-to-face", "face to face", "toilet", "bath", "adl", "daily living", "groom"), read_mobility),
    TextRule(("program", "modification", "intervention", "regimen", "counseling", "diet", "lifestyle"), read_program),
)  # fmt: skip
