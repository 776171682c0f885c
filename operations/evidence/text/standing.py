"""What a sentence says about something it mentions: that it is so, is denied, is planned, is conditional, or is another's.

In the manner of NegEx and ConText (Chapman 2001, Harkema 2009): trigger words with a reach. Planned is not done, and what is
neither expressly said nor expressly denied is not a fact.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from operations.evidence.text.patterns import rx
from operations.evidence.text.sentences import Sentence

Standing = Literal["said", "denied", "planned", "conditional", "other"]

_FAIL_TAIL: Final = "relief|improvement|benefit|response|success|help|effect|resolution|change"
_FAIL: Final = (
    rf"(?:without|no|not|minimal|little)(?: (?:any|much|real|significant|sustained|lasting|adequate|pain|symptom|"
    rf"noticeable|"
    rf"symptomatic|further|meaningful|great|clinical|long[-\s]term))* (?:{_FAIL_TAIL})"
    r"|(?:did|does|do|has|have|had|was|were|is|are)(?:n't| not)(?: \w{1,12}){0,3}? "
    r"(?:help\w{0,3}|improv\w{1,3}|reliev\w{1,3}|work(?:ed|ing)?|respond\w{0,3}|effective|beneficial|relief)"
    r"|not (?:been )?(?:helpful|effective|beneficial|relieved|improved|responded)"
)
_VERBS_TO_COME: Final = (
    "need|have|get|order|obtain|start|refer|try|do|see|send|give|put|check|set|want|recommend|continue|be|go|take|treat|"
    "proceed|increase|repeat|follow|use|let|make|place|prescribe|schedule|consider|plan|add|begin|work|stop|change|ask|keep"
)
_NEG: Final = (
    r"den(?:y|ies|ied|ying)|no(?! longer| doubt| more than| less than| problems? with)|not(?! only| sure| limited|"
    r" just)|never|"
    r"without|\w{2,6}n't|cannot|unable to|declin(?:es|ed)|refus(?:es|ed)|neither|nor|negative for|negative|"
    r"absence of|absent|"
    r"free of|ruled out|rule out|avoid\w{0,3}|instead of|rather than|none"
)
_PLAN: Final = (
    rf"will(?! not)|'ll|going to (?={_VERBS_TO_COME})|plan(?:s|ned|ning)?|recommend(?:ed|s|ing|ations?)?|refer(?:red|"
    rf"rals?|ring|s)?|"
    r"(?<!in )order(?:ed|ing|s)?|schedul(?:e|ed|ing)|advis(?:e|ed|es)|encourag(?:e|ed|es)|suggest(?:ed)?|should|"
    r"needs?|needed|pending|"
    r"await(?:s|ing)|prescri(?:be|bed|bing|ptions?)|proceed|initiate|begin|discuss(?:ed|ing|ion)?|request(?:ed|ing)?|"
    r"authori[sz]\w{1,6}|would like|wants? (?:to|him|her)|wish(?:es)? to|interested in|due for|instructed|asked|"
    r"let's|explained|"
    r"to (?:obtain|get|undergo|begin|start|attend|try|complete|receive)|upcoming|future|appeal"
)
_COND: Final = (
    r"requir(?:es?|ed|ing|ements?)|must|criteri(?:a|on)|in order to|before (?:approval|an? |the )|if|unless|"
    r"would(?! not| often| usually)|could(?! not)|can(?! not)|may(?= [a-z])(?<!in may)(?<!since may)|might|"
    r"consider(?:ed|ing|ation|s)?|expect(?:ed|s|ing)?|anticipat\w{1,3}|possib(?:le|ly)|candidates?|options?|"
    r"in the event|depending|whether|once(?= (?:the|he|she|his|her|"
    r"they|we|you|completed|available))|until|potential(?:ly)?|in case|after (?:he|she|they|you) (?:has|have|"
    r"completes?|finish\w{0,3})|"
    r"when (?:he|she|they|you) (?:has|have|completes?|finish\w{0,3})"
)
_DONE: Final = (
    r"(?<!be )(?<!to )(?<!to be )(?:complet(?:ed|ing)|underwent|undergone|attended|attending|participat(?:ed|ing)|"
    r"finished|tried|"
    r"failed|obtained|performed|reviewed|reviewing|showed|shows|reveal(?:s|ed)|demonstrat(?:es|ed)|received|taken|was done|"
    r"were done|has done|have done|had done|did|had(?! been)|has had|have had|(?:has|have|"
    r"had) been(?! (?:\w{1,12} )?(?:order|recommend|schedul|referr|plann|prescrib|advis|discuss|suggest|request|deni|"
    r"consider|offer|instruct|asked|encourag))|was treated|treated with|was given|despite|"
    r"already|currently|previously|in the past)"
)
_STOP: Final = (
    r"but|however|although|though|except|aside from|which|who|and (?=(?:is|has|was|had|did|does|he|she|they|reports|"
    r"endorses|"
    r"states|notes|continues|the patient|it|this|then)\b)|endorses?|endorsed|reports?|reported|states?|stated|notes?|noted|"
    r"positive for|admits|complains|presents"
)
_COUNTED: Final = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_TO_COME: Final = "(?:scheduled|prescribed|planned|authorized|approved|ordered|recommended|required)"
_PART: Final = (  # "4 of the 12 prescribed visits": what was planned is the whole, not the part that was done
    rf"{_COUNTED}(?: (?:weeks?|months?|visits?|sessions?))? ?(?:of|out of|/) ?(?:(?:the|an?|his|her|their) )?"
    rf"(?:{_TO_COME} )?(?:{_COUNTED}(?:[\s-](?:weeks?|months?))?(?: {_TO_COME})?|(?<= ))"
)
_SIGNAL: Final = rx(  # only tried where a word (or "'ll") begins
    rf"\b(?=[\w'])(?:(?P<part>{_PART})|(?P<fail>{_FAIL})|(?P<stop>{_STOP})|(?P<done>{_DONE})|(?P<cond>{_COND})|"
    rf"(?P<plan>{_PLAN})|(?P<neg>{_NEG}))\b"
    r"|(?P<semi>;| - )"
)
_RELATIVE: Final = (
    "mother|father|brother|sister|parents?|siblings?|grand(?:mother|father|parents?)|aunt|uncle|cousin|son|daughter|"
    "wife|husband|spouse|friend|coworker|neighbor"
)
_OTHERS_BEFORE: Final = rx(
    rf"\bfamily (?:medical )?history|\b(?:{_RELATIVE})s?,? (?:also |who )?(?:has|had|have|was|is|were|underwent|took|"
    rf"takes|tried|died|"
    rf"suffer\w{{0,3}}|with|diagnosed)\b|runs in (?:the|his|her) family|\b(?:{_RELATIVE})'s (?:\w{{1,14}} ){{0,2}}$"
)
_OTHERS_AFTER: Final = rx(
    rf"\b(?:in|of) (?:his|her|their|the patient's|maternal|paternal) (?:{_RELATIVE})s?\b|runs in (?:the|his|her) family"
)
_PLAN_AFTER: Final = rx(
    r"^.{0,40}?\b(?:(?:is|was|were|are|has been|have been|to be|will be|being) (?:also )?(?:ordered|scheduled|recommended|"
    r"planned|considered|requested|discussed|advised|suggested|offered|prescribed|provided)|ordered|pending|"
    r"referrals?|to be done|"
    r"to follow|order|prescription|recommended|scheduled|will)\b"
)
_IF_AFTER: Final = rx(r"\b(?:if|unless|should (?:he|she|symptoms|this)|in the event)\b")
_NOT_DONE_AFTER: Final = rx(
    r"^(?: (?!because\b|since\b|as\b|he\b|she\b|they\b|and\b|but\b)\w{1,12}){0,3}?(?:,|:)? ?(?:(?:has|have|had|was|"
    r"were|is|are)(?:n't| not| never) (?:yet )?(?:been )?(?:done|obtained|performed|"
    r"completed|tried|attempted|started|used|available|given|taken)|none|never (?:done|tried|obtained|attempted)|"
    r"not (?:yet )?(?:done|"
    r"obtained|performed|tried|attempted|completed)|declined|refused)\b"
)
_IMPERATIVE: Final = rx(
    r"^(?:[-•*\d.)\s]{0,6})(?:start|initiate|begin|refer|order|obtain|schedule|recommend|prescribe|repeat|trial of|"
    r"trial|proceed|"
    r"increase|add|consider|get|send|check|follow(?![\s-]?up (?:visit|exam\w{0,7}|evaluation)\b)|return|rx|referral|"
    r"apply|use|take|avoid|discuss|plan|request|perform)\b"
)
_GAP_BREAKS: Final = rx(
    r"\b(?:while|when|during|with|on|from|after|because|due|relief|improvement|help\w{0,3}|benefit|pain|symptoms?|"
    r"showed|seen|despite|"
    r"until|since|but|findings?|change|evidence|fracture|abnormal\w{0,6}|issues?|problems?|complications?|results?|"
    r"to|by|per|ice|provides?)\b"
)
_PAYER: Final = rx(
    r"\b(?:insur\w{2,5}|payer|payor|carrier|plan|medicare|medicaid|health ?plan|reviewer|authorization|was|were|been)\b"
)
_QUANTITY: Final = rx(r"\d|\b(?:weeks?|months?|days?|sessions?|visits?|full|enough|entire|additional|further|more)\b")
_IN: Final = rx(r"\b(?:in|at)\b")
_JOINING: Final = rx(r"participat|engag|enroll|been in|interested")
_PLANNED_SECTIONS: Final = frozenset({"plan"})


def standing(sentence: Sentence, start: int, end: int) -> Standing:
    """How the mention at `start` to `end` of the sentence stands. `said` only says that nothing speaks against it."""
    low = sentence.low
    if is_of_another(sentence, start, end):
        return "other"
    if _NOT_DONE_AFTER.match(low[end : end + 80]):
        return "denied"
    if "?" in low[max(0, start - 3) : start]:
        return "conditional"
    before, done = _before(low, start)
    return before if before != "said" else _after(sentence, start, end, done=done)


def _before(low: str, start: int) -> tuple[Standing, bool]:
    """What the words before `start` make of a mention there, and whether they say that something was done."""
    denied, plan, condition, done = False, False, False, False
    for match in _SIGNAL.finditer(low, 0, start):
        kind = match.lastgroup
        if kind in ("stop", "semi"):
            denied = False
            done = done and kind != "semi"
        elif kind == "done":
            plan, done = False, True
        elif kind == "cond":
            condition = True
        elif kind == "plan":
            plan = True
        elif kind == "neg":
            denied = True
    if condition:
        return "conditional", done
    if plan:
        return "planned", done
    return "denied" if denied else "said", done


def _after(sentence: Sentence, start: int, end: int, *, done: bool) -> Standing:
    rest = sentence.low[end : end + 200]
    if done or _has_done(rest):
        return "said"
    if _IF_AFTER.search(rest):
        return "conditional"
    if sentence.section in _PLANNED_SECTIONS or _IMPERATIVE.match(sentence.low) or _PLAN_AFTER.match(rest[:90]):
        return "planned"
    return "said"


def _has_done(low: str) -> bool:
    return any(match.lastgroup == "done" for match in _SIGNAL.finditer(low))


def is_denied(sentence: Sentence, start: int, end: int) -> bool:
    """True when the mention itself is what is denied ("no prior MRI", "denies any physical therapy"): strict."""
    low = sentence.low
    if is_of_another(sentence, start, end):
        return False
    if _NOT_DONE_AFTER.match(low[end : end + 80]):
        return True
    last: re.Match[str] | None = None
    for match in _SIGNAL.finditer(low, 0, start):
        if match.lastgroup == "neg":
            last = match if last is None or match.group() != "or" else last
        elif match.lastgroup in ("stop", "semi", "cond", "plan"):
            last = None
    if last is None or last.group() in ("avoid", "avoided", "avoiding", "instead of", "rather than", "rule out", "absent"):
        return False
    if last.group() in ("cannot", "unable to", "can't") or (
        last.group().startswith("den") and _PAYER.search(low[max(0, last.start() - 35) : last.start()])
    ):
        return False
    gap = low[last.end() : start]
    if len(gap) > 90 or _QUANTITY.search(gap) or _GAP_BREAKS.search(gap):
        return False
    return not _IN.search(gap) or bool(_JOINING.search(gap))


def is_of_another(sentence: Sentence, start: int, end: int) -> bool:
    """True when the sentence speaks of a relative or another person at this place, or stands under family history."""
    if sentence.section == "family":
        return True
    return bool(_OTHERS_BEFORE.search(sentence.low, 0, start) or _OTHERS_AFTER.search(sentence.low, end))
