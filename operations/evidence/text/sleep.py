"""Sleep in notes: evaluation, tests done at home or in the laboratory, sleepiness, and use of positive pressure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.evidence.fact import Fact
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import Reading, TextRule
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, standing
from profiles.json import ExactDecimal

_TEST: Final = rx(
    r"\b(?:polysomnogra(?:m|phy|ms)|sleep stud(?:y|ies)|home sleep (?:apnea )?test(?:ing)?|sleep test|hsat|hst|psg|"
    r"sleep apnea test)\b"
)
_HOME: Final = rx(
    r"\b(?:home sleep|hsat|hst|home (?:\w{1,10} ){0,2}(?:test|study)|portable (?:sleep )?(?:test|study|monitor))\b"
)
_RESULT: Final = rx(
    r"\b(?:record(?:s|ed)|found|show(?:s|ed|ing)|demonstrat(?:es|ed)|reveal(?:s|ed)|confirm(?:s|ed)|underwent|"
    r"completed|performed|was done|had an?|had (?:his|her)|prior|previous|recent|last|"
    r"diagnosed (?:by|on|with)|dated|from|results?|ahi|was (?:negative|inconclusive|positive|normal|abnormal|"
    r"technically|non[\s-]?diagnostic)|on \d|in (?:19|20)\d\d|per|\w{1,10} (?:months?|weeks?|years?) ago)\b"
)
_INCONCLUSIVE: Final = rx(
    r"\b(?:inconclusive|non[\s-]?diagnostic|negative|fail(?:ed|ure)|technically (?:inadequate|limited|insufficient)|"
    r"insufficient (?:data|recording)|did not meet)\b"
)
_EVALUATED: Final = rx(
    r"\b(?:(?:seen|evaluated|examined)(?: \w{1,12}){0,4} (?:for|in|by|at)(?: \w{1,12}){0,4} sleep|(?:in[\s-]person|"
    r"face[\s-]to[\s-]face|clinical) sleep (?:evaluation|visit|consult\w{0,6})|"
    r"sleep (?:medicine )?(?:evaluation|consult\w{0,6}|clinic visit) (?:was )?(?:completed|performed|done|today|on|"
    r"took place)|presents (?:\w{1,12} ){0,4}for (?:a )?sleep (?:evaluation|consult\w{0,6}))\b"
)
_SLEEPY: Final = rx(
    r"\b(?:(?:excessive )?daytime (?:sleepiness|somnolence|drowsiness|fatigue)|excessive(?:ly)? (?:sleepiness|sleepy|"
    r"somnolence)|hypersomn\w{2,5}|"
    r"falls? asleep (?:\w{1,10} ){0,3}(?:driving|work|watching|reading|television|tv|during the day|meetings?)|"
    r"doz(?:es|ing) off|sleepy during the day)\b"
)
_DEVICE: Final = rx(r"\b(?:cpap|bipap|bilevel|bi-level|autopap|apap|pap (?:device|therapy|use)|device use)\b")
_HOURS: Final = rx(
    r"\b(?P<v>\d{1,2}(?:\.\d{1,2})?) ?(?:hours?|hrs?|h)(?: of use)? ?(?:per|a|each|/|every|nightly) ?(?:night)?|"
    r"average (?:use|usage) (?:\w{1,8} ){0,4}(?P<w>\d{1,2}(?:\.\d{1,2})?) ?(?:hours?|hrs?|h)\b"
)
_NIGHTS: Final = rx(
    r"\b(?P<v>\d{1,3}) ?(?:%|percent)(?: of)?(?: the| all)? ?(?:nights|days)|(?:>=|≥|at least|more than|>|"
    r"over) ?4 ?(?:hours|hrs|h)[^.;\d]{0,30}?(?P<w>\d{1,3}) ?%"
)


def read_tests(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`sleep.study_done`, `sleep.home_test_done`, `sleep.home_test_inconclusive`."""
    low = sentence.low
    mention = _TEST.search(low)
    if mention is None:
        return
    home = bool(_HOME.search(low))
    names = ("sleep.study_done", "sleep.home_test_done") if home else ("sleep.study_done",)
    if is_denied(sentence, *mention.span()):
        yield reading.fact(names[-1], False, sentence, 0.8)
        return
    if standing(sentence, *mention.span()) != "said" or not (_RESULT.search(low) or sentence.section == "results"):
        return
    for name in names:
        yield reading.fact(name, True, sentence, 0.8)
    if home and (match := _INCONCLUSIVE.search(low)) is not None and standing(sentence, *match.span()) == "said":
        yield reading.fact("sleep.home_test_inconclusive", True, sentence, 0.8)


def read_sleep(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`sleep.evaluated` and `sleep.daytime_sleepiness`."""
    low = sentence.low
    seen = _EVALUATED.search(low)
    if seen is not None and standing(sentence, *seen.span()) == "said":
        yield reading.fact("sleep.evaluated", True, sentence, 0.75)
    sleepy = _SLEEPY.search(low)
    if sleepy is None:
        return
    if is_denied(sentence, *sleepy.span()):
        yield reading.fact("sleep.daytime_sleepiness", False, sentence, 0.8)
    elif standing(sentence, *sleepy.span()) == "said":
        yield reading.fact("sleep.daytime_sleepiness", True, sentence, 0.8)


def read_adherence(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Average hours a night and percent of nights with at least four hours."""
    low = sentence.low
    device = _DEVICE.search(low)
    if device is None and not any(word in low for word in ("adheren", "complian", "usage")):
        return
    hours, nights = _HOURS.search(low), _NIGHTS.search(low)
    if hours is not None and standing(sentence, *hours.span()) == "said":
        value = hours["v"] or hours["w"]
        if float(value) <= 24:
            number = ExactDecimal(value) if "." in value else int(value)
            yield reading.fact("sleep.cpap_hours_per_night", number, sentence, 0.8, span=hours.span())
    if nights is not None and standing(sentence, *nights.span()) == "said":
        percent = int(nights["v"] or nights["w"])
        if percent <= 100:
            yield reading.fact("sleep.cpap_percent_nights", percent, sentence, 0.8, span=nights.span())


RULES: Final = (
    TextRule(("sleep", "polysomno", "hsat", "hst", "psg"), read_tests),
    TextRule(("sleep", "somnol", "drows", "hypersom", "doz", "daytime"), read_sleep),
    TextRule(("pap", "usage", "bilevel", "bi-level", "adheren", "complian"), read_adherence),
)
