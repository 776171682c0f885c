"""Conservative care in notes: physical therapy, home exercise, injections, conservative care as a whole.

A number beside "physical therapy" counts as completed weeks only where the text says that those weeks have been done: not
sessions a week, not a course to come, not the time since surgery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

from operations.evidence.coded.elements import months_between
from operations.evidence.fact import Fact
from operations.evidence.ingredients import named_in
from operations.evidence.text.outcome import outcome_in
from operations.evidence.text.patterns import rx
from operations.evidence.text.reading import Reading, TextRule, site_near
from operations.evidence.text.sentences import Sentence
from operations.evidence.text.standing import is_denied, standing
from operations.evidence.text.times import Duration, count_of, dates, durations

_PT: Final = "conservative_therapy.physical_therapy"
_HOME: Final = "conservative_therapy.home_exercise"
_THERAPY: Final = rx(r"\b(?:physical[\s-]therap(?:y|ist|ists)|physiotherap(?:y|ist)|aquatic therapy|formal therapy)\b")
_ABBREVIATION: Final = re.compile(r"\bPT\b(?!\s?/\s?INR|,? INR)")
_BEFORE_PT: Final = re.compile(
    r"(?:^|\b)(?:of|in|into|with|formal|to|did|had|for|after|attended|attending|outpatient|tried|failed|completed|"
    r"despite|from|prior|doing|"
    r"done|any|weeks?|supervised|no|and|or|finished|\d+|stopped|requires?|months?|through|trial)\s{1,4}$|[,:/(]\s{0,2}$"
)
_AFTER_PT: Final = re.compile(
    r":? ?\d{1,3} (?:of \d{1,3} )?(?:visits|sessions|weeks|wks|treatments)\b|\s?(?:x ?\d|for \d|for (?:two|three|"
    r"four|five|six|eight|ten|twelve)\b|\(|twice|\d|without|did not|has not|helped|sessions?|visits?|completed)"
)
_HOME_EXERCISE: Final = rx(
    r"\bhome (?:exercise|therapy|stretching|physical therapy)(?: (?:program(?:me)?|regimen|plan))?|\bhep\b|"
    r"exercises? at home"
)
_TOOK_PLACE: Final = rx(
    r"\b(?:complet(?:ed|ing)|attend(?:ed|ing|s)?|underwent|undergone|participat(?:ed|ing|es)|finished|did|doing|does|"
    r"had|has been|"
    r"have been|is in|was in|currently|going to (?:physical|pt)|tried|trial|failed|without|beneficial|benefit(?:ed|"
    r"ted)?|help(?:s|ed|ing|ful)?|"
    r"after|despite|into|made (?:\w{1,8} ){0,3}worse|so far|continu(?:es|ed)|working with|worked with|started|s/p|"
    r"following|progressed|"
    r"(?:gave|brought|provid(?:ed|es|ing)) (?:\w{1,12} ){0,3}(?:relief|improvement|benefit)|no longer|no (?:relief|"
    r"improvement|benefit)|not (?:help|improve|relieve)\w{0,3}|received|given|with no|since|performed|stopped|"
    r"prior treatments?|in occupational)\b"
)
_LINK: Final = rx(
    r"^(?: (?:of|in|into|doing|with|formal|outpatient|supervised|structured|dedicated|active|consistent|regular|"
    r"directed|provider|physician|land|based|"
    r"a|an|the|his|her|course|trial|program|completed|continuous|conservative|treatment|including|and|,|weekly|twice|"
    r"guided|intensive|of a)){0,6} ?,? ?$"
)
_FOR: Final = rx(
    r"^[^.;]{0,45}?\b(?:for|x|over|lasting|totaling|times|during|spanning)(?: (?:the|a|past|last|total|of|about|"
    r"approximately|over|at|least|more|than|~)){0,4} ?$"
)
_FOR_PAST: Final = rx(r"^[^.;]{0,30}?\((?:~ ?)?$")
_SINCE: Final = rx(r"\bsince ?(?:early |late |mid[\s-]?)?$")
_NUMBER: Final = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_PLANNED_SESSIONS: Final = "(?:scheduled|prescribed|planned|authorized|approved|ordered|recommended|total)"
_OF_WHOLE: Final = (
    rf"(?: ?(?:/|of|out of) ?(?:(?:the|an?|his|her|their) )?(?:{_PLANNED_SESSIONS} )?(?:total of )?(?P<m>{_NUMBER}))"
)
_SESSIONS: Final = rx(
    rf"(?<![\d./-])\b(?P<n>{_NUMBER}){_OF_WHOLE}?"
    rf"(?: (?:{_PLANNED_SESSIONS}|physical therapy|pt|therapy|formal|supervised|outpatient)){{0,3}} (?:sessions?|"
    rf"visits?|treatments)\b"
    r"(?! (?:per|a|each) )"
)
_ANOTHER: Final = rx(
    r";|\b(?:while|whereas|but|however|which|did|does|was|were|had|has|is|he|she|they|helped|took|tried|gave)\b"
)
_VISIT: Final = rx(
    r"\b(?:again|re[\s-]?(?:examin|evaluat|assess)\w{2,5}|follow[\s-]?up|returns?|visit|seen)(?: (?:on|in|of))? ?$"
)
_FROM: Final = rx(r"\b(?:from|between) ?$")
_TO: Final = rx(r"^ ?(?:to|through|thru|until|till|and|-) ?$")
_CARE: Final = rx(
    r"\bconservative (?:care|management|therap(?:y|ies)|treatments?|measures?)|non[\s-]?(?:operative|"
    r"surgical) (?:care|management|therapy|treatment)"
    r"|chiropractic(?: (?:care|treatment|manipulation|therapy))?|activity modification"
)
_CARE_FAILED: Final = rx(
    r"\b(?:failed|fail(?:ing|ure of)|despite|refractory to|not (?:responded|responding|improved|improving) (?:to|"
    r"with)|no (?:\w{1,12} ){0,2}(?:relief|"
    r"improvement|benefit|response) (?:with|from|to|after|despite)|without (?:\w{1,12} ){0,2}(?:relief|improvement|"
    r"benefit))\b"
)
_INJECTION: Final = rx(
    r"\b(?:cortico)?(?:steroid|cortisone|epidural|facet|kenalog|depo[\s-]?medrol|hyaluronic acid|hyaluronate|"
    r"viscosupplement\w{0,6}|trigger[\s-]point|intra[\s-]?articular|"
    r"transforaminal|sacroiliac|si joint|lidocaine|joint|knee|shoulder|hip|lumbar|spinal)(?: (?:steroid|epidural|"
    r"joint|acid|cortisone|point|esi)){0,3} "
    r"injections?\b|\besis?\b"
)
_GIVEN: Final = rx(
    r"\b(?:had|underwent|received|got|given|gave|status post|s/p|tried|trial|failed|prior|previous|last|first|second|"
    r"third|after|following|without|"
    r"relief|help(?:ed|ful)?|improve[ds]?|performed|administered|injected|temporary|completed|did)\b"
)
_PERCENT: Final = rx(
    r"\b(?P<p>\d{1,3}) ?(?:%|percent)(?: \w{1,12}){0,2} (?:relief|improvement|reduction|better|improved|pain relief)"
)
_INJECTION_COUNT: Final = rx(r"\b(?P<n>two|three|four|five|six|\d) (?:\w{1,16} ){0,3}?injections\b")
_COMPRESSION: Final = rx(r"\bcompression (?:stockings?|hose|therapy|garments?|socks)")


def read_physical_therapy(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """`attended`, `completed_weeks`, `sessions` and `outcome` of physical therapy; a denial is zero weeks."""
    mention = _THERAPY.search(sentence.low) or _abbreviation(sentence)
    home = _HOME_EXERCISE.search(sentence.low)
    if mention is None or (home is not None and home.start() <= mention.start() < home.end()):
        return
    start, end = mention.span()
    site = site_near(sentence.low, start, end)
    if is_denied(sentence, start, end):
        yield reading.fact(f"{_PT}.attended", False, sentence, 0.85, site=site)
        yield reading.fact(f"{_PT}.completed_weeks", 0, sentence, 0.85, site=site)
        return
    if standing(sentence, start, end) != "said" or not _TOOK_PLACE.search(sentence.low):
        return
    yield reading.fact(f"{_PT}.attended", True, sentence, 0.8, site=site)
    length = _course_length(sentence, reading, start, end)
    if length is not None:
        yield reading.fact(f"{_PT}.completed_weeks", length[0], sentence, length[1], site=site)
        yield reading.fact("conservative_therapy.total_weeks", length[0], sentence, length[1], site=site)
    if (number := _sessions(sentence.low)) is not None:
        yield reading.fact(f"{_PT}.sessions", number, sentence, 0.75, site=site)
    yield from _when(sentence, reading, site)
    outcome = outcome_in(_of_therapy(sentence.low, start, end)) or _following_outcome(sentence, reading)
    if outcome is not None:
        yield reading.fact(f"{_PT}.outcome", outcome, sentence, 0.75, site=site)
    if outcome == "no relief":
        yield reading.fact("conservative_therapy.failed", True, sentence, 0.75, site=site)


def _of_therapy(low: str, start: int, end: int) -> str:
    """The part of a sentence that speaks of the therapy, up to a drug of which something else is said."""
    for _, first, _ in named_in(low):
        if first >= end and _ANOTHER.search(low[end:first]):
            return low[:first]
        if first < start and _ANOTHER.search(low[first:start]):
            return low[start:]
    return low


def _sessions(low: str) -> int | None:
    """How many sessions were attended; of "4 of 12 sessions" the four."""
    counted = _SESSIONS.search(low)
    if counted is None:
        return None
    number, whole = count_of(counted["n"]), count_of(counted["m"]) if counted["m"] else None
    return number if number is None or whole is None or number <= whole else None


def _abbreviation(sentence: Sentence) -> re.Match[str] | None:
    """ "PT" where it means the therapy: not the patient ("PT states"), not the prothrombin time."""
    shouted = sentence.raw.isupper()
    for match in _ABBREVIATION.finditer(sentence.raw):
        before = sentence.low[max(0, match.start() - 14) : match.start()]
        if _BEFORE_PT.search(before) or (not shouted and _AFTER_PT.match(sentence.low, match.end())):
            return match
    return None


def read_home_exercise(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Weeks of a home programme that was done."""
    mention = _HOME_EXERCISE.search(sentence.low)
    if mention is None or standing(sentence, *mention.span()) != "said":
        return
    length = _course_length(sentence, reading, *mention.span())
    if length is not None:
        site = site_near(sentence.low, *mention.span())
        yield reading.fact(f"{_HOME}.completed_weeks", length[0], sentence, length[1], site=site)
        yield reading.fact("conservative_therapy.total_weeks", length[0], sentence, length[1], site=site)


