"""A policy's verdict in sentences: policy and version, each criterion, the evidence that met it or what is missing.

As few of the patient's words as serve: for text, the quoted span alone; the reader has the document it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operations.evidence.fact import Fact
from operations.payer.determination import DocumentAsk
from operations.policy.assessment import Assessment, Reason
from operations.policy.condition_words import fact_words
from operations.policy.policy import DocumentRule

LONGEST_QUOTE: Final = 120
MOST_FACTS: Final = 3
"""Quotes of one resource in a sentence."""
MOST_PLACES: Final = 3
"""Resources named in a sentence."""
_UNCODED: Final = "11506-3"
"""LOINC code for a progress note, asked for where the policy names no document that would show what is missing."""


def headline(assessment: Assessment, verdict: str) -> str:
    """The verdict, with the policy and its version that it was made under."""
    policy = assessment.policy
    return f"{verdict}: {policy.title}, policy {policy.id} version {policy.version}."


def explained(assessment: Assessment) -> tuple[str, ...]:
    """One sentence for each reason of the recommendation; that a reviewer decides is said in the headline."""
    return tuple(dict.fromkeys(_sentence(each) for each in assessment.recommendation.reasons if each.kind != "review"))


def _sentence(reason: Reason) -> str:
    named = f"[{reason.rule_id}] " if reason.rule_id is not None else ""
    seen = cited(reason.facts)
    lead = "Evidence" if reason.state == "met" else "Weighed"
    return f"{named}{reason.text.rstrip('.')}." + (f" {lead}: {seen}." if seen else "")


def cited(facts: Iterable[Fact]) -> str:
    """What the facts say, each once, by the resource that they stand in and the day that they speak of."""
    by_place: dict[str, list[str]] = {}
    for fact in facts:
        said = by_place.setdefault(_place(fact), [])
        words = _said(fact)
        if not any(words in other for others in by_place.values() for other in others):
            said.append(words)
    shown = [(place, said) for place, said in by_place.items() if said][:MOST_PLACES]
    return "; ".join(f"{', '.join(said[:MOST_FACTS])} ({place})" for place, said in shown)


def _said(fact: Fact) -> str:
    """For text its words, for coded data what it means."""
    if fact.source.quote is None:
        return fact_words(fact)
    quote = " ".join(fact.source.quote.split())
    return f'"{quote if len(quote) <= LONGEST_QUOTE else quote[: LONGEST_QUOTE - 3] + "..."}"'


def _place(fact: Fact) -> str:
    """`DocumentReference/doc-501, 2026-11-10`; the whole reference with its span is for the preview's structured part."""
    reference = fact.source.reference.partition("/_history/")[0]
    parts = reference.split("/")
    short = "/".join(parts[-2:]) if len(parts) > 1 else reference
    return f"{short}, {fact.as_of.isoformat()}" if fact.as_of is not None else short


def asks_of(assessment: Assessment) -> tuple[DocumentAsk, ...]:
    """The documents to ask for: those that the policy misses, and those that would show a criterion that is not shown."""
    rules = {rule.kind: rule for rule in (finding.rule for finding in assessment.documents)}
    asks = {rule.kind: _ask(rule) for rule in assessment.missing_documents}
    unshown = []
    for finding in assessment.findings:
        kinds = [kind for gap in finding.gaps for kind in gap.documents if kind in rules]
        for kind in kinds:
            asks.setdefault(kind, _ask(rules[kind]))
        if finding.needs and not all(gap.documents for gap in finding.gaps):
            unshown.append(finding.needs)
    if unshown and not asks:
        wanted = "; ".join(dict.fromkeys(unshown))
        asks["other"] = DocumentAsk("other", f"A clinical note that documents: {wanted}.", _UNCODED)
    if not asks:
        asks["other"] = DocumentAsk("other", "A clinical note that settles what the evidence leaves open.", _UNCODED)
    return tuple(asks.values())


def _ask(rule: DocumentRule) -> DocumentAsk:
    return DocumentAsk(rule.kind, rule.title, rule.loinc)
