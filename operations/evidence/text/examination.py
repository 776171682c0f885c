"""The examination: deficits, radicular signs, named knee tests, re-examination, active infection."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from operations.evidence.fact import Fact
from operations.evidence.text.doubt import is_doubted
from operations.evidence.text.patterns import either, rx
from operations.evidence.text.reading import MENTIONS, Reading, TextRule, site_near
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, is_of_another, standing

_LIMB: Final = (
    r"(?:leg|legs|arm|arms|lower extremit\w{1,3}|upper extremit\w{1,3}|foot|hand|grip|quadriceps|hip|knee|ankle|"
    r"dorsiflexion|ehl|toe|muscle|deltoid|biceps|triceps)"
)
_WEAK: Final = rx(
    rf"\b{_LIMB} weakness|weakness (?:in|of) (?:\w{{1,10}} ){{0,3}}{_LIMB}\b|foot drop|drop foot|"
    r"\b(?:strength|motor)\b[^.;]{0,60}?\b(?P<grade>[0-4])(?:[+-])?/5|"
    r"(?P<grade2>[0-4])(?:[+-])?/5 (?:\w{1,14} ){0,3}(?:strength|weakness)|"
    r"(?:decreased|diminished|reduced) (?:\w{1,12} ){0,2}strength"
)
_SENSORY: Final = rx(
    r"\b(?:decreased|diminished|reduced|absent|loss of|impaired) (?:\w{1,12} ){0,3}(?:sensation|sensory)|"
    r"sensory (?:loss|deficit)|"
    r"sensation (?:is |was )?(?:\w{1,8} )?(?:decreased|diminished|reduced|absent|impaired)|hypo?esthesia"
)
_REFLEX: Final = rx(
    r"\b(?:decreased|diminished|reduced|absent|asymmetric) (?:\w{1,12} ){0,3}reflex\w{0,2}|reflex\w{0,2} (?:(?:is|"
    r"are|was|were) )?(?:\w{1,8} )?(?:decreased|diminished|reduced|absent|asymmetric)"
)
_INTACT: Final = {
    "strength": rx(r"\bstrength[^.;]{0,40}?(?<!\d)5/5|normal (?:motor )?strength|strength (?:is |was )?(?:intact|normal|equal|full)|full strength"),
    "sensation": rx(r"\bsensation (?:to light touch )?(?:is |was )?(?:\w{1,8} )?(?:intact|normal)|(?:intact|normal) (?:\w{1,12} )?sensation"),
    "reflexes": rx(r"\breflex\w{0,2} (?:(?:are|were|is) )?(?:\w{1,10} )?(?:intact|normal|symmetric|2\+)|(?:normal|intact|symmetric) (?:\w{1,12} )?reflexes"),
}  # fmt: skip
_NEURO_INTACT: Final = rx(
    r"\b(?:neurologically|neurovascularly) intact|no (?:focal |gross )?(?:neurologic(?:al)?|motor|sensory) deficits?|"
    r"non[\s-]?focal"
)
_NUMB_DENIED: Final = rx(r"\b(?:numbness|tingling|weakness|paresthesias?)\b")
_GENERAL: Final = rx(r"\b(?:generali[sz]ed|facial|general) weakness|\b(?:eyes?|face|cheek|vision)\b")

_RADICULAR: Final = {
    "straight-leg-raise": rx(r"\b(?P<pos>positive|\+) (?:\w{1,10} ){0,2}(?:straight[\s-]leg[\s-]raise|slr)|(?:straight[\s-]leg[\s-]raise|slr)\w{0,3} (?:test )?(?:is |was )?(?:\w{1,10} )?positive"),
    "radiation": rx(r"\b(?:radiat(?:es|ing|ion|ed)|shoot(?:s|ing)) (?:\w{1,12} ){0,4}?(?:leg|legs|buttock\w?|thigh|calf|foot|arm|arms|extremit\w{1,3})\b|\bsciatica\b"),
    "radiculopathy": rx(r"\bradiculopath(?:y|ic)\b|\bradicular (?:pain|symptoms?)"),
    "claudication": rx(r"\bneurogenic claudication"),
    "spurling": rx(r"\bspurling'?s? (?:test |sign |maneuver )?(?:is |was )?positive|positive spurling"),
}  # fmt: skip
_FROM_SPINE: Final = rx(r"\b(?:back|lumbar|spine|neck|cervical|sciatica)\b")
_SPINE: Final = frozenset({"lumbar-spine", "cervical-spine", "thoracic-spine"})
_GENITAL: Final = rx(r"\b(?:genital|rectal|perineal|saddle|groin)\b")
_SLR_NEGATIVE: Final = rx(
    r"\bnegative (?:\w{1,10} ){0,2}(?:straight[\s-]leg[\s-]raise|slr)|(?:straight[\s-]leg[\s-]raise|"
    r"slr)\w{0,3} (?:test )?(?:is |was )?(?:\w{1,10} )?negative"
)

_TESTS: Final = (
    r"mcmurray|apley|lachman|anterior drawer|posterior drawer|varus(?: stress)?|valgus(?: stress)?|thessaly|pivot[\s-]shift"
)
_TEST: Final = rx(rf"\b(?P<name>{_TESTS})(?:'?s)?(?: (?:test|sign|testing|stress|maneuver|exam))?")
_POSITIVE: Final = rx(r"\bpositive\b|\(\+\)|\+ ?$|^ ?\+|\blaxity\b|\binstability\b|\bincreased translation\b")
_NEGATIVE: Final = rx(
    r"\bnegative\b|\(-\)|\bstable\b|\bno laxity\b|\bnormal\b|\bno (?:\w{1,10} ){0,2}(?:instability|laxity)"
)
_OTHER_JOINTS: Final = frozenset({"ankle-foot", "elbow", "shoulder", "wrist-hand"})
_LOCKED: Final = rx(r"\blocked knee\b|\bknee (?:is|was) locked\b")
_AGAIN: Final = either(
    r"re[\s-]?examin(?:ed|ation)", r"re[\s-]?evaluat(?:ed|ion)", r"re[\s-]?assess(?:ed|ment)",
    r"(?:examined|seen|evaluated|assessed|re-?checked) (?:once )?again",
    r"repeat (?:physical )?(?:exam(?:ination)?|evaluation|assessment)",
    "returns?", r"follow(?:ing|ed)?[\s-]?up", "presents",
)  # fmt: skip
_CARE: Final = either("physical therapy", "therapy", "pt", "conservative", r"(?:home )?exercises?", "nsaids?", "treatment")
_REEXAMINED: Final = rx(
    rf"\b{_AGAIN} (?:[\w/-]{{1,12}},? ){{0,7}}?(?:after|following|status post) (?:[\w-]{{1,12}} ){{0,6}}?{_CARE}\b"
)
_TO_COME: Final = rx(
    r"\b(?:in|within|next|will|to be) (?:\d|an? |one|two|three|four|six|eight|week|month|be|return|follow)"
)
_ACTIVE: Final = either(
    r"septic (?:arthritis|joint)", r"active (?:\w{1,10} )?infection", "joint infection",
    "prosthetic joint infection", "bacteremia", "sepsis",
    r"signs? of infection", "osteomyelitis", "cellulitis",
)  # fmt: skip
_TREATED: Final = either(
    r"(?:wound|urinary tract|respiratory|skin|soft tissue|dental|surgical[\s-]site|foot) infection", "pneumonia",
    "pyelonephritis", "abscess",
    r"infected (?:\w{1,12} ){0,2}(?:ulcer|wound|joint|knee|hip|prosthesis)",
)  # fmt: skip
_UNDER_TREATMENT: Final = r"(?=[^;]{0,60}\b(?:on|with|receiving|taking) (?:\w{1,12} ){0,2}(?:antibiotics?|antimicrobials?))"
_INFECTION: Final = rx(rf"\b(?:{_ACTIVE}|{_TREATED}{_UNDER_TREATMENT})\b")
_NOT_NOW: Final = rx(
    r"\b(?:history of|h/o|hx of|resolved|healed|ago|previous(?:ly)?|prior|in the past|recent(?:ly)? completed|"
    r"completed (?:\w{1,12} ){0,4}antibiotics?|"
    r"risk|suspicio\w{1,3}|suspect\w{0,3}|concern\w{0,3}|worrisome|possible|rule|screen\w{0,3}|prophyla\w{2,5}|"
    r"prevent\w{0,3}|watch|monitor)\b"
)
_TOLD_SECTIONS: Final = frozenset({"history", "review", "complaint", "none"})
_OWN_SECTIONS: Final = frozenset({"exam", "assessment", "history", "review", "none", "results", "complaint"})


def read_deficit(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`exam.neuro_deficit` by side of the examination; what the patient reports is a topic of its own."""
    low = sentence.low
    if sentence.section not in _OWN_SECTIONS or is_of_another(sentence, 0, len(low)) or _GENITAL.search(low):
        return
    lost = list(_lost(sentence, reading))
    yield from lost or _kept(sentence, reading)


