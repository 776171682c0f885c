"""The JSON document of a policy, read and checked (docs/policies.md describes every element).

The document is what a Library carries; `criteria` in it are in the format of DESIGN section 7.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal, cast

from operations.evidence.vocabulary import VOCABULARY
from operations.policy.code_systems import canonical_code, canonical_system
from operations.policy.criteria import Criteria, compile_criteria
from operations.policy.document_reader import DocumentReader
from operations.policy.operators import is_number
from operations.policy.policy import DocumentRule, Policy, Review, RiskWeights, Terms, Token
from profiles.json import Json
from profiles.outcome import FhirError, Issue, refuse

_ELEMENTS: Final = (
    *("id", "version", "title", "payer", "codes", "effective_from", "effective_to", "place_of_service", "age"),
    *("source_id", "source_version", "state", "note"),
    *("criteria", "documents", "authorization", "review", "risk"),
)
DOCUMENT_KINDS: Final = frozenset(VOCABULARY["documents"].meaning.partition(": ")[2].split(", "))
"""The kinds of document of the vocabulary."""


def read_policy(document: Json) -> Policy:
    """The policy that a document describes. Raises `FhirError` (422) with one issue for everything wrong in it."""
    if not isinstance(document, dict):
        raise refuse("policy-invalid", "A policy document must be a JSON object.")
    issues: list[Issue] = []
    reader = DocumentReader(document, "", issues)
    reader.only(_ELEMENTS)
    criteria = _criteria(document, issues)
    age, start, end = reader.child("age"), reader.day("effective_from"), reader.day("effective_to")
    age.only(("min", "max"))
    if document.get("effective_from") is None:
        reader.issue("effective_from", "'effective_from' is required: a policy is in force from a day on.")
    if start and end and end < start:
        reader.issue("effective_to", "The last day is before the first.")
    rule_ids = frozenset(criteria.rule_ids) | criteria.nested_rule_ids if criteria else frozenset()
    policy = Policy(
        id=reader.text("id"),
        version=reader.text("version"),
        title=reader.text("title"),
        payers=frozenset(_payer(entry) for entry in reader.children("payer", required=True)),
        codes=frozenset(_code(entry) for entry in reader.children("codes", required=True)),
        effective_from=start or date.min,
        effective_to=end,
        source_id=reader.text("source_id"),
        source_version=reader.text("source_version"),
        source_state=cast(Literal["R", "K"], reader.one_of("state", ("R", "K"))),
        criteria=criteria or Criteria((), frozenset(), ()),
        places=frozenset(reader.texts("place_of_service")),
        min_age=age.whole("min", 0, 150),
        max_age=age.whole("max", 0, 150),
        documents=tuple(_document_rule(entry, rule_ids) for entry in reader.children("documents")),
        terms=_terms(reader.child("authorization")),
        review=_review(reader.child("review")),
        risk=_risk(reader.child("risk"), rule_ids),
    )
    if issues:
        raise FhirError(issues, 422)
    return policy


def _criteria(document: dict[str, Json], issues: list[Issue]) -> Criteria | None:
    try:
        return compile_criteria(document.get("criteria"))
    except FhirError as error:
        issues.extend(error.issues)
        return None


def _payer(entry: DocumentReader) -> Token:
    entry.only(("system", "value"))
    return Token(entry.text("system"), entry.text("value"))


def _code(entry: DocumentReader) -> Token:
    entry.only(("system", "code"))
    system = canonical_system(entry.text("system"))
    return Token(system, canonical_code(system, entry.text("code")))


def _document_rule(entry: DocumentReader, rule_ids: frozenset[str]) -> DocumentRule:
    entry.only(("kind", "title", "loinc", "proves", "when_missing", "required"))
    kind, proves = entry.text("kind"), entry.texts("proves")
    if kind and kind not in DOCUMENT_KINDS:
        entry.issue("kind", f"'kind' must be one of {', '.join(sorted(DOCUMENT_KINDS))}.")
    if unknown := [rule for rule in proves if rule not in rule_ids]:
        entry.issue("proves", f"No rule of the criteria has the id '{unknown[0]}'.")
    when_missing = entry.one_of("when_missing", ("pend", "deny"), "pend")
    return DocumentRule(
        kind=kind,
        title=entry.text("title"),
        loinc=entry.optional_text("loinc"),
        proves=proves,
        when_missing=cast(Literal["pend", "deny"], when_missing),
        until_proved=entry.one_of("required", ("always", "until-proved"), "always") == "until-proved",
    )


def _terms(entry: DocumentReader) -> Terms:
    entry.only(("days_valid", "max_quantity", "unit"))
    maximum, unit = entry.whole("max_quantity", 1), entry.optional_text("unit")
    if maximum is not None and unit is None:
        entry.issue("unit", "'unit' says what 'max_quantity' counts.")
    return Terms(entry.whole("days_valid", 1, 3660) or 180, maximum, unit)


def _review(entry: DocumentReader) -> Review:
    entry.only(("all_met", "not_met", "missing"))
    return Review(
        cast(Literal["approve", "pend"], entry.one_of("all_met", ("approve", "pend"), "approve")),
        cast(Literal["deny", "pend"], entry.one_of("not_met", ("deny", "pend"), "deny")),
        cast(Literal["deny", "pend"], entry.one_of("missing", ("pend", "deny"), "pend")),
    )


def _risk(entry: DocumentReader, rule_ids: frozenset[str]) -> RiskWeights:
    entry.only(("base_rate", "weights"))
    weights: dict[str, float] = {}
    for rule_id, weight in entry.child("weights").value.items():
        if rule_id not in rule_ids:
            entry.issue(f"weights.{rule_id}", f"No rule of the criteria has the id '{rule_id}'.")
        elif not is_number(weight) or not 0 <= weight <= 5:
            entry.issue(f"weights.{rule_id}", "A weight is a number from 0 to 5.")
        else:
            weights[rule_id] = float(weight)
    return RiskWeights(entry.number("base_rate", 0.0, 1.0, 0.2), weights)
