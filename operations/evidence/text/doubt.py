"""Suspicion that is low, absent, doubted or ruled out: "low suspicion for malignancy" supports no suspicion of it.

In the manner of NegEx (Chapman 2001), for what a clinician suspects: neither a fact nor its denial.
"""

from __future__ import annotations

from typing import Final

from operations.evidence.text.patterns import either, rx
from operations.evidence.text.sentences import Sentence

_SUSPICION: Final = (
    r"(?:(?:clinical|overall|index|level|degree|of|very|my|our|a|an|any|the|pre-?test|initial|current|significant|real|"
    r"strong|high|particular|specific|great|suspicion|suspicious|suspected|suspect|concern|concerning|concerns|worry|"
    r"worrisome|likelihood|probability|possibility|evidence|features?|findings?|signs?|for|to) )"
)
_SMALL: Final = either(
    r"(?:very |fairly |quite |relatively |extremely )?low(?! back| grade|-grade)",
    "little", "minimal", "slight", "remote", "scant", "negligible", "less", "unlikely", "doubtful",
    r"not?(?! doubt| only)", "nor", "never", "without", r"\w{2,6}n't", "absence of", "lack of",
)  # fmt: skip
_BEFORE: Final = rx(rf"\b{_SMALL} {_SUSPICION}{{0,7}}$")
_FURTHER_BEFORE: Final = rx(
    rf"(?<!no )(?<!without )\b{either('doubt', 'doubts', 'doubted', 'unlikely to be', 'less likely')}\b[^.;]{{0,60}}$|"
    rf"\b{either('argues? against', 'against', 'rather than', 'as opposed to', 'instead of', 'negative for', 'free of')} "
    r"(?:\w{1,14} ){0,5}$|"
    rf"\b{either('rul(?:ed?|es|ing) out', 'exclud(?:e|ed|es|ing)')} (?:\w{{1,14}} ){{0,5}}$"
)
_AFTER: Final = rx(
    r"^[^.;]{0,60}?\b(?:"
    rf"{either('is', 'was', 'are', 'were', 'remains?', 'seems?', 'appears?', 'very', 'considered', 'thought to be', 'felt to be')} "
    rf"(?:(?:very|quite|also|still|clinically|overall|considered|extremely|rather|thought|felt|to|"
    rf"be) ){{0,3}}{either('low', 'minimal', 'slight', 'remote', 'small', 'negligible', 'absent')}"
    r"|unlikely|doubtful|improbable|less likely|not likely|not suspected|not supported|ruled out|excluded|benign|"
    r"negative|none)\b"
)
_INSIDE: Final = rx(r"\b(?:no|not|without|rather than|low|unlikely|little)\b(?! back| grade)")
_TURN: Final = rx(r"\b(?:but|however|although|though|yet|while)\b")


def is_doubted(sentence: Sentence, start: int, end: int) -> bool:
    """True when what is suspected at `start` to `end` is called unlikely, is excluded, or is only there to be ruled out."""
    before = sentence.low[max(0, start - 110) : start]
    turns = list(_TURN.finditer(before))
    if turns:
        before = before[turns[-1].end() :]
    if _BEFORE.search(before) or _FURTHER_BEFORE.search(before):
        return True
    mention = sentence.low[start:end]
    if _BEFORE.search(mention) or _INSIDE.search(mention):
        return True
    after = _AFTER.match(sentence.low[end : end + 90])
    return after is not None and not _TURN.search(after.group())
