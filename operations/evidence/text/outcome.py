"""What a treatment brought, as a sentence tells it: no relief, minimal, partial, relief, or not tolerated."""

from __future__ import annotations

from typing import Final

from operations.evidence.drug_facts import Outcome
from operations.evidence.text.patterns import rx

_NOT_TOLERATED: Final = rx(
    r"(?:could|can|did|does|was|is|were)(?:n't| not) (?:be )?(?:able to )?tolerat\w{1,5}|unable to tolerate|cannot tolerate|"
    r"\bintoleran\w{1,3}|(?<!no )(?<!without )(?<!any )(?<!denies )(?:side effects?|adverse (?:effects?|reactions?|events?))|"
    r"not tolerated|\b(?:stopped|discontinued)(?: \w{1,15}){0,4} (?:due to|because of|secondary to) (?!no |lack|ineffect|cost|insur|cover|price|expens|improv|resol|surgery|pregnan|scheduling|transport)|"
    r"\((?!no |lack|ineff)[a-z ,]{3,40}(?:stopped|discontinued)\)"
)
_ADJECTIVE: Final = (
    r"(?: (?:any|had|much|real|really|significant|significantly|sustained|lasting|adequate|pain|symptom|noticeable|symptomatic|"
    r"further|meaningful|great|clinical|appreciable|seem|seemed|seems|appear|to|been|all that|provided?|provides|providing|"
    r"give|given|her|him|the|his|with|pain)){0,5}"
)
_NONE: Final = rx(
    rf"\b(?:without|no){_ADJECTIVE} (?:relief|improvement|benefit|response|success|help|effect|resolution|efficacy)\b|"
    rf"\b(?:did|does|do|has|have|had|was|were|is|are)(?:n't| not){_ADJECTIVE} "
    r"(?:help(?:ed|ful|ing)?|improve[ds]?|improving|relieved?|relieving|work(?:ed|ing)?|responde?d?|effective|beneficial|relief)\b|"
    r"\bfail(?:ed|ing|s)? (?!to (?:return|show|appear|attend|follow))|\bfailed\b|\bfailure of\b|\bineffective|\brefractory to\b|"
    r"\bunresponsive to\b|inadequate (?:response|relief|control)|insufficient (?:response|relief)|lack of (?:response|relief|improvement)|"
    r"\bnothing (?:\w{1,10} ){0,3}help\w{0,3}|\bstill (?:very |quite |pretty |so )?(?:painful|sore|stiff|hurts?|hurting|in pain)|"
    r"\bpersistent (?:pain|symptoms) despite|\bpain (?:has )?persist\w{0,3}|not (?:been )?(?:helpful|effective|relieved)|\b(?:made|makes) (?:\w{1,8} ){0,3}worse|\bworsened (?:his|her|the) (?:pain|symptoms)|"
    r"den(?:y|ies|ied) (?:\w{1,15} ){1,4}(?:provides?|helps?) (?:\w{1,10} ){0,2}relief"
)
_MINIMAL: Final = rx(
    r"\b(?:minimal|minimally|little|negligible)(?: (?:pain|symptom|symptomatic))?(?: (?:relief|improvement|benefit|help|effect)|ly)"
)
_PARTIAL: Final = rx(
    r"\b(?:some|mild|moderate|partial|temporary|slight|modest|limited|transient|short[\s-]?(?:lived|term)|brief)(?: (?:and|but) \w{1,12})?"
    r"(?: (?:pain|symptom|symptomatic))? (?:relief|improvement|benefit|help)|somewhat help\w{0,3}|helps? (?:a little|some)"
)
_RELIEF: Final = rx(
    r"\b(?:help(?:s|ed|ful|ing)|beneficial|effective|reliev(?:es|ed|ing)|well[\s-]controlled|good (?:relief|response|control)|"
    r"(?:significant|great|excellent|complete|substantial|adequate) (?:\w{1,9} )?(?:relief|improvement|benefit)|reduc(?:es|ed|ing) (?:\w{1,9} ){0,2}"
    r"pain|with (?:relief|improvement|benefit)|provides (?:\w{1,9} )?relief|improved (?:with|after|on))\b"
)


def outcome_in(low: str) -> Outcome | None:
    """The outcome that a lower-case sentence or clause speaks of, the worst first."""
    if _NOT_TOLERATED.search(low):
        return "not tolerated"
    if _NONE.search(low):
        return "no relief"
    if _MINIMAL.search(low):
        return "minimal relief"
    if _PARTIAL.search(low):
        return "partial relief"
    return "relief" if _RELIEF.search(low) else None
