"""How long the complaint has lasted, whether it limits daily life, and its red flags."""

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
from operations.evidence.text.times import Duration, dates, durations

_SYMPTOM: Final = rx(
    r"\b(?:pain\w{0,3}|aches?|aching|symptoms?|numb\w{0,4}|tingling|weakness|stiff\w{0,4}|headaches?|migraines?|"
    r"snor\w{1,4}|fatigue\w?|"
    r"swelling|swollen|cough\w{0,3}|shortness of breath|dyspnea|dizz\w{1,4}|sciatica|radiculopathy|soreness|"
    r"complaints?|discomfort|spasms?|"
    r"sleepiness|diarrhea|constipation|rash|claudication|instability|catching|locking|bleeding)\b"
)
_ONSET: Final = rx(
    r"\b(?:onset|began|begun|started|start|happened|occurred|present(?:ing|s)? (?:for|since)|going on|developed|"
    r"first noticed|noticed|ongoing|"
    r"has (?:had|been)|have (?:had|been)|had|history of|experienc\w{2,4}|complain\w{0,3} of|suffer\w{0,3}|"
    r"persist\w{0,3}|worsen\w{0,3}|"
    r"duration|lasting|lasted|with (?:an?|the)|reports?|endorses?|presents? with|injur\w{1,3})\b"
)
_STARTED: Final = rx(
    r"\b(?:onset|began|begun|started|happened|occurred|developed|first noticed|injured|injury|fell|fall)\b"
)
_NOT_THE_COMPLAINT: Final = rx(
    r"\b(?:surgery|surgical|repair\w{0,2}|replacement|arthroplasty|discectomy|fusion|status post|s/p|diagnosed|"
    r"married|works?|smok\w{1,4}|taking|"
    r"took|therapy|nsaids?|ibuprofen|medication\w?|prescribed|injections?|vaccin\w{1,5}|last (?:visit|seen|saw)|"
    r"follow[\s-]?up|resolved|"
    r"pain[\s-]free|asymptomatic|relief|accident-free|colonoscopy|transplant|procedure|imaging|mri|x-?ray|free of|"
    r"doing well|not had|no pain|"
    r"worked|exercis\w{1,4}|program|diet|years? old|quit|drink\w{0,3}|antibiotics?|course|remained|stayed|admitted|"
    r"hospitali[sz]\w{2,5})\b"
)
_SINCE: Final = rx(r"\bsince (?:early |late |mid[\s-]?)?$")
_BEGAN: Final = rx(
    r"\b(?:onset|began|begun|started|happened|occurred|injured|injury)(?: \w{1,12}){0,2}? (?:(?:in|on|around|of|about) )?$"
)
_LENGTH_LEAD: Final = rx(
    r"(?:\bfor|\bx|\bpast|\blast|\bover|\bduring|\bwith an?|\bhas an?|\ban?|\bapproximately|\babout|\broughly|\bof|"
    r"\b~|\bduration:?)(?: (?:the|past|last|an?|about|approximately|over|at|least|more|than|nearly))* ?$"
)
_HISTORY_AFTER: Final = rx(
    r"^[\s-]?(?:history|hx|duration|of (?:\w{2,14} ){0,5}(?:pain|symptoms?|numbness|weakness|headaches?|snoring|"
    r"fatigue|swelling))"
)
_EPISODE: Final = rx(r"\b(?:lasts?|lasting|each|per|every|episodes? of|at a time|once|twice)\b")
_SECTIONS: Final = frozenset({"complaint", "history", "none"})

_LIMITED: Final = rx(
    r"\b(?:unable to|cannot|can't|difficulty|trouble|hard (?:for (?:him|her|them) )?to|struggl\w{1,4}(?: to| with)?|"
    r"not able to|inability to|no longer able to|"
    r"(?<!normal )limit(?:s|ed|ing|ation in|ations? (?:in|with))(?: (?:his|her|the|their))?(?: ability to)?|"
    r"interfer\w{1,4} with|prevents? (?:him|her|them) from|"
    r"affect(?:s|ing|ed)|impair(?:s|ed|ing)|restrict(?:s|ed|ing)) "
    r"(?:\w{1,14} ){0,3}(?:walk\w{0,3}|stand\w{0,3}|sit\w{0,4}|climb\w{0,3}|stairs?|bend\w{0,3}|lift\w{0,3}|"
    r"dress\w{0,3}|bath\w{0,3}|work\w{0,3}|driv\w{1,3}|sleep\w{0,3}|"
    r"squat\w{0,4}|run\w{0,4}|kneel\w{0,3}|household|chores|housework|daily (?:activities|living|life)|activities|"
    r"adls?|function\w{0,3}|ambulat\w{1,4}|"
    r"weight[\s-]?bear\w{0,3}|bear\w{0,3} weight|grip\w{0,4}|reach\w{0,3})\b|"
    r"\b(?:walk\w{0,3}|ambulat\w{1,4}) (?:\w{1,10} ){0,3}(?:limited to|only|less than|"
    r"no more than) (?:\w{1,10} ){0,2}(?:blocks?|feet|minutes|yards|steps|meters|mile)"
)
_UNLIMITED: Final = rx(
    r"\b(?:does not|doesn't|not|without) (?:\w{1,12} ){0,2}(?:prevent|limit\w{0,5}|interfer\w{1,4}|affect\w{0,3}|"
    r"difficulty|impair\w{0,3}) (?:\w{1,12} ){0,4}"
    r"(?:activities|adls?|walking|daily|function|work)|independent (?:with|in) (?:all )?(?:adls|"
    r"activities of daily living)|"
    r"able to perform (?:all )?(?:\w{1,8} ){0,3}(?:adls|activities of daily living) without"
)