def _lost(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    told = "reported weakness" if sentence.section in _TOLD_SECTIONS else "strength"
    for topic, pattern in ((told, _WEAK), ("sensation", _SENSORY), ("reflexes", _REFLEX)):
        match = pattern.search(sentence.low)
        if match is None or _GENERAL.search(sentence.low):
            continue
        if standing(sentence, *match.span()) == "said":
            confidence = 0.85 if sentence.section == "exam" else 0.75
            yield _deficit(sentence, reading, True, confidence, topic)
        elif is_denied(sentence, *match.span()):
            yield _deficit(sentence, reading, False, 0.75, topic)


def _kept(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    low = sentence.low
    if _NEURO_INTACT.search(low) is not None:
        yield _deficit(sentence, reading, False, 0.75, "strength")
        yield _deficit(sentence, reading, False, 0.75, "sensation")
        return
    for topic, pattern in _INTACT.items():
        if pattern.search(low):
            yield _deficit(sentence, reading, False, 0.75, topic)
    for match in islice(_NUMB_DENIED.finditer(low), MENTIONS):
        if is_denied(sentence, *match.span()) and not _GENERAL.search(low):
            topic = "reported weakness" if match.group() == "weakness" else "reported numbness"
            yield _deficit(sentence, reading, False, 0.6, topic)


def read_radiculopathy(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`exam.radiculopathy` by sign."""
    low = sentence.low
    negative = _SLR_NEGATIVE.search(low)
    if negative is not None:
        yield reading.fact("exam.radiculopathy", False, sentence, 0.8, topic="straight-leg-raise")
    for topic, pattern in _RADICULAR.items():
        match = pattern.search(low)
        if topic == "radiation" and not _FROM_SPINE.search(low) and reading.complaint_site not in _SPINE:
            continue
        if match is None or sentence.section in ("past", "family") or (topic == "straight-leg-raise" and negative):
            continue
        if is_denied(sentence, *match.span()):
            yield reading.fact("exam.radiculopathy", False, sentence, 0.75, topic=topic)
        elif standing(sentence, *match.span()) == "said":
            yield reading.fact("exam.radiculopathy", True, sentence, 0.75, topic=topic)


def read_knee_tests(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`exam.orthopedic_sign`, one topic for each named test."""
    low = sentence.low
    locked = _LOCKED.search(low)
    if locked is not None and standing(sentence, *locked.span()) == "said":
        yield reading.fact("exam.orthopedic_sign", True, sentence, 0.8, site="knee", topic="locked")
    if reading.complaint_site in _OTHER_JOINTS or "ankle" in low or "elbow" in low:
        return
    tests = list(islice(_TEST.finditer(low), MENTIONS))
    for place, match in enumerate(tests):
        if match["name"].startswith(("varus", "valgus")) and "deformity" in low[match.end() : match.end() + 14]:
            continue
        first = tests[place - 1].end() if place else 0
        last = tests[place + 1].start() if place + 1 < len(tests) else len(low)
        value = _sign(low, first, match.start(), match.end(), last)
        if value is not None and not is_of_another(sentence, *match.span()):
            topic = match["name"].split()[0]
            yield reading.fact("exam.orthopedic_sign", value, sentence, 0.85, site="knee", topic=topic)


def read_reexamined(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`exam.reexamined`: seen again after conservative care."""
    match = _REEXAMINED.search(sentence.low)
    if (
        match is not None
        and standing(sentence, *match.span()) == "said"
        and not (sentence.section == "plan" or _TO_COME.search(sentence.low))
    ):
        yield reading.fact("exam.reexamined", True, sentence, 0.75)


def read_infection(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`infection.active`, or its express denial."""
    match = _INFECTION.search(sentence.low)
    if match is None or sentence.section in ("past", "family", "plan"):
        return
    if is_denied(sentence, *match.span()) or "no evidence of" in sentence.low[: match.start()][-40:]:
        yield reading.fact("infection.active", False, sentence, 0.75)
    elif standing(sentence, *match.span()) == "said" and not (
        _NOT_NOW.search(sentence.low) or is_doubted(sentence, *match.span())
    ):
        yield reading.fact("infection.active", True, sentence, 0.7)


def _deficit(sentence: Sentence, reading: Reading, value: bool, confidence: float, topic: str) -> Fact:
    return reading.fact("exam.neuro_deficit", value, sentence, confidence, site=site_near(sentence.low, 0, 0), topic=topic)


def _sign(low: str, first: int, start: int, end: int, last: int) -> bool | None:
    """What is said of one test: the nearest word after it, else the words before it."""
    after = low[end:last]
    negative, positive = _NEGATIVE.search(after), _POSITIVE.search(after)
    if negative is not None and (positive is None or negative.start() < positive.start()):
        return False
    if positive is not None:
        return True
    before = low[max(first, start - 40) : start]
    if _NEGATIVE.search(before):
        return False
    return True if _POSITIVE.search(before) else None


RULES: Final = (
    TextRule(("strength", "motor", "weakness", "foot", "sensat", "sensory", "reflex", "numb", "tingl", "paresth", "esthesia", "deficit", "intact", "focal"), read_deficit),
    TextRule(("radic", "radiat", "shoot", "sciatica", "leg raise", "leg-raise", "slr", "claudication", "spurling"), read_radiculopathy),
    TextRule(("mcmurray", "apley", "lachman", "drawer", "varus", "valgus", "thessaly", "pivot", "locked"), read_knee_tests),
    TextRule(("after", "following", "status post"), read_reexamined),
    TextRule(("infect", "cellulitis", "pneumonia", "nephritis", "abscess", "septic", "sepsis", "osteomyelitis", "bacteremia"), read_infection),
)  # fmt: skip
