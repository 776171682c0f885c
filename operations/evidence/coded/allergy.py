"""Drugs that the patient may not take (FHIR R4 AllergyIntolerance)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from operations.evidence.coded.elements import codes, codings, items, resource_of, source, when, words
from operations.evidence.drug_facts import DrugUse, contraindicated
from operations.evidence.fact import Fact
from operations.evidence.ingredients import by_code, named_in
from operations.packet import Entry


def allergy_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """`drugs.<drug>.contraindicated` for an active allergy or intolerance that is not refuted."""
    allergy = resource_of(entry)
    if codes(allergy.get("verificationStatus")) & {"refuted", "entered-in-error"}:
        return
    if codes(allergy.get("clinicalStatus")) & {"inactive", "resolved"}:
        return
    concepts = [allergy.get("code"), *(reaction.get("substance") for _, reaction in items(allergy.get("reaction")))]
    noted = when(allergy, "recordedDate", "onsetDateTime")
    use = DrugUse(source(entry, "code"), "coded", 0.95, noted)
    drugs = {}
    for concept in concepts:
        for drug, _, _ in named_in(words(concept)):
            drugs[drug.name] = drug
        for coding in codings(concept):
            if (known := by_code(coding.system, coding.code)) is not None:
                drugs[known.name] = known
    for drug in drugs.values():
        yield from contraindicated(drug, use)
