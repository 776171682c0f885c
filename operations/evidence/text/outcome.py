"""What a treatment brought, as a sentence tells it: no relief, minimal, partial, relief, or not tolerated."""

from __future__ import annotations

from typing import Final

from operations.evidence.drug_facts import Outcome
from operations.evidence.text.patterns import either, rx

_HARM: Final = either(
    r"side effects?", r"adverse \w{5,9}", r"intoleran\w{1,3}", r"toxicity", r"reactions?", r"allerg\w{1,3}",
    r"anaphyla\w{2,4}",
    r"nausea", r"vomiting", r"emesis", r"diarrh\w{2,3}", r"constipation", r"dyspepsia", r"heartburn", r"reflux",
    r"gastritis", r"gastrointestinal",
    r"gi (?:upset|bleed\w{0,3}|distress|side|symptoms?|intolerance)",
    r"(?:stomach|abdominal|gastric|belly) (?:pain|upset|cramps?|bleed\w{0,3}|ulcers?)",
    r"ulcers?", r"bleeding", r"bruising", r"pancreatitis", r"hepat\w{3,9}", r"jaundice",
    r"(?:elevated|abnormal|rising) (?:liver|lfts?|transaminases|creatinine|\w{1,8} enzymes)",
    r"(?:renal|kidney|liver) (?:failure|injury|insufficiency|dysfunction)",
    r"lactic acidosis", r"hypoglyc\w{3,6}", r"hypotension", r"bradycardia", r"palpitations", r"syncope", r"edema",
    r"swelling", r"rash", r"hives",
    r"urticaria", r"itching", r"pruritus", r"angioedema", r"dizz\w{3,4}", r"drows\w{3,5}", r"sedation",
    r"sleepiness", r"somnolence", r"fatigue",
    r"insomnia", r"confusion", r"brain fog", r"cognitive \w{3,14}", r"paresthesias?", r"tremors?", r"headaches?",
    r"mood \w{3,9}", r"depression",
    r"suicid\w{2,9}", r"weight (?:gain|loss)", r"hair loss", r"alopecia", r"mouth sores", r"stomatitis",
    r"infections?", r"leukopenia",
    r"neutropenia", r"cytopenias?", r"myalgias?", r"cough", r"kidney stones",
    r"(?:increas\w{2,3}|worsen\w{2,3}|more|severe|too much) (?:\w{1,9} )?pain",
)  # fmt: skip
_ENDED: Final = either(
    "stopped",
    "discontinued",
    "quit",
    "withdrawn",
    "held",
    "had to stop",
    "taken off",
    "came off",
    "ceased",
    "self-discontinued",
)
_BECAUSE: Final = (
    r"(?:(?: \w{1,15}){0,4} (?:due to|because of|secondary to|owing to|on account of)| (?:after|for|from|with|given))"
)
_OF_HARM: Final = rf"(?:(?!no\b|lack|absen|ineffect|resol|improv|cost|insur|surg)\w{{1,15}} ){{0,3}}{_HARM}"
_GAVE: Final = either(
    r"caus(?:ed|es|ing)",
    "gave",
    "led to",
    "resulted in",
    "produced",
    "triggered",
    "developed",
    "experienced",
    "complicated by",
    "made (?:him|her|them)",
)
_NO_HARM: Final = r"(?<!no )(?<!without )(?<!any )(?<!denies )(?<!denied )"
_NOT_TOLERATED: Final = rx(
    either(
        r"(?:could|can|did|does|was|is|were)(?:n't| not) (?:be )?(?:able to )?tolerat\w{1,5}",
        r"(?:unable to|cannot|not|poorly) tolerate[ds]?",
        r"\bintoleran\w{1,3}",
        rf"{_NO_HARM}(?:side effects?|adverse (?:effects?|reactions?|events?))",
        rf"\b{_ENDED}{_BECAUSE} {_OF_HARM}\b",
        rf"\b{_GAVE} (?!no )(?:\w{{1,14}},? ){{0,4}}{_HARM}\b[^.;]{{0,40}}\b{_ENDED}\b",
        rf"\((?!no |lack|ineff)(?:[a-z]{{1,14}},? ){{0,3}}{_HARM},?[^).;]{{0,25}}{_ENDED}\)",
    )
)
_ADJECTIVE: Final = (
    r"(?: (?:any|had|much|real|really|significant|significantly|sustained|lasting|adequate|pain|symptom|noticeable|"
    r"symptomatic|"
    r"further|meaningful|great|clinical|appreciable|seem|seemed|seems|appear|to|been|all that|provided?|provides|providing|"
    r"give|given|her|him|the|his|with|pain)){0,5}"
)
_NONE: Final = rx(
    rf"\b(?:without|no){_ADJECTIVE} (?:relief|improvement|benefit|response|success|help|effect|resolution|efficacy)\b|"
    rf"\b(?:did|does|do|has|have|had|was|were|is|are)(?:n't| not){_ADJECTIVE} "
    r"(?:help(?:ed|ful|ing)?|improve[ds]?|improving|relieved?|relieving|work(?:ed|ing)?|responde?d?|effective|"
    r"beneficial|relief)\b|"
    r"\bfail(?:ed|ing|s)? (?!to (?:return|show|appear|attend|follow))|\bfailed\b|\bfailure of\b|\bineffective|"
    r"\brefractory to\b|"
    r"\bunresponsive to\b|inadequate (?:response|relief|control)|insufficient (?:response|relief)|"
    r"lack of (?:response|relief|improvement)|"
    r"\bnothing (?:\w{1,10} ){0,3}help\w{0,3}|\bstill (?:very |quite |pretty |so )?(?:painful|sore|stiff|hurts?|"
    r"hurting|in pain)|"
    r"\bpersistent (?:pain|symptoms) despite|\bpain (?:has )?persist\w{0,3}|not (?:been )?(?:helpful|effective|"
    r"relieved)|\b(?:made|makes) (?:\w{1,8} ){0,3}worse|\bworsened (?:his|her|the) (?:pain|symptoms)|"
    r"den(?:y|ies|ied) (?:\w{1,15} ){1,4}(?:provides?|helps?) (?:\w{1,10} ){0,2}relief"
)
_MINIMAL: Final = rx(
    r"\b(?:minimal|minimally|little|negligible)(?: (?:pain|symptom|symptomatic))?(?: (?:relief|improvement|benefit|"
    r"help|effect)|ly)"
)
_PARTIAL: Final = rx(
    r"\b(?:some|mild|moderate|partial|temporary|slight|modest|limited|transient|short[\s-]?(?:lived|term)|"
    r"brief)(?: (?:and|but) \w{1,12})?"
    r"(?: (?:pain|symptom|symptomatic))? (?:relief|improvement|benefit|help)|somewhat help\w{0,3}|helps? (?:a little|some)"
)
_RELIEF: Final = rx(
    r"\b(?:help(?:s|ed|ful|ing)|beneficial|effective|reliev(?:es|ed|ing)|well[\s-]controlled|good (?:relief|response|"
    r"control)|"
    r"(?:significant|great|excellent|complete|substantial|adequate) (?:\w{1,9} )?(?:relief|improvement|benefit)|"
    r"reduc(?:es|ed|ing) (?:\w{1,9} ){0,2}"
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
