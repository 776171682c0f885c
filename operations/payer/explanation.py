"""A policy's verdict in sentences: policy and version, each criterion, the evidence that met it or what is missing.

As few of the patient's words as serve: for text, the quoted span alone; the reader has the document it stands in.
"""

from __future__ import annotations

from typing import Final

from operations.evidence.fact import Fact
from operations.payer.determination import DocumentAsk
from operations.policy.assessment import Assessment, Reason
from operations.policy.policy import DocumentRule

LONGEST_QUOTE: Final = 120
MOST_FACTS: Final = 3
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
    seen = "; ".join(_cited(fact) for fact in reason.facts[:MOST_FACTS])
    return f"{named}{reason.text.rstrip('.')}." + (f" Evidence: {seen}." if seen else "")


def _cited(fact: Fact) -> str:
    source = fact.source
    cited = f"{source.expression} of {source.reference}"
    if source.quote is None:
        return cited
    quote = " ".join(source.quote.split())
    shown = quote if len(quote) <= LONGEST_QUOTE else quote[: LONGEST_QUOTE - 3] + "..."
    span = f", characters {source.start} to {source.end}" if source.start is not None and source.end is not None else ""
    return f'"{shown}" ({cited}{span})'


def asks_of(assessment: Assessment) -> tuple[DocumentAsk, ...]:
    """The documents to ask for: those that the policy misses, and those that would show a criterion that is not shown."""
    rules = {rule.kind: rule for rule in (finding.rule for finding in assessment.documents)}
    asks = {rule.kind: _ask(rule) for rule in assessment.missing_documents}
    unshown = []
    for gap in assessment.gaps:
        kinds = [kind for kind in gap.documents if kind in rules]
        for kind in kinds:
            asks.setdefault(kind, _ask(rules[kind]))
        if not kinds:
            unshown.append(gap.meaning)
    if unshown and not asks:
        wanted = "; ".join(dict.fromkeys(unshown))
        asks["other"] = DocumentAsk("other", f"A clinical note that documents: {wanted}.", _UNCODED)
    if not asks:
        asks["other"] = DocumentAsk("other", "A clinical note that settles what the evidence leaves open.", _UNCODED)
    return tuple(asks.values())


def _ask(rule: DocumentRule) -> DocumentAsk:
    return DocumentAsk(rule.kind, rule.title, rule.loinc)