_EXCEPTION: Final = rx(
    either(
        r"\b(?:except(?:ing)?|(?:with the )?exception of|other than|apart from|aside from|besides|save for)\b[^.;]{0,80}",
        r"\b(?:but|however|although|though|yet)\b(?! (?:no|denies|without|independent|able))[^.;]{0,40}",
    )
)
_LIMIT_NAMED: Final = rx(
    either(
        r"\b(?:cannot|can't|can not|unable|not able|inability|difficult\w{0,3}|trouble|struggl\w{1,4}|limited|hard)\b",
        r"\b(?:needs?|requires?|with) (?:\w{1,10} )?(?:help|assist\w{0,5})",
        r"\b(?:except(?:ing)?|exception of|other than|apart from|aside from|besides|save for) (?:for )?"
        r"(?:\w{1,12} ){0,2}(?:walk|stand|sitt|climb|stairs|bend|lift|dress|bath|shower|toilet|groom|feed|work|driv|"
        r"sleep|squat|kneel|chores|socks|shoes)",
    )
)

_BOTH: Final = r"(?:bowel|bladder)(?: (?:or|and) |/| and/or )(?:bowel|bladder)"
_SUSPECTED: Final = r"(?:suspected|suspicious for|concern(?:ing|ed)? for|suspicion (?:of|for)"
_CANCER: Final = r"(?:malignancy|metasta\w{2,4}|cancer|tumou?r|neoplasm)"
_SPINAL_INFECTION: Final = r"(?:osteomyelitis|discitis|epidural abscess|spinal infection)"
_FLAGS: Final = {
    "incontinence": either(
        r"(?:bowel|bladder|urinary|fecal|faecal|stool|urine)(?: (?:or|and|/|and/or) (?:bowel|bladder|urinary|fecal))? "
        r"(?:incontinence|accidents?|dysfunction)",
        r"incontinen(?:t|ce)(?: of (?:urine|stool|bowel|bladder)(?: (?:or|and) \w{5,7})?)?",
        r"loss of (?:bowel|bladder)(?: (?:or|and) (?:bowel|bladder))?(?: control| function)",
        rf"{_BOTH} (?:incontinence|dysfunction|accidents|changes|symptoms|issues|problems|control)",
    ),
    "retention": either("urinary retention", "unable to urinate", "retention of urine", "unable to (?:void|pass urine)"),
    "saddle-anesthesia": either(
        r"saddle (?:an(?:a?e)sthesia|numbness|paresthesias?)",
        r"saddle[\s-]area numbness",
        "perineal numbness",
        r"loss of sensation in (?:\w{1,8} ){0,2}(?:genital|rectal|perineal|groin|saddle)",
        r"numbness in (?:the |his |her )?(?:groin|saddle|perineum)",
    ),
    "progressive-weakness": either(
        r"(?:progressive(?:ly)?|rapidly|worsening|new(?:[\s-]onset)?) (?:\w{1,12} ){0,3}"
        r"(?:weakness|motor deficit|neurologic(?:al)? deficit|foot drop)",
        "bilateral (?:leg|lower extremity) weakness",
        "foot drop",
        "drop foot",
    ),
    "suspected-cancer": rf"{_SUSPECTED}|possible) (?:\w{{1,12}} ){{0,3}}{_CANCER}",
    "suspected-infection": rf"{_SUSPECTED}) (?:\w{{1,12}} ){{0,3}}{_SPINAL_INFECTION}",
    "suspected-fracture": rf"{_SUSPECTED}) (?:\w{{1,12}} ){{0,3}}(?:fracture)",
    "weight-loss": r"(?:unexplained|unintentional|unintended) weight loss",
    "cauda-equina": r"cauda equina",
}
_NAMES: Final = tuple(_FLAGS)
_FLAG: Final = rx("|".join(f"(?P<f{i}>{pattern})" for i, pattern in enumerate(_FLAGS.values())))
_STRONG: Final = frozenset({"incontinence", "retention", "saddle-anesthesia", "progressive-weakness", "suspected-cancer", "suspected-infection", "suspected-fracture"})  # fmt: skip
_SPINAL: Final = frozenset({"incontinence", "retention", "saddle-anesthesia", "progressive-weakness"})
_NO_FLAGS: Final = rx(
    r"\b(?:no|denies(?: any)?|without(?: any)?|absence of) (?:\w{1,12} ){0,2}(?:red[\s-]flags?|alarm (?:symptoms|features))"
)
_OLD: Final = rx(
    r"\b(?:history of|years? ago|in the past|childhood|stress incontinence|chronic|resolved|risk of|rule out|if|"
    r"return|call|monitor|watch|warning|in the setting of|diuretics?|stress|urge|initially)\b"
)


