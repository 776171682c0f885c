"""A QuestionnaireResponse against its Questionnaire (FHIR R4 questionnaireresponse.html)."""

from __future__ import annotations

from profiles.conformance.context import Context, Item


def check_response(item: Item, context: Context) -> None:
    """Check the answers of a QuestionnaireResponse where its Questionnaire is at hand."""