def read_conservative_care(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Conservative care as a whole: its weeks, and that it failed."""
    for mention in _CARE.finditer(sentence.low):
        if standing(sentence, *mention.span()) != "said":
            continue
        site = site_near(sentence.low, *mention.span())
        length = _course_length(sentence, reading, *mention.span())
        if length is not None:
            yield reading.fact("conservative_therapy.total_weeks", length[0], sentence, length[1], site=site)
        if mention.group().startswith(("conservative", "non")) and _CARE_FAILED.search(sentence.low):
            yield reading.fact("conservative_therapy.failed", True, sentence, 0.8, site=site)
        break


def read_injections(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Therapeutic injections that were given, how many, and the relief they brought."""
    low = sentence.low
    mention = _INJECTION.search(low)
    if mention is None:
        return
    stem = "conservative_therapy.injections"
    site = site_near(low, *mention.span())
    if is_denied(sentence, *mention.span()):
        yield reading.fact(f"{stem}.done", False, sentence, 0.8, site=site)
        return
    if standing(sentence, *mention.span()) != "said" or not _GIVEN.search(low):
        return
    yield reading.fact(f"{stem}.done", True, sentence, 0.8, site=site)
    if (counted := _INJECTION_COUNT.search(low)) is not None and (number := count_of(counted["n"])) is not None:
        yield reading.fact(f"{stem}.count", number, sentence, 0.7, site=site)
    relief = _PERCENT.search(low)
    following = reading.after(sentence)
    if (
        relief is None
        and following is not None
        and following.low.startswith(("this ", "it ", "she ", "he ", "they ", "these "))
    ):
        relief, sentence = _PERCENT.search(following.low), following
    if relief is not None and int(relief["p"]) <= 100:
        yield reading.fact(f"{stem}.relief_percent", int(relief["p"]), sentence, 0.8, span=relief.span(), site=site)


def read_compression(sentence: Sentence, reading: Reading) -> Iterator[Fact]:
    """Months of compression therapy."""
    mention = _COMPRESSION.search(sentence.low)
    if mention is not None and standing(sentence, *mention.span()) == "said":
        span = _course(sentence, *mention.span())
        if span is not None:
            yield reading.fact("conservative_therapy.compression_months", span.months, sentence, 0.8)


def _course_length(sentence: Sentence, reading: Reading, start: int, end: int) -> tuple[object, float] | None:
    """Weeks of the course mentioned at `start` to `end`, with the confidence; None where no number belongs to it."""
    span = _course(sentence, start, end)
    if span is not None:
        return span.weeks, 0.85
    between = _from_to(sentence, reading)
    if between is not None:
        return (between[1] - between[0]).days // 7, 0.8
    for when in dates(sentence.low, reading.as_of):
        if _SINCE.search(sentence.low[max(0, when.start - 14) : when.start]) and 0 <= when.start - end <= 40:
            return max(0, (reading.as_of - when.latest).days // 7), 0.7
    return None


def _from_to(sentence: Sentence, reading: Reading) -> tuple[date, date] | None:
    """The first and last day of "from 8/1/2026 to 9/26/2026"; of a month without a day what is certain."""
    found = dates(sentence.low, reading.as_of)
    for first, last in pairwise(found):
        led = _FROM.search(sentence.low[max(0, first.start - 10) : first.start])
        if led and _TO.match(sentence.low[first.end : last.start]) and first.latest <= last.day:
            return first.latest, last.day
    return None


def _course(sentence: Sentence, start: int, end: int) -> Duration | None:
    low = sentence.low
    for span in durations(low):
        if span.kind != "length":
            continue
        if span.end <= start and _LINK.match(low[span.end : start]):
            return span
        if span.start >= end and (_FOR.match(low[end : span.start]) or _FOR_PAST.match(low[end : span.start])):
            return span
        if span.end <= start and start - span.end <= 60 and " including " in low[span.end : start + 1]:
            return span
    return None


def _when(sentence: Sentence, reading: Reading, site: str | None) -> Iterator[Fact]:
    """When the therapy was: "completed two months ago", "in August", "in 2024" (its first day, the earliest it can be)."""
    low = sentence.low
    ago = next((span for span in durations(low) if span.kind == "ago"), None)
    if ago is not None and re.search(r"complet|finish|ended|last session", low):
        yield reading.fact("conservative_therapy.months_ago", ago.months, sentence, 0.7, site=site)
        return
    if (between := _from_to(sentence, reading)) is not None:
        value = months_between(between[1], reading.as_of)
        yield reading.fact("conservative_therapy.months_ago", value, sentence, 0.7, site=site)
        return
    for when in dates(low, reading.as_of):
        before = low[max(0, when.start - 60) : when.start]
        if not _SINCE.search(before) and not _VISIT.search(before):
            value = months_between(when.day, reading.as_of)
            yield reading.fact("conservative_therapy.months_ago", value, sentence, 0.65, site=site)
            return


def _following_outcome(sentence: Sentence, reading: Reading) -> str | None:
    following = reading.after(sentence)
    if following is None or not following.low.startswith(
        ("this ", "it ", "these ", "the therapy ", "therapy ", "unfortunately")
    ):
        return None
    return outcome_in(following.low)


RULES: Final = (
    TextRule(("therap", "PT".lower()), read_physical_therapy),
    TextRule(("home ", "hep", "at home"), read_home_exercise),
    TextRule(("conservative", "operative", "surgical", "chiropract", "activity mod"), read_conservative_care),
    TextRule(("injection", "esi"), read_injections),
    TextRule(("compression",), read_compression),
)