def read_duration(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`symptom_duration_weeks` from the complaint or the history; the first sentence that tells it counts most."""
    low = sentence.low
    if sentence.section not in _SECTIONS:
        return
    spans = durations(low)
    if (
        (not spans and not dates(low, reading.as_of))
        or _NOT_THE_COMPLAINT.search(low)
        or is_of_another(sentence, 0, len(low))
    ):
        return
    if not (
        _SYMPTOM.search(low)
        or low.startswith(("this happened", "this started", "this began", "it started", "this has been"))
    ):
        return
    for span in spans:
        if _tells_duration(low, span):
            symptom = _SYMPTOM.search(low)
            site = site_near(low, *(symptom.span() if symptom else (span.start, span.end)))
            confidence = 0.85 if site is None or site == reading.complaint_site else 0.7
            yield reading.fact("symptom_duration_weeks", span.weeks, sentence, confidence, site=site)
            return
    for when in dates(low, reading.as_of):
        before = low[max(0, when.start - 40) : when.start]
        if (_SINCE.search(before) and _ONSET.search(low)) or _BEGAN.search(before):
            weeks = max(0, (reading.as_of - when.latest).days // 7)
            yield reading.fact("symptom_duration_weeks", weeks, sentence, 0.7)
            return


def read_function(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`function.limited`: pain or disease keeps the patient from daily activities, or expressly does not."""
    low = sentence.low
    if sentence.section in ("plan", "family", "social"):
        return
    free, match = _UNLIMITED.search(low), _LIMITED.search(low)
    spoken = free or match
    if spoken is None or "breathing" in low:
        return
    first, last = spoken.span()
    if free is not None and is_of_another(sentence, first, last):
        return
    if free is not None or is_denied(sentence, first, last):
        if (exception := _EXCEPTION.search(low, last)) is None:
            yield reading.fact("function.limited", False, sentence, 0.75 if free else 0.65)
        elif _LIMIT_NAMED.search(exception.group()):
            yield reading.fact("function.limited", True, sentence, 0.75)
    elif standing(sentence, first, last) == "said":
        yield reading.fact("function.limited", True, sentence, 0.75)


def read_red_flags(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`red_flags`, one topic for each kind; what one sentence endorses and another denies stays a contradiction."""
    low = sentence.low
    none = _NO_FLAGS.search(low)
    if none is not None:
        yield reading.fact("red_flags", False, sentence, 0.85)
        return
    for match in islice(_FLAG.finditer(low), MENTIONS):
        topic = _NAMES[int((match.lastgroup or "f0")[1:])]
        stands = standing(sentence, *match.span())
        if is_denied(sentence, *match.span()):
            yield reading.fact("red_flags", False, sentence, 0.8, topic=topic)
        elif (
            stands == "said"
            and _is_strong(topic, reading)
            and not (_OLD.search(low) or is_doubted(sentence, *match.span()))
        ):
            yield reading.fact("red_flags", True, sentence, 0.75, topic=topic)


def _is_strong(topic: str, reading: Reading) -> bool:
    return topic in _STRONG and (reading.spinal or topic not in _SPINAL)


def _tells_duration(low: str, span: Duration) -> bool:
    if _EPISODE.search(low[max(0, span.start - 25) : span.start]):
        return False
    if span.kind == "ago":
        return bool(_STARTED.search(low))
    if span.kind != "length":
        return False
    led = _LENGTH_LEAD.search(low[max(0, span.start - 40) : span.start])
    return bool(
        _HISTORY_AFTER.match(low[span.end : span.end + 80])
        or (led and _ONSET.search(low))
        or (led and led.group().startswith(("for", "x")))
    )


RULES: Final = (
    TextRule(("week", "month", "day", "year", "wk", "since", " mo", "began", "started", "onset"), read_duration),
    TextRule(("unable", "cannot", "can't", "difficult", "trouble", "hard", "struggl", "able", "limit", "interfer", "prevent", "affect", "impair", "restrict", "walk", "ambulat", "independent", "inability"), read_function),
    TextRule(("flag", "alarm", "inconti", "bowel", "bladder", "urin", "saddle", "perine", "groin", "weakness", "deficit", "foot", "malignan", "metasta", "cancer", "tumo", "neoplas", "infection", "osteomy", "discitis", "abscess", "fracture", "weight loss", "cauda"), read_red_flags),
)  # fmt: skip
